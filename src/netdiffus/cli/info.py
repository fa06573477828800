"""`netdiffus info`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netdiffus.cli.options import AsJson


def info(
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="A dataset, model, report, capture, table or images.", show_default=False),
    ],
    as_json: AsJson = False,
) -> None:
    """What is in a dataset, a model, a report, a capture, a table or a folder of images."""
    from netdiffus.cli.descriptions import print_info

    print_info(path, as_json=as_json)
