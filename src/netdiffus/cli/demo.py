"""`netdiffus demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import Field

from netdiffus import limits
from netdiffus.cli.options import chosen, with_options
from netdiffus.config import Config, Seed


class DemoConfig(Config):
    """What can be chosen in `demo`."""

    minutes: float = Field(
        2.0,
        ge=limits.MINUTES[0],
        le=limits.MINUTES[1],
        description="Training, in minutes of a 2-core machine; the number of steps follows from it.",
    )
    seed: Seed = 0


@with_options(DemoConfig)
def demo(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option(help="Folder for all that the demo makes; nothing else in it is touched.")
    ] = Path("netdiffus-demo"),
    **_: Any,
) -> None:
    """The shipped recordings become a model, synthetic traffic and a report, in a few minutes."""
    from netdiffus.cli.demo_run import run_demo

    config = DemoConfig.of(**chosen(context, DemoConfig))
    run_demo(out, config.minutes, config.seed)
