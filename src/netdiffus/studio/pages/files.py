"""Files into and out of the folder."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from netdiffus.errors import InputError
from netdiffus.studio.site import Site
from netdiffus.text import as_text


def add(app: FastAPI, site: Site) -> None:
    """Add what sends and receives files."""

    @app.get("/download")
    def download(request: Request) -> Response:
        path = site.space.path(request.query_params.get("path", ""))
        if not path.is_file():
            raise InputError("a file", f"{as_text(path.name)}, a folder", "open it instead")
        return FileResponse(path, media_type="application/octet-stream", filename=as_text(path.name))

    @app.post("/upload")
    async def upload(request: Request) -> Response:
        announced = request.headers.get("content-length", "")
        size = int(announced) if announced.isdigit() and len(announced) < 16 else None
        name = await site.uploads.receive(request.query_params.get("name", ""), size, request.stream())
        return JSONResponse({"name": name})
