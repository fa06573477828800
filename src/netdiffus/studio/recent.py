"""Answers that are asked for several times at once are made once: pages of one moment are the same for all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEPT_S = 0.3
"""How long an answer is given again; whatever is sent to the server ends that at once."""
STREAMED = ("/download", "/report/page")
"""Paths of files of any size, which are passed on as they are read."""


class Recent:
    """Stands between the guard and the pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._known: dict[Hashable, asyncio.Task[list[Message]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, from an answer that is being made or was made just now where there is one."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"].startswith(STREAMED):
            self._known.clear()
            await self._app(scope, receive, send)
            self._known.clear()
            return
        headers = dict(scope["headers"])
        key = scope["path"], scope["query_string"], headers.get(b"accept"), headers.get(b"if-none-match")
        task = self._known.get(key)
        if task is None:
            task = self._known[key] = asyncio.create_task(self._answer(scope, key))
        for message in await asyncio.shield(task):
            await send(message)

    async def _answer(self, scope: Scope, key: Hashable) -> list[Message]:
        messages: list[Message] = []
        begun = False

        async def receive() -> Message:
            nonlocal begun
            if begun:  # whoever waits for the end of the connection waits for ever: it is shared
                await asyncio.Event().wait()
            begun = True
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            messages.append(message)

        try:
            await self._app(scope, receive, send)
        except Exception:
            logging.getLogger("uvicorn.error").exception("a page failed")
            if not messages:
                raise
        finally:
            asyncio.get_running_loop().call_later(KEPT_S, self._known.pop, key, None)
        return messages
