"""`netdiffus generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from netdiffus.cli.options import Ray, chosen, given, with_options
from netdiffus.cli.say import say, say_next
from netdiffus.config import exclusive
from netdiffus.steps.outputs.capture_config import CaptureConfig
from netdiffus.steps.outputs.generate_config import GenerateConfig


@with_options(CaptureConfig)
@with_options(GenerateConfig)
def generate(
    context: typer.Context,
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
    beginnings: Annotated[
        Path | None,
        typer.Option(
            "--continue",
            metavar="TRACES|CAPTURE",
            help="A table of traces, a dataset, or a capture with FILE.labels.csv beside it, or a folder of them for "
            "each label: one trace goes on from each row or flow.",
        ),
    ] = None,
    ray: Ray = None,
    **_: Any,
) -> None:
    """A model draws synthetic traces, or packets."""
    from netdiffus.cli.progress import show_drawing, speeds_of
    from netdiffus.cli.show import print_prompt, print_written
    from netdiffus.cluster.spreads import spread_on
    from netdiffus.steps.generate import generate as step
    from netdiffus.store.objects import shown

    if beginnings is not None:
        for name in ("count", "balance", "sessions"):
            exclusive(**{name: name in given(context), "continue": True})
    config = GenerateConfig.of(**chosen(context, GenerateConfig))
    print_prompt(model, config.prompt)
    of_capture = chosen(context, CaptureConfig)
    capture = CaptureConfig.of(**of_capture) if of_capture else None
    with spread_on(ray) as spread:
        written = show_drawing(step(model, out, config, capture, beginnings, spread), speeds_of(spread))
    if written is not None:
        print_written(written)
        return
    say(f"traces: {shown(out)}")
    say_next("next", "evaluate", "DATASET", shown(out), "--out", "report")
