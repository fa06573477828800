"""The commands. Nothing heavy is imported before one runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netdiffus.cli.check import check
from netdiffus.cli.demo import demo
from netdiffus.cli.evaluate import evaluate
from netdiffus.cli.generate import generate
from netdiffus.cli.image import image
from netdiffus.cli.import_checkpoint import import_checkpoint
from netdiffus.cli.info import info
from netdiffus.cli.prepare import prepare
from netdiffus.cli.progress_lines import write_progress_to
from netdiffus.cli.repair import repair
from netdiffus.cli.studio import studio
from netdiffus.cli.train import train

Progress = Annotated[
    Path | None,
    typer.Option("--progress", metavar="FILE", help="Append progress to FILE as lines of JSON.", hidden=True),
]

app = typer.Typer(
    name="netdiffus",
    help="Learns from labelled network traffic and makes more of it; says how faithful, useful and private that is.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (demo, prepare, train, generate, evaluate, check, repair, info, image, studio):
    app.command()(command)
app.command(name="import")(import_checkpoint)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    progress: Progress = None,
) -> None:
    """What holds for every command."""
    if version:
        from netdiffus.version import __version__

        print(f"netdiffus {__version__}")
    write_progress_to(progress)
    if not version and context.invoked_subcommand is None:
        print(context.get_help())
