"""Files into and out of the folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.requests import ClientDisconnect

from netdiffus.errors import InputError
from netdiffus.studio.site import Site
from netdiffus.text import as_text

DRAIN_S = 5.0


async def _passed_over(chunks: AsyncIterator[bytes]) -> None:
    """Read what is left of a refused upload, for a while: a sender that is cut off would not see why."""
    with suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(DRAIN_S):
            async for _ in chunks:
                pass


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
        chunks = request.stream()
        try:
            name = await site.uploads.receive(request.query_params.get("name", ""), size, chunks)
        except InputError:
            await _passed_over(chunks)
            raise
        return JSONResponse({"name": name})
