"""`netdiffus prepare` to a file of packets: nPrint rows or a capture instead of a dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from netdiffus.cli.say import say

COMMON = {"sources", "out", "context"}
ROW_OPTIONS = {"headers", "payload_bytes", "timestamps"}
SHARED_OPTIONS = {"anonymise"}
"""Options that rows and datasets have."""


def is_packet_file(context: typer.Context, out: Path) -> bool:
    """Whether `out` is a file of packets.

    Raises:
        InputError: an option was given that has no meaning for this kind of output.
    """
    from netdiffus.errors import InputError
    from netdiffus.steps.convert import CAPTURE_SUFFIX
    from netdiffus.steps.convert import is_packet_file as by_name

    found = {name: context.get_parameter_source(name) for name in context.params}
    given = {name for name, source in found.items() if source is not None and source.name == "COMMANDLINE"}
    packets = by_name(out)
    rows = packets and out.suffix.lower() != CAPTURE_SUFFIX
    wrong = sorted(
        given - COMMON - (ROW_OPTIONS | SHARED_OPTIONS if rows else set()) if packets else given & ROW_OPTIONS
    )
    if wrong:
        kind = "nPrint rows" if rows else "a capture" if packets else "a dataset"
        option = "--" + wrong[0].replace("_", "-")
        raise InputError(
            f"options that {kind} can have", f"{option} with --out {out}", f"leave {option} out or name another --out"
        )
    return packets


def run_packets(sources: Sequence[Path], out: Path, **options: Any) -> None:
    """Write the file, show progress, and print what is in it and what is not."""
    from netdiffus.cli.progress import show_reading
    from netdiffus.steps.convert import write_packets
    from netdiffus.steps.outputs.nprint_rows import NprintConfig

    records = show_reading(write_packets(sources, out, NprintConfig.of(**options)))
    read, written = sum(record.packets for record in records), sum(record.written for record in records)
    say(f"packets: {out}  ({written:,} of {read:,}, {out.stat().st_size:,} bytes)")
    total = Counter[str]()
    for record in records:
        total.update(record.faults)
    for reason, count in total.most_common():
        say(f"fault: {reason}: {count:,}")
