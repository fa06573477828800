"""The commands and their options. Nothing heavy is imported before a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netdiffus import limits
from netdiffus.cli.say import say, say_next

if TYPE_CHECKING:
    from netdiffus.diffusion.fit import TrainStep

app = typer.Typer(
    name="netdiffus",
    help="Learns from labelled network traffic and makes more of it; says how faithful, useful and private that is.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Seed = Annotated[int, typer.Option(min=0, max=limits.SEED, help="Seed of every random draw.")]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """What holds for every command."""
    if version:
        from netdiffus.version import __version__

        print(f"netdiffus {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option(help="Folder for all that the demo makes; nothing else in it is touched.")
    ] = Path("netdiffus-demo"),
    minutes: Annotated[
        float,
        typer.Option(
            min=limits.MINUTES[0],
            max=limits.MINUTES[1],
            help="Training, in minutes of a 2-core machine; the number of steps follows from it.",
        ),
    ] = 2.0,
    seed: Seed = 0,
) -> None:
    """The shipped recordings become a model, synthetic traffic and a report, in a few minutes."""
    from netdiffus.cli.demo import run_demo

    run_demo(out, minutes, seed)


@app.command()
def prepare(
    context: typer.Context,
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE...", help="Captures, folders of captures, patterns, '-', or tables.", show_default=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DATASET",
            help="The dataset folder to write; or FILE.nprint, FILE.nprint.npz, or FILE.pcap from nPrint files. "
            "Only a dataset or rows of netdiffus are replaced (docs/files.md).",
            show_default=False,
        ),
    ],
    labels: Annotated[
        str | None,
        typer.Option(
            help="Labels: 'folder' (parent folder; captures: the default), 'file' (file name), or a CSV table.",
            show_default=False,
        ),
    ] = None,
    unlabelled: Annotated[bool, typer.Option("--unlabelled", help="Accept input without labels.")] = False,
    packets: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=limits.POSITIONS,
            help="Keep the first N packets of a flow, or bins (up to 65,536); default 64, 1000 bins, of tables all.",
        ),
    ] = None,
    min_packets: Annotated[
        int, typer.Option(min=1, max=limits.POSITIONS, help="Leave out flows with fewer packets.")
    ] = 1,
    flow_timeout: Annotated[
        float,
        typer.Option(min=limits.SECONDS[0], max=limits.SECONDS[1], help="Seconds without a packet that end a flow."),
    ] = 120.0,
    inner: Annotated[
        bool, typer.Option("--inner", help="Look inside tunnels: IP in IP, GRE, VXLAN, Geneve, GTP-U.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse files with faults (exit 2) instead of reporting them.")
    ] = False,
    test: Annotated[
        str,
        typer.Option(
            metavar="SHARE|SOURCE",
            help="Share of each label's traces kept for testing, from 0 to below 1, or their source.",
        ),
    ] = "0.2",
    seed: Seed = 0,
    columns: Annotated[
        str | None, typer.Option(help="Columns of tables, e.g. size=PL,direction=DIR,gap_us=IAT,label=LABEL.")
    ] = None,
    strip_padding: Annotated[
        bool, typer.Option("--strip-padding", help="Drop the zeros at the tail of a table's series.")
    ] = False,
    bins: Annotated[
        float | None,
        typer.Option(
            metavar="MS",
            min=limits.BIN_MS[0],
            max=limits.BIN_MS[1],
            help="Bytes up and down per bin of so many milliseconds (1e-6 to 86,400,000), not packets.",
        ),
    ] = None,
    sum_: Annotated[
        int | None,
        typer.Option(
            "--sum", min=2, max=limits.POSITIONS, help="Add up every N neighbouring positions of a table's series."
        ),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(min=2, max=limits.POSITIONS, help="Cut a table's series into windows of N positions."),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(min=1, max=limits.POSITIONS, help="Begin a window every N positions; default: --window."),
    ] = None,
    gasf: Annotated[
        str | None,
        typer.Option(metavar="LOW,HIGH", help="Sources are npz files of GASF images, made from LOW to HIGH."),
    ] = None,
    anonymise: Annotated[
        str | None, typer.Option(metavar="KEYFILE", help="Map the addresses of captures, prefix-preserving.")
    ] = None,
    time_format: Annotated[
        str | None,
        typer.Option(help="How --labels TABLE writes times, e.g. '%d/%m/%Y %H:%M'; default: ISO 8601 or seconds."),
    ] = None,
    utc_offset: Annotated[
        str | None,
        typer.Option(metavar="HH:MM", help="Offset of its times from UTC, -14:00 to +14:00, e.g. -03:00; default: 0."),
    ] = None,
    max_values: Annotated[
        int,
        typer.Option(min=1, max=limits.TABLE_VALUES, help="Values that a table may hold where its file is small."),
    ] = 100_000_000,
    headers: Annotated[
        str | None, typer.Option(help="nPrint: columns of eth,ipv4,ipv6,tcp,udp,icmp; default ipv4,tcp,udp,icmp.")
    ] = None,
    payload_bytes: Annotated[int, typer.Option(min=0, max=65535, help="nPrint: payload bytes with columns.")] = 0,
    timestamps: Annotated[
        str, typer.Option(help="nPrint: time columns of .nprint text: 'none', 'absolute' or 'relative'.")
    ] = "none",
) -> None:
    """Captures and tables become a dataset folder; captures become nPrint rows, and those a capture."""
    from netdiffus.cli.packets import is_packet_file, run_packets

    if is_packet_file(context, out):
        run_packets(
            sources, out, headers=headers, payload_bytes=payload_bytes, timestamps=timestamps, anonymise=anonymise
        )
        return
    from netdiffus.cli.progress import show_reading
    from netdiffus.cli.show import print_dataset
    from netdiffus.steps.prepare import prepare as step
    from netdiffus.steps.sources.prepare_config import PrepareConfig, parse_test

    config = PrepareConfig.of(
        labels=labels, unlabelled=unlabelled, packets=packets, min_packets=min_packets, flow_timeout=flow_timeout,
        inner=inner, strict=strict, test=parse_test(test), seed=seed, columns=columns, strip_padding=strip_padding,
        bins=bins, sum=sum_, window=window, stride=stride, gasf=gasf, anonymise=anonymise,
        time_format=time_format, utc_offset=utc_offset, max_values=max_values,
    )  # fmt: skip
    show_reading(step(sources, out, config))
    print_dataset(out)
    say_next("next", "train", out, "--out", "MODEL")


@app.command()
def train(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="A dataset folder.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option(
            metavar="MODEL",
            help="The model folder to write; only a model of netdiffus is replaced.",
            show_default=False,
        ),
    ],
    image: Annotated[
        str, typer.Option(help="What is diffused: 'gasf' images, the bare 'series', or the 'fields' of packets.")
    ] = "gasf",
    preset: Annotated[
        str,
        typer.Option(help="'default', 'tiny', or as published: 'netdiffus' (128 px), 'netdiffus2' (10 px)."),
    ] = "default",
    scale: Annotated[
        str | None, typer.Option(help="Scale of values: empirical, minmax or log; default: the preset's.")
    ] = None,
    length: Annotated[
        int | None,
        typer.Option(min=2, max=limits.LENGTH, help="Positions of a trace that are learned; default: all."),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=limits.MINUTES[0], max=limits.MINUTES[1], help="Train for so many minutes (default 10)."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, max=limits.STEPS, help="Train for so many steps instead of --minutes.")
    ] = None,
    balance: Annotated[bool, typer.Option("--balance", help="Learn from every label alike often.")] = False,
    label_dropout: Annotated[
        float, typer.Option(min=0.0, max=0.99, help="Hide this share of labels, for 'generate --guidance'.")
    ] = 0.0,
    validation: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=0.99, help="Share of the training traces held back to choose the best weights (default 0.05)."
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(min=1, max=limits.PATIENCE, help="Stop after N checks in a row without better weights."),
    ] = None,
    seed: Seed = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in MODEL.")] = False,
) -> None:
    """A dataset becomes a model."""
    from netdiffus.cli.show import print_breaks, print_warnings
    from netdiffus.models.options import train_options

    config = train_options(
        preset, image=image, scale=scale, length=length, minutes=minutes, steps=steps, seed=seed,
        balance=1.0 if balance else 0.0, label_dropout=label_dropout, validation=validation, patience=patience,
    )  # fmt: skip
    print_warnings(dataset)
    last = _train(dataset, out, config, resume=resume)
    say(f"model: {out}  ({last.step} steps in {last.seconds:.0f} s)")
    print_breaks(out)
    made = f"synthetic.{'pcap' if config.image == 'fields' else 'parquet'}"
    say_next("next", "generate", out, "--out", made, "--count", 1000)


def _train(dataset: Path, out: Path, config: Any, *, resume: bool = False) -> TrainStep:
    from netdiffus.cli.progress import show_training
    from netdiffus.models.options import share_done
    from netdiffus.steps.train import train as step

    return show_training(step(dataset, out, config, resume=resume), share_done(config), out)


@app.command()
def generate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="What to write: .parquet, .csv, .npz; of packets .pcap, .pcapng, .nprint; else a folder of images. "
            "Only what netdiffus wrote is replaced.",
            show_default=False,
        ),
    ],
    count: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N|LABEL=N",
            help=f"Traces in all, 1 to {limits.TRACES:,}, or of a label (may be repeated); default 1000.",
        ),
    ] = None,
    balance: Annotated[
        bool, typer.Option("--balance", help="The same number of every label; without LABEL=N.")
    ] = False,
    seed: Seed = 0,
    sampling_steps: Annotated[
        int | None,
        typer.Option(
            min=2, max=1000, help="Noise levels of a row (with --window; default 16), or of a published model."
        ),
    ] = None,
    sampler: Annotated[
        str | None, typer.Option(help="Published models: learned (default), heun, dpm++2m, ddim, ancestral or ddpm.")
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=limits.GUIDANCE, help="Push towards the label by this weight; needs 'train --label-dropout'."
        ),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=limits.LENGTH,
            help="Rows that are noisy at once; more than the default 1 (exact) is approximate.",
        ),
    ] = None,
    beginnings: Annotated[
        Path | None,
        typer.Option(
            "--continue",
            metavar="TRACES",
            help="A table of traces or a dataset: one trace goes on from each of its rows.",
        ),
    ] = None,
    length: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=limits.DRAWN_LENGTH,
            help="Rows of a trace at most; beyond the model's by a window that slides; default: the model's.",
        ),
    ] = None,
    protocol: Annotated[str | None, typer.Option(help="Packets: flows of 'tcp' or 'udp' alone.")] = None,
    packets: Annotated[
        int | None, typer.Option(min=1, max=limits.LENGTH, help="Packets: the first so many of a flow.")
    ] = None,
    client_net: Annotated[
        list[str] | None, typer.Option(help="Packets: clients' network, once for each IP version.", show_default=False)
    ] = None,
    server_net: Annotated[
        list[str] | None, typer.Option(help="Packets: servers' network, once for each IP version.", show_default=False)
    ] = None,
    link: Annotated[str | None, typer.Option(help="Packets: 'ethernet' (default) or 'raw' IP.")] = None,
    payload: Annotated[str | None, typer.Option(help="Packets: 'random' bytes (default) or 'zero'.")] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=limits.RATE[0],
            max=limits.RATE[1],
            help="Packets: flows a second; default: as they arrive in the dataset.",
        ),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(
            min=limits.SECONDS[0],
            max=limits.SECONDS[1],
            help="Packets: seconds in which all flows begin, instead of --rate.",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Packets: when the first flow begins; ISO 8601 (UTC) or seconds since 1970, to 2105 (pcap) or 2261; "
            "default 2026-01-01.",
        ),
    ] = None,
    per_label: Annotated[bool, typer.Option("--per-label", help="Captures: one a label.")] = False,
) -> None:
    """A model draws synthetic traces, or packets."""
    from netdiffus.cli.progress import show_drawing
    from netdiffus.cli.show import print_written
    from netdiffus.config import exclusive
    from netdiffus.models.label_counts import parse_counts
    from netdiffus.steps.generate import generate as step
    from netdiffus.steps.outputs.capture_config import CaptureConfig
    from netdiffus.steps.outputs.generate_config import GenerateConfig

    if beginnings is not None:
        exclusive(**{"count": bool(count), "continue": True})
        exclusive(**{"balance": balance, "continue": True})
    config = GenerateConfig.of(
        count=parse_counts(count), balance=balance, seed=seed, sampling_steps=sampling_steps, sampler=sampler,
        guidance=guidance, window=window, length=length, protocol=protocol, packets=packets,
    )  # fmt: skip
    chosen = {
        "client_net": client_net, "server_net": server_net, "link": link, "payload": payload, "rate": rate,
        "duration": duration, "per_label": per_label or None, "start": start,
    }  # fmt: skip
    chosen = {name: value for name, value in chosen.items() if value is not None and value != []}
    written = show_drawing(step(model, out, config, CaptureConfig.of(**chosen) if chosen else None, beginnings))
    if written is not None:
        print_written(written)
        return
    say(f"traces: {out}")
    say_next("next", "evaluate", "DATASET", out, "--out", "report")


@app.command()
def evaluate(
    real: Annotated[
        Path,
        typer.Argument(
            metavar="REAL", help="A dataset folder, a table, or captures, of real traffic.", show_default=False
        ),
    ],
    synthetic: Annotated[
        Path, typer.Argument(metavar="SYNTHETIC", help="A table of synthetic traces, or captures.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="REPORT",
            help="The report folder to write; only a report of netdiffus is replaced.",
            show_default=False,
        ),
    ],
    test: Annotated[
        Path | None, typer.Option(help="Real traces to test on, where REAL has no test part of its own.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="The model that made SYNTHETIC of REAL: its losses are attacked too.")
    ] = None,
    seed: Seed = 0,
    no_baselines: Annotated[
        bool, typer.Option("--no-baselines", help="Leave out the simple generators beside it.")
    ] = False,
) -> None:
    """Says how faithful, useful and private synthetic traffic is."""
    from netdiffus.api.verbs import evaluate as verb
    from netdiffus.cli.progress import scoring
    from netdiffus.cli.show import print_headlines, print_verdicts

    with scoring() as show:
        scores = verb(
            real, synthetic, out, test=test, model=model, seed=seed, baselines=not no_baselines, on_progress=show
        )
    if said := scores.contamination():
        say(f"The synthetic traces copy the test part. {said}")
    print_headlines(scores.headlines())
    print_verdicts(scores.verdicts())
    say(f"report: {out / 'report.html'}")


@app.command()
def check(
    captures: Annotated[list[Path], typer.Argument(metavar="CAPTURE...", help="Captures.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Is a capture what real stacks would send? Exit code 1 if it has faults."""
    from netdiffus.cli.conformance import print_checks

    if not print_checks(captures, as_json=as_json):
        raise typer.Exit(1)


@app.command()
def repair(
    capture: Annotated[Path, typer.Argument(metavar="CAPTURE", help="A capture.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="What to write: .pcapng, or a new .pcap; never CAPTURE itself.", show_default=False
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Makes a capture conform with the least change, and lists every change."""
    from netdiffus.cli.conformance import print_repair

    print_repair(capture, out, as_json=as_json)


@app.command()
def info(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A dataset, model, capture or table.", show_default=False)
    ],
) -> None:
    """What is in a dataset, a model, a capture or a table."""
    from netdiffus.cli.show import print_info

    print_info(path)
