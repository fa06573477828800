"""The forms of the steps, the command that a form stands for, starting it, and a preview of what is drawn."""

from __future__ import annotations

from collections import Counter

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse, Response

from netdiffus.errors import InputError
from netdiffus.models.options import PRESETS, RowOptions
from netdiffus.models.summary import drawn_labels
from netdiffus.store.cards import ModelCard
from netdiffus.studio.catalogue import Item
from netdiffus.studio.fields import Entered
from netdiffus.studio.guess import guess
from netdiffus.studio.names import free_name
from netdiffus.studio.orders import fields_of, order
from netdiffus.studio.presets import COSTS
from netdiffus.studio.site import Site, asked, entered
from netdiffus.text import as_text, command

EACH = 50
"""Traces of every label that the form proposes to draw."""
MOST_SLIDERS, MOST_CAPTURES = 60, 200


def add(app: FastAPI, site: Site) -> None:
    """Add the pages."""

    @app.get("/prepare")
    def prepare(request: Request) -> Response:
        form = asked(request)
        sources = sources_of(site.catalogue.of_kind("capture", "table"))
        tables = [item for item in sources if item.name.lower().endswith(".csv")]
        out = free_name(site.space, "dataset")
        chosen = form.get("source") or [item.name for item in sources if item.kind == "capture"]
        return site.page(
            "prepare.html.j2", sources=sources, tables=tables, chosen=chosen, out=out, at="prepare",
            fields=fields_of("prepare", form), guess=guess(site.space, chosen, {}),
        )  # fmt: skip

    @app.post("/prepare/guess")
    async def guessed(request: Request) -> Response:
        form = await entered(request)
        found = await run_in_threadpool(guess, site.space, list(form.get("source", ())), form)
        return site.fragment("guess.html.j2", guess=found)

    @app.get("/train")
    def train(request: Request) -> Response:
        form = asked(request)
        datasets = [item for item in site.catalogue.of_kind("dataset") if not item.broken]
        chosen = _chosen(datasets, form, "dataset")
        return site.page(
            "train.html.j2", datasets=datasets, chosen=chosen, presets=PRESETS, costs=COSTS, at="train",
            image_help=RowOptions.model_fields["image"].description, fields=fields_of("train", form),
            out=free_name(site.space, "model"),
        )  # fmt: skip

    @app.get("/generate")
    def generate(request: Request) -> Response:
        form = asked(request)
        models = [item for item in site.catalogue.of_kind("model") if not item.broken]
        chosen = _chosen(models, form, "model")
        labels = drawn_labels(ModelCard.read(site.space.path(chosen.name))) if chosen else {}
        suffix = ".pcap" if chosen and chosen.has_packets else ".parquet"
        return site.page(
            "generate.html.j2", models=models, chosen=chosen, labels=list(labels.items())[:MOST_SLIDERS], each=EACH,
            hidden=max(len(labels) - MOST_SLIDERS, 0), out=free_name(site.space, "synthetic", suffix),
            fields=fields_of("generate", form), capture_fields=fields_of("capture", form), at="generate",
            tables=site.catalogue.of_kind("dataset", "table"),
        )  # fmt: skip

    @app.get("/evaluate")
    def evaluate(request: Request) -> Response:
        form = asked(request)
        items = [item for item in site.catalogue.items() if not item.broken]
        return site.page(
            "evaluate.html.j2", real=[item for item in items if item.kind in ("dataset", "table", "capture")],
            synthetic=[item for item in items if item.kind in ("synthetic", "table", "capture")],
            models=[item for item in items if item.kind == "model"], form=form, fields=fields_of("evaluate", form),
            out=free_name(site.space, "report"), at="report",
        )  # fmt: skip

    @app.post("/command/{verb}")
    async def line(verb: str, request: Request) -> Response:
        form = await entered(request)
        try:
            found = await run_in_threadpool(order, verb, form, site.space)
        except InputError as error:
            return JSONResponse({"command": "", "error": as_text(str(error))})
        return JSONResponse({"command": command(*found.arguments), "error": ""})

    @app.post("/start/{verb}")
    async def start(verb: str, request: Request) -> Response:
        form = await entered(request)
        name = await run_in_threadpool(_start, site, verb, form)
        page = f"/check?job={name}" if verb in ("check", "repair") else f"/jobs/{name}"
        return RedirectResponse(page, 303)


def sources_of(items: list[Item]) -> list[Item]:
    """What can be prepared: each file; of very many captures, the folders that they lie in."""
    captures = [item for item in items if item.kind == "capture"]
    if len(captures) <= MOST_CAPTURES:
        return items
    folders = Counter(item.name.partition("/")[0] if "/" in item.name else "." for item in captures)
    found = [Item("capture", name, (f"{count:,} captures",)) for name, count in sorted(folders.items())]
    return found + [item for item in items if item.kind == "table"]


def _start(site: Site, verb: str, form: Entered) -> str:
    found = order(verb, form, site.space)
    beside = bool(form.get("beside"))
    return site.jobs.start(found.arguments, found.result, beside=beside).id


def _chosen(items: list[Item], form: Entered, name: str) -> Item | None:
    """The item that the query names, else the newest."""
    named = next(iter(form.get(name, ())), "")
    found = [item for item in items if item.name == named]
    return found[0] if found else max(items, key=lambda item: item.changed, default=None)
