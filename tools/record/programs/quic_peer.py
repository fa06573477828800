"""HTTP/3 over QUIC with aioquic: `server CERT KEY ADDRESS...` answers, `client PLAN` makes the visits of a JSON plan.

The path of a request is the number of bytes that it wants.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import ssl
import sys
from pathlib import Path
from typing import Any

from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent


class Peer(QuicConnectionProtocol):
    """Both ends: hands QUIC events to HTTP/3, and the HTTP/3 events on."""

    http: H3Connection | None = None

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
        if self.http:
            for h3_event in self.http.handle_event(event):
                self.http_event_received(h3_event)

    def http_event_received(self, event: H3Event) -> None:
        raise NotImplementedError


class Server(Peer):
    """Answers each request with as many bytes as its path says, after some thinking."""

    def http_event_received(self, event: H3Event) -> None:
        if isinstance(event, HeadersReceived):
            path = dict(event.headers)[b":path"]
            wait_s = random.uniform(0.002, 0.034)
            asyncio.get_running_loop().call_later(wait_s, self.answer, event.stream_id, int(path[1:]))

    def answer(self, stream: int, size: int) -> None:
        if self.http:
            self.http.send_headers(stream, [(b":status", b"200"), (b"content-length", str(size).encode())])
            self.http.send_data(stream, os.urandom(size), end_stream=True)
            self.transmit()


class Client(Peer):
    """Asks, and waits for the end of each answer."""

    waiting: dict[int, asyncio.Future[None]]

    def http_event_received(self, event: H3Event) -> None:
        if isinstance(event, (HeadersReceived, DataReceived)) and event.stream_ended:
            self.waiting[event.stream_id].set_result(None)

    async def fetch(self, host: str, sizes: list[int], post: int) -> None:
        """Ask for all sizes at once, the first with a body of `post` bytes."""
        assert self.http, "connected"
        self.waiting = {}
        for number, size in enumerate(sizes):
            body = os.urandom(post) if number == 0 and post else b""
            stream = self._quic.get_next_available_stream_id()
            self.waiting[stream] = asyncio.get_running_loop().create_future()
            head = [(b":method", b"POST" if body else b"GET"), (b":scheme", b"https"), (b":authority", host.encode())]
            head += [(b":path", f"/{size}".encode()), (b"user-agent", b"aioquic")]
            self.http.send_headers(stream, head, end_stream=not body)
            if body:
                self.http.send_data(stream, body, end_stream=True)
        self.transmit()
        await asyncio.gather(*self.waiting.values())


def settings(client: bool, control: str = "reno") -> QuicConfiguration:
    """HTTP/3, no check of the self-signed certificate."""
    return QuicConfiguration(
        is_client=client,
        alpn_protocols=H3_ALPN,
        verify_mode=ssl.CERT_NONE,
        server_name="www.example.test" if client else None,
        congestion_control_algorithm=control,
        idle_timeout=20,
    )


async def visit(plan: dict[str, Any]) -> None:
    """One connection: its rounds of requests with pauses between them."""
    host = str(plan["server"])
    async with connect(host, 443, configuration=settings(True, str(plan["control"])), create_protocol=Client) as client:
        assert isinstance(client, Client)
        for one in plan["rounds"]:
            await client.fetch("www.example.test", one["sizes"], one["post"])
            await asyncio.sleep(one["pause_s"])


async def main() -> None:
    """Serve for ever, or make the visits."""
    if sys.argv[1] == "server":
        configuration = settings(client=False)
        configuration.load_cert_chain(Path(sys.argv[2]), Path(sys.argv[3]))
        for host in sys.argv[4:]:  # one socket each: a wildcard socket would answer from another address
            await serve(host, 443, configuration=configuration, create_protocol=Server)
        await asyncio.Future()
    for plan in json.loads(Path(sys.argv[2]).read_text()):
        try:
            await asyncio.wait_for(visit(plan), float(plan["limit_s"]))
        except (ConnectionError, TimeoutError) as error:
            print(f"{plan['server']}: {error!r}", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main())
