"""Jobs: the list, one with its log and progress, and stopping, resuming and forgetting one."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from netdiffus.studio.jobs import RUNNING, Job
from netdiffus.studio.site import Site, whole
from netdiffus.text import as_text

PAGES = {
    "prepare": ("/dataset", "path", "Open the dataset"), "train": ("/generate", "model", "Generate from it"),
    "evaluate": ("/report", "path", "Open the report"),
}  # fmt: skip
"""Where to go on from a result, by the verb that wrote it."""


def goes_on(job: Job, site: Site) -> list[tuple[str, dict[str, str], str]]:
    """Pages to go on with: (page, query, words)."""
    if not job.result or not (site.space.root / job.result).exists():
        return []
    links = []
    if job.verb in PAGES:
        page, name, words = PAGES[job.verb]
        links.append((page, {name: job.result}, words))
    if job.verb == "prepare":
        links.insert(0, ("/train", {"dataset": job.result}, "Train a model on it"))
    if job.verb in ("generate", "repair"):
        if job.result.lower().endswith((".pcap", ".pcapng")):
            links.append(("/capture", {"path": job.result}, "Look at the packets"))
        elif job.result.lower().endswith(".parquet"):
            links.append(("/dataset", {"path": job.result}, "Look at the traces"))
        links.append(("/evaluate", {"synthetic": job.result}, "Compare with real traffic"))
    return links


def add(app: FastAPI, site: Site) -> None:
    """Add the pages."""

    @app.get("/jobs")
    def jobs() -> Response:
        return site.page("jobs.html.j2", jobs=site.jobs.listed(), at="jobs")

    @app.get("/jobs/{name}")
    def job(name: str) -> Response:
        found = site.jobs.job(name)
        result = site.space.root / found.result if found.result else None
        return site.page(
            "job.html.j2", job=found, progress=site.watch.of(found), links=goes_on(found, site),
            download=bool(result and result.is_file()), at="jobs",
        )  # fmt: skip

    @app.get("/jobs/{name}/state")
    def state(name: str, request: Request) -> Response:
        found = site.jobs.job(name)
        now, progress = found.state, site.watch.of(found)
        after = whole(request.query_params, "after")
        points = [point for point in progress.points if point[0] > after]
        left = progress.seconds_left if now == RUNNING else 0.0
        said = {"state": now, "share": progress.share, "note": progress.note, "left": left, "points": points}
        return JSONResponse(said | {"log": as_text(found.log)} if request.query_params.get("log") else said)

    @app.post("/jobs/{name}/stop")
    def stop(name: str) -> Response:
        site.jobs.job(name).process.interrupt()
        return RedirectResponse(f"/jobs/{name}", 303)

    @app.post("/jobs/{name}/forget")
    def forget(name: str) -> Response:
        site.jobs.forget(site.jobs.job(name))
        return RedirectResponse("/jobs", 303)

    @app.post("/jobs/{name}/resume")
    def resume(name: str) -> Response:
        before = site.jobs.job(name)
        arguments = [argument for argument in before.arguments if argument != "--resume"]
        again = site.jobs.start([*arguments, *(["--resume"] if before.verb == "train" else [])], before.result)
        return RedirectResponse(f"/jobs/{again.id}", 303)
