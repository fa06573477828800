"""`netdiffus train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from netdiffus.cli.options import ModelOut, Ray, chosen, with_options
from netdiffus.cli.say import say, say_next
from netdiffus.models.options import OF_PROMPTS, OFFERED, RowOptions, train_options
from netdiffus.models.prompt_options import PromptOptions


@with_options(PromptOptions, *OF_PROMPTS)
@with_options(RowOptions, *OFFERED)
def train(
    context: typer.Context,
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="A dataset folder.", show_default=False)],
    out: ModelOut,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in MODEL.")] = False,
    ray: Ray = None,
    **_: Any,
) -> None:
    """Train a model on a dataset."""
    from netdiffus.cli.progress import show_training
    from netdiffus.cli.show import print_breaks, print_warnings
    from netdiffus.cluster.spreads import training_on
    from netdiffus.store.objects import shown

    options = chosen(context, RowOptions) | chosen(context, PromptOptions)
    config = train_options(str(options.pop("preset", "default")), **options)
    print_warnings(dataset)
    with training_on(ray, dataset, out, config) as (step, speeds):
        last = show_training(step(dataset, out, config, resume=resume, say=say), out, speeds)
    say(f"model: {shown(out)}  ({last.step} steps in {last.seconds:.0f} s)")
    print_breaks(out)
    say_next("next", "generate", shown(out), "--out", f"synthetic{config.suffix}", "--count", 1000)
