"""A capture as a list of packets, and what `check` and `repair` say of it."""

from __future__ import annotations

import json

from fastapi import FastAPI, Request
from fastapi.responses import Response

from netdiffus.errors import InputError
from netdiffus.studio.headers import hex_lines, packet_bytes, packet_fields, packet_page, time_text
from netdiffus.studio.jobs import DONE, FAULTS, LOG, Job
from netdiffus.studio.names import bare, free_name
from netdiffus.studio.site import Site, whole

PAGE = 50


def add(app: FastAPI, site: Site) -> None:
    """Add the pages."""

    @app.get("/capture")
    def capture(request: Request) -> Response:
        query = request.query_params
        item = site.catalogue.item(query.get("path", ""))
        if not item.has_packets or item.kind not in ("capture", "synthetic"):
            raise InputError("a capture", item.shown, "choose one")
        path, number = site.space.path(item.name), whole(query, "page")
        page = packet_page(path, number * PAGE, PAGE)
        chosen, detail = whole(query, "packet"), None
        if chosen and (found := packet_bytes(path, chosen)) is not None:
            block, data = found
            when = time_text(int(block.time_ns[0]))
            detail = {"number": chosen, "time": when, "layers": packet_fields(block, data), "hex": hex_lines(data)}
        return site.page("capture.html.j2", item=item, page=page, number=number, detail=detail, at="check")

    @app.get("/check")
    def check(request: Request) -> Response:
        name = request.query_params.get("capture", "")
        captures = [item for item in site.catalogue.of_kind("capture", "synthetic") if item.has_packets]
        job = site.jobs.job(request.query_params["job"]) if request.query_params.get("job") else None
        name = name or (job.arguments[1] if job else "")
        suffix = ".pcapng" if name.lower().endswith(".pcapng") or ".pcapng." in name.lower() else ".pcap"
        out = free_name(site.space, f"{bare(name)}-repaired", suffix) if name else ""
        return site.page("check.html.j2", captures=captures, chosen=name, job=job, said=_said(job), out=out, at="check")


def _said(job: Job | None) -> dict[str, object] | None:
    """What a `check` or `repair` printed; None: it has not ended, or failed."""
    if job is None or job.state not in (DONE, FAULTS):
        return None
    text = (job.folder / LOG).read_text(encoding="utf-8", errors="backslashreplace")
    try:
        said = json.loads(text[text.index("{") : text.rindex("}") + 1])
    except ValueError:
        return None
    if job.verb == "check":
        return {"check": said["captures"][0], "repair": None}
    return {"check": said["left"], "repair": said}
