"""The application: its pages, its static files, and what an error looks like."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException

from netdiffus.errors import InputError
from netdiffus.studio.pages import captures, datasets, files, forms, home, jobs, reports, steps, training
from netdiffus.studio.site import STATIC, Site
from netdiffus.studio.workspace import Workspace
from netdiffus.text import as_text

QUIET: TelemetryConfig = {
    "tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False,
}  # fmt: skip
"""Nothing is told to anyone, whatever the environment asks FastAPI for."""


def studio_app(space: Workspace) -> FastAPI:
    """The pages of a workspace; whoever may ask for them is the guard's affair."""
    app = FastAPI(telemetry=QUIET, docs_url=None, redoc_url=None, openapi_url=None)
    site = Site.of(space)
    for pages in (home, datasets, captures, forms, steps, training, jobs, reports, files):
        pages.add(app, site)
    app.mount("/static", _Static(directory=STATIC), "static")

    def refused(request: Request, error: Exception) -> Response:
        return _answer(site, request, 400, as_text(str(error)))

    def missing(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        words = {404: "There is no such page.", 405: "That cannot be asked for in this way."}
        return _answer(site, request, status, words.get(status, "The request cannot be answered."))

    def failed(request: Request, error: Exception) -> Response:
        return _answer(site, request, 500, f"This is a defect of the studio: {type(error).__name__}: {error}")

    app.add_exception_handler(InputError, refused)
    app.add_exception_handler(HTTPException, missing)
    app.add_exception_handler(OSError, failed)
    return app


def _answer(site: Site, request: Request, status: int, words: str) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return site.page("error.html.j2", status, words=words)
    return JSONResponse({"error": words}, status)


class _Static(StaticFiles):
    """Files of the package: a browser keeps them for an hour."""

    async def get_response(self, path: str, scope) -> Response:  # type: ignore[no-untyped-def]
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "private, max-age=3600"
        return response
