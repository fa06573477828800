"""What a model draws while it learns, beside real traces; and previews of what `generate` would draw."""

from __future__ import annotations

import time
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from netdiffus.errors import InputError
from netdiffus.models.summary import drawn_labels
from netdiffus.steps.outputs.capture_config import is_capture_name
from netdiffus.store.cards import ModelCard
from netdiffus.studio.bars import SmallBars, small_bars
from netdiffus.studio.fields import Entered, argument
from netdiffus.studio.headers import PacketPage, packet_page
from netdiffus.studio.jobs import DONE, RUNNING, Job
from netdiffus.studio.orders import order
from netdiffus.studio.site import Site, entered

EVERY_S, LABELS, EACH = 60.0, 6, 2
"""Seconds between two samples, labels of one, and traces of each."""
MOST_PREVIEWED, PACKETS = 3, 40
"""Traces of a label or sessions, and packets, in a preview."""
SAMPLE = "sample.parquet"


def add(app: FastAPI, site: Site) -> None:
    """Add the parts of pages."""

    @app.post("/jobs/{name}/samples")
    def samples(name: str) -> Response:
        job = site.jobs.job(name)
        drawn = site.jobs.of_purpose(f"samples of {job.id}")
        last = drawn[0].began if drawn else 0.0
        if last < (job.ended or time.time() - EVERY_S) and _draw(site, job):
            drawn = site.jobs.of_purpose(f"samples of {job.id}")
        done = next((each for each in drawn if each.state == DONE and (each.folder / SAMPLE).is_file()), None)
        pairs = _pairs(site, job, done) if done else []
        pending = job.state == RUNNING or any(each.state == RUNNING for each in drawn)
        return site.fragment("samples.html.j2", pairs=pairs, drawn=done, pending=pending)

    @app.post("/preview")
    async def preview(request: Request) -> Response:
        form = await entered(request)
        job = await run_in_threadpool(_preview, site, form)
        return JSONResponse({"job": job.id})

    @app.get("/preview/{name}")
    def previewed(name: str) -> Response:
        job = site.jobs.job(name)
        if job.state != DONE:
            return site.fragment("preview.html.j2", traces=[], packets=None, complaint=job.complaint)
        path = site.space.root / job.result
        packets: PacketPage | None = None
        traces: list[tuple[str, SmallBars]] = []
        if is_capture_name(path):
            packets = packet_page(path, 0, PACKETS)
        else:
            table = site.tables.open(path)
            rows = table.rows(list(range(min(table.total, 60))))
            traces = [(row["label"], small_bars(row)) for row in rows.iter_rows(named=True)]
        return site.fragment("preview.html.j2", traces=traces, packets=packets, complaint="")


def _draw(site: Site, job: Job) -> Job | None:
    """Draw samples from what the training has saved last; None: it has saved nothing, or some are being drawn."""
    try:
        labels = list(drawn_labels(ModelCard.read(site.space.root / job.result)))[:LABELS]
    except InputError:
        return None
    counts = [part for label in labels for part in argument("--count", f"{label}={EACH}")]
    return site.jobs.draw(["generate", job.result, *counts], SAMPLE, f"samples of {job.id}")


def _pairs(site: Site, job: Job, drawn: Job) -> list[tuple[str, list[SmallBars], list[SmallBars]]]:
    """(label, real, synthetic) of what was drawn last; a label's bars have one scale."""
    real, synthetic = site.tables.open(site.space.path(job.arguments[1])), site.tables.open(drawn.folder / SAMPLE)
    pairs = []
    for label in synthetic.counts:
        rows = [table.page(0, EACH, label).traces.rows(named=True) for table in (real, synthetic)]
        most = max(
            (max(row.get("size") or row.get("up_bytes") or [1], default=1) for part in rows for row in part), default=1
        )
        pairs.append((label, *([small_bars(row, most) for row in part] for part in rows)))
    return pairs  # type: ignore[return-value]


def _preview(site: Site, form: Entered) -> Job:
    """Start drawing a few traces with the options of a form.

    Raises:
        InputError: the form is not right, or a preview is being drawn.
    """
    small = dict(form) | {name: [_few(text) for text in form.get(name, ())] for name in ("count", "sessions")}
    arguments = order("generate", small, site.space).arguments
    place = arguments.index("--out")
    out = Path(arguments[place + 1])
    file = "preview" + (out.suffix.lower() if is_capture_name(out) else ".parquet")
    job = site.jobs.draw([*arguments[:place], *arguments[place + 2 :]], file, "preview")
    if job is None:
        raise InputError("one preview at a time", "another that is being drawn", "wait for it")
    return job


def _few(number: str) -> str:
    return str(min(int(number), MOST_PREVIEWED)) if number.strip().isdigit() else number
