"""A small aiohttp application: searches, new records, uploads, each after some thinking."""

from __future__ import annotations

import asyncio
import random

from aiohttp import web

WORDS = ["flow", "packet", "queue", "window", "delay", "river", "stone", "light"]
WORDS += ["market", "garden", "season", "letter", "number", "island", "signal"]


async def think() -> None:
    """Wait as long as a database would."""
    await asyncio.sleep(random.lognormvariate(-3.5, 1.0))


async def search(request: web.Request) -> web.Response:
    """Rows that match: as many as `n` says."""
    await think()
    count = int(request.query.get("n", "10"))
    return web.json_response([{"id": i, "text": " ".join(random.choices(WORDS, k=8))} for i in range(count)])


async def add(request: web.Request) -> web.Response:
    """Take a record."""
    body = await request.read()
    await think()
    return web.json_response({"id": random.randrange(10**9), "length": len(body)}, status=201)


async def upload(request: web.Request) -> web.Response:
    """Take a file."""
    length = 0
    async for chunk in request.content.iter_chunked(65536):
        length += len(chunk)
    await think()
    return web.json_response({"length": length})


if __name__ == "__main__":
    app = web.Application(client_max_size=0)
    app.add_routes([web.get("/api/search", search), web.post("/api/items", add)])
    app.add_routes([web.post("/api/upload", upload), web.put("/api/upload", upload)])
    web.run_app(app, host="127.0.0.1", port=8080, print=None)
