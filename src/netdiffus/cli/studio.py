"""`netdiffus studio`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from netdiffus.cli.options import chosen, with_options
from netdiffus.studio.options import StudioConfig


@with_options(StudioConfig)
def studio(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="The folder to work in.", show_default=False)
    ] = Path("."),
    **_: Any,
) -> None:
    """Web pages over a folder: look at what is there, start every step, watch it run, compare, download."""
    from netdiffus.studio.server import serve

    config = StudioConfig.of(**chosen(context, StudioConfig))
    serve(folder, config)
