"""`netdiffus info`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def info(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A dataset, model, capture or table.", show_default=False)
    ],
) -> None:
    """What is in a dataset, a model, a capture or a table."""
    from netdiffus.cli.show import print_info

    print_info(path)
