"""The command that a form stands for, and starting it."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse, Response

from netdiffus.errors import InputError
from netdiffus.studio.fields import Entered
from netdiffus.studio.orders import order
from netdiffus.studio.site import Site, entered
from netdiffus.text import as_text, command


def add(app: FastAPI, site: Site) -> None:
    """Add what the forms ask for."""

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


def _start(site: Site, verb: str, form: Entered) -> str:
    found = order(verb, form, site.space)
    beside = bool(form.get("beside"))
    return site.jobs.start(found.arguments, found.result, beside=beside).id
