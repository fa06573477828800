"""`netdiffus prepare`: a dataset; or, by the name of --out, a file of packets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from netdiffus.cli.options import Ray, chosen, given, with_options
from netdiffus.cli.say import say, say_next
from netdiffus.steps.outputs.nprint_config import NprintConfig
from netdiffus.steps.sources.prepare_config import PrepareConfig

COMMON = {"sources", "out", "context"}


@with_options(NprintConfig)
@with_options(PrepareConfig)
def prepare(
    context: typer.Context,
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE...",
            help="Captures, folders of captures, patterns, '-', or tables; also in s3:// and gs:// (docs/scale.md).",
            show_default=False,
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
    ray: Ray = None,
    **_: Any,
) -> None:
    """Captures and tables become a dataset folder; captures become nPrint rows, and those a capture."""
    if _is_packet_file(context, out):
        _write_packets(sources, out, NprintConfig.of(**chosen(context, NprintConfig)))
        return
    from netdiffus.cli.descriptions import print_info
    from netdiffus.cli.progress import show_reading, speeds_of
    from netdiffus.cluster.spreads import reading_on
    from netdiffus.steps.prepare import prepare as step
    from netdiffus.steps.prepare import reads
    from netdiffus.store.objects import is_object, shown

    config = PrepareConfig.of(**chosen(context, PrepareConfig))
    with reading_on(ray, reads(sources, config), out) as spread:
        show_reading(step(sources, out, config, spread), speeds_of(spread))
    if is_object(out):  # describing it would fetch it
        say(f"dataset: {shown(out)}")
    else:
        print_info(out)
    say_next("next", "train", shown(out), "--out", "MODEL")


def _is_packet_file(context: typer.Context, out: Path) -> bool:
    """Whether `out` is a file of packets.

    Raises:
        InputError: an option was given that has no meaning for this kind of output.
    """
    from netdiffus.errors import InputError
    from netdiffus.steps.convert import CAPTURE_SUFFIX, is_packet_file

    packets = is_packet_file(out)
    rows = packets and out.suffix.lower() != CAPTURE_SUFFIX
    of_rows, of_datasets = set(NprintConfig.model_fields), {*PrepareConfig.model_fields, "ray"}
    meant = (of_rows if rows else set()) if packets else of_datasets
    if wrong := sorted(given(context) - COMMON - meant):
        kind = "nPrint rows" if rows else "a capture" if packets else "a dataset"
        option = "--" + wrong[0].replace("_", "-")
        raise InputError(
            f"options that {kind} can have", f"{option} with --out {out}", f"leave {option} out or name another --out"
        )
    return packets


def _write_packets(sources: Sequence[Path], out: Path, config: NprintConfig) -> None:
    """Write the file, show progress, and print what is in it and what is not."""
    from netdiffus.cli.progress import show_reading
    from netdiffus.steps.convert import write_packets
    from netdiffus.store.objects import is_object, shown

    records = show_reading(write_packets(sources, out, config))
    read, written = sum(record.packets for record in records), sum(record.written for record in records)
    size = "" if is_object(out) else f", {out.stat().st_size:,} bytes"
    say(f"packets: {shown(out)}  ({written:,} of {read:,}{size})")
    total = Counter[str]()
    for record in records:
        total.update(record.faults)
    for reason, count in total.most_common():
        say(f"fault: {reason}: {count:,}")
