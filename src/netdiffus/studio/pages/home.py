"""Home: what is in the folder, how it came about, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.responses import Response

from netdiffus.studio.catalogue import KINDS, Item
from netdiffus.studio.jobs import RUNNING
from netdiffus.studio.lineage import graph
from netdiffus.studio.site import Site

MOST_SHOWN = 100
"""Things of a kind on the page; the newest."""
TITLES = {
    "capture": "Captures", "table": "Tables", "dataset": "Datasets", "model": "Models",
    "synthetic": "Synthetic traffic", "report": "Reports", "images": "Images",
}  # fmt: skip


@dataclass(frozen=True)
class Next:
    """What to do next: a sentence, and the button's words, page and query."""

    words: str
    button: str
    page: str
    query: dict[str, str]


def next_step(items: Sequence[Item]) -> Next:
    """The first step of the pipeline whose result is not there; of several sources the newest."""

    def newest(*kinds: str) -> Item | None:
        whole = [item for item in items if item.kind in kinds and not item.broken]
        return max(whole, key=lambda item: item.changed, default=None)

    model, synthetic, dataset = newest("model"), newest("synthetic"), newest("dataset")
    if newest("capture", "table", "dataset", "model") is None:
        return Next(
            "Drop captures or tables of labelled traffic, and a dataset is made of them.", "Add traffic", "/prepare", {}
        )
    if dataset is None and model is None:
        return Next("Your traffic is here. Make a dataset of it.", "Prepare a dataset", "/prepare", {})
    if model is None and dataset is not None:
        return Next(
            f"{dataset.shown} is ready. Train a model on it.", "Train a model", "/train", {"dataset": dataset.name}
        )
    if synthetic is None and model is not None:
        return Next(f"{model.shown} has learned. Draw traffic from it.", "Generate", "/generate", {"model": model.name})
    if newest("report") is None and dataset is not None and synthetic is not None:
        query = {"real": dataset.name, "synthetic": synthetic.name}
        return Next(f"How good is {synthetic.shown}? Compare it with real traffic.", "Evaluate", "/evaluate", query)
    return Next("Everything is there. Look at a report, or draw more.", "Open the reports", "/reports", {})


def add(app: FastAPI, site: Site) -> None:
    """Add the page."""

    @app.get("/")
    def home() -> Response:
        items = site.catalogue.items()
        groups = []
        for kind in KINDS:
            own = sorted((item for item in items if item.kind == kind), key=lambda item: -item.changed)
            if own:
                groups.append((kind, TITLES[kind], own[:MOST_SHOWN], max(len(own) - MOST_SHOWN, 0)))
        running = [job for job in site.jobs.listed() if job.state == RUNNING]
        return site.page(
            "home.html.j2", groups=groups, graph=graph(items), step=next_step(items), jobs=running, at="home"
        )
