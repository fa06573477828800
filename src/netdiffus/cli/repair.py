"""`netdiffus repair`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netdiffus.cli.options import AsJson


def repair(
    capture: Annotated[Path, typer.Argument(metavar="CAPTURE", help="A capture.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="What to write: .pcapng, or a new .pcap; never CAPTURE itself.", show_default=False
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Makes a capture conform with the least change, and lists every change."""
    from netdiffus.cli.conformance import print_repair

    print_repair(capture, out, as_json=as_json)
