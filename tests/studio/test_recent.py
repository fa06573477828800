"""Many requests at once: no error, and a page that several ask for is made once; what is sent ends that."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from starlette.types import Message, Receive, Scope, Send

from netdiffus.studio.recent import Recent

if TYPE_CHECKING:
    from tests.studio.conftest import Site

AT_ONCE = 200


def test_two_hundred_requests_at_once(site: Site) -> None:
    paths = [
        "/",
        "/jobs",
        "/train",
        "/dataset?path=dataset",
        "/capture?path=captures/ntp.pcap.xz",
        "/static/studio.css",
    ]

    def ask(number: int) -> int:
        return site.client.get(paths[number % len(paths)]).status_code

    with ThreadPoolExecutor(32) as pool:
        assert set(pool.map(ask, range(AT_ONCE))) == {200}


class Counting:
    """An application that counts its calls and takes its time."""

    def __init__(self) -> None:
        self.calls, self.lock = 0, threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        number = self.calls
        await asyncio.sleep(0.01)
        if scope["path"] == "/fails":
            raise ValueError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(number).encode()})


async def ask(recent: Recent, path: str, method: str = "GET") -> bytes:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}
    await recent(scope, receive, send)
    return bytes(sent[1]["body"])


def test_what_is_asked_for_at_once_is_made_once() -> None:
    async def main() -> None:
        app = Counting()
        recent = Recent(app)
        assert set(await asyncio.gather(*(ask(recent, "/") for _ in range(50)))) == {b"1"}
        assert await ask(recent, "/other") == b"2"
        assert await ask(recent, "/") == b"1"
        await ask(recent, "/", "POST")
        assert await ask(recent, "/") == b"4"
        assert len({await ask(recent, "/download"), await ask(recent, "/download")}) == 2

    asyncio.run(main())


def test_a_page_that_fails_fails_for_all_and_is_tried_again() -> None:
    async def main() -> None:
        recent = Recent(Counting())
        found = await asyncio.gather(*(ask(recent, "/fails") for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in found] == [ValueError] * 3
        await asyncio.sleep(0.4)
        with pytest.raises(ValueError, match=r"^$"):
            await ask(recent, "/fails")

    asyncio.run(main())
