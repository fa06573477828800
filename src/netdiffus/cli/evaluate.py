"""`netdiffus evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from netdiffus.cli.options import Ray, chosen, with_options
from netdiffus.cli.say import say
from netdiffus.steps.evaluate_config import EvaluateConfig


@with_options(EvaluateConfig)
def evaluate(
    context: typer.Context,
    real: Annotated[
        Path,
        typer.Argument(
            metavar="REAL", help="A dataset folder, a table, or captures, of real traffic.", show_default=False
        ),
    ],
    synthetic: Annotated[
        Path, typer.Argument(metavar="SYNTHETIC", help="A table of synthetic traces, or captures.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="REPORT",
            help="The report folder to write; only a report of netdiffus is replaced.",
            show_default=False,
        ),
    ],
    test: Annotated[
        Path | None, typer.Option(help="Real traces to test on, where REAL has no test part of its own.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="The model that made SYNTHETIC of REAL: its losses are attacked too.")
    ] = None,
    ray: Ray = None,
    **_: Any,
) -> None:
    """Says how faithful, useful and private synthetic traffic is."""
    from netdiffus.api.verbs import evaluate as verb
    from netdiffus.cli.progress import scoring
    from netdiffus.cli.show import print_headlines, print_verdicts
    from netdiffus.store.objects import shown

    config = EvaluateConfig.of(**chosen(context, EvaluateConfig))
    with scoring() as show:
        scores = verb(
            real, synthetic, out, test=test, model=model, seed=config.seed, baselines=config.baselines, ray=ray,
            on_progress=show,
        )  # fmt: skip
    if said := scores.contamination():
        say(f"The synthetic traces copy the test part. {said}")
    print_headlines(scores.headlines())
    print_verdicts(scores.verdicts())
    say(f"report: {shown(out / 'report.html')}")
