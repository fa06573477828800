"""The forms of the steps, with what the folder has for them and a free name for the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from netdiffus.models.options import PRESETS
from netdiffus.models.summary import drawn_labels
from netdiffus.store.cards import ModelCard
from netdiffus.studio.catalogue import Item
from netdiffus.studio.fields import Entered
from netdiffus.studio.guess import guess
from netdiffus.studio.names import free_name
from netdiffus.studio.orders import fields_of
from netdiffus.studio.presets import COSTS
from netdiffus.studio.site import Site, asked, entered

EACH = 50
"""Traces of every label that the form proposes to draw."""
MOST_SLIDERS, MOST_CAPTURES = 60, 200


def add(app: FastAPI, site: Site) -> None:
    """Add the pages."""
    for name, page in (("prepare", _prepare), ("train", _train), ("generate", _generate), ("evaluate", _evaluate)):
        _add_form(app, site, name, page)

    @app.post("/prepare/guess")
    async def guessed(request: Request) -> Response:
        form = await entered(request)
        found = await run_in_threadpool(guess, site.space, list(form.get("source", ())), form)
        return site.fragment("guess.html.j2", guess=found)


def _add_form(app: FastAPI, site: Site, name: str, page: Callable[[Site, Entered], Response]) -> None:
    @app.get(f"/{name}")
    def form(request: Request) -> Response:
        return page(site, asked(request))


def _prepare(site: Site, form: Entered) -> Response:
    sources = sources_of(site.catalogue.of_kind("capture", "table"))
    tables = [item for item in sources if item.name.lower().endswith(".csv")]
    out = free_name(site.space, "dataset")
    chosen = form.get("source") or [item.name for item in sources if item.kind == "capture"]
    return site.page(
        "prepare.html.j2", sources=sources, tables=tables, chosen=chosen, out=out, at="prepare",
        fields=fields_of("prepare", form), guess=guess(site.space, chosen, {}),
    )  # fmt: skip


def _train(site: Site, form: Entered) -> Response:
    datasets = [item for item in site.catalogue.of_kind("dataset") if not item.broken]
    chosen = _chosen(datasets, form, "dataset")
    return site.page(
        "train.html.j2", datasets=datasets, chosen=chosen, presets=PRESETS, costs=COSTS, at="train",
        fields=fields_of("train", form), prompt_fields=fields_of("prompts", form),
        out=free_name(site.space, "model"),
    )  # fmt: skip


def _generate(site: Site, form: Entered) -> Response:
    models = [item for item in site.catalogue.of_kind("model") if not item.broken]
    chosen = _chosen(models, form, "model")
    labels = drawn_labels(ModelCard.read(site.space.path(chosen.name))) if chosen else {}
    suffix = ".pcap" if chosen and chosen.has_packets else ".parquet"
    return site.page(
        "generate.html.j2", models=models, chosen=chosen, labels=list(labels.items())[:MOST_SLIDERS], each=EACH,
        hidden=max(len(labels) - MOST_SLIDERS, 0), out=free_name(site.space, "synthetic", suffix),
        fields=fields_of("generate", form), capture_fields=fields_of("capture", form), at="generate",
        tables=site.catalogue.of_kind("dataset", "table", "synthetic", "capture"),
    )  # fmt: skip


def _evaluate(site: Site, form: Entered) -> Response:
    items = [item for item in site.catalogue.items() if not item.broken]
    return site.page(
        "evaluate.html.j2", real=[item for item in items if item.kind in ("dataset", "table", "capture")],
        synthetic=[item for item in items if item.kind in ("synthetic", "table", "capture")],
        models=[item for item in items if item.kind == "model"], form=form, fields=fields_of("evaluate", form),
        out=free_name(site.space, "report"), at="report",
    )  # fmt: skip


def sources_of(items: list[Item]) -> list[Item]:
    """What can be prepared: each file; of very many captures, the folders that they lie in."""
    captures = [item for item in items if item.kind == "capture"]
    if len(captures) <= MOST_CAPTURES:
        return items
    folders = Counter(item.name.partition("/")[0] if "/" in item.name else "." for item in captures)
    found = [Item("capture", name, (f"{count:,} captures",)) for name, count in sorted(folders.items())]
    return found + [item for item in items if item.kind == "table"]


def _chosen(items: list[Item], form: Entered, name: str) -> Item | None:
    """The item that the query names, else the newest."""
    named = next(iter(form.get(name, ())), "")
    found = [item for item in items if item.name == named]
    return found[0] if found else max(items, key=lambda item: item.changed, default=None)
