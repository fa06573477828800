"""`netdiffus check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netdiffus.cli.options import AsJson


def check(
    captures: Annotated[list[Path], typer.Argument(metavar="CAPTURE...", help="Captures.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Is a capture what real stacks would send? Exit code 1 if it has faults."""
    from netdiffus.cli.conformance import print_checks

    if not print_checks(captures, as_json=as_json):
        raise typer.Exit(1)
