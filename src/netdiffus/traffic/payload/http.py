"""HTTP/1.1 (RFC 9112): requests and responses whose head and body have the drawn sizes; and SSDP, which looks alike."""

from __future__ import annotations

from typing import NamedTuple

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.lines import Line, fitted
from netdiffus.traffic.payload.talk import CLIENT, Message, Misfit, Talk

AGENTS = ("curl/8.5.0", "Wget/1.21.4", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
LONGEST_HEAD = 1200
"""A larger request has a body."""
RESPONSE_HEAD = 300
TYPES = ("application/octet-stream", "font/woff2", "application/x-tar")
"""Of bodies that are random bytes: they are compressed."""
SHORTEST_REQUEST = len("GET / HTTP/1.0\r\n\r\n")
LONGEST_PATH = 400
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
STATUS = b"HTTP/1.1 200 OK\r\n"


class Part(NamedTuple):
    """A request or a response: where it begins, and its bytes in this turn and in all."""

    message: Message
    total: int


def build_tracker(talk: Talk, fill: Fill) -> None:
    """A peer that asks a tracker of BitTorrent (BEP 3) for others."""
    first = talk.turns()[0]
    line = Line(
        b"GET /announce?info_hash=", f" HTTP/1.1\r\nHost: {talk.facts.name}\r\n\r\n".encode(), 20, 2000, "hexes"
    )
    if first.side != CLIENT or not line.fits(first.size):
        raise Misfit("tracker: the client's first message has no size of an announcement")
    build_http(talk, fill)
    talk.put(first.at, line.written(first.size, fill))


def build_http(talk: Talk, fill: Fill) -> None:
    """Requests of the client, each with a response of the server."""
    turns = talk.turns()
    if turns[0].side != CLIENT:
        raise Misfit("HTTP: the client does not send first")
    if turns[0].size < SHORTEST_REQUEST:
        raise Misfit("HTTP: the client's first message is too small for a request")
    for part in _parts(turns):
        if part.message.side == CLIENT:
            data = request(part, talk.facts.name, fill)
        else:
            data = response(part, talk.facts.start_ns, fill)
        talk.put(part.message.at, data)


def _parts(turns: list[Message]) -> list[Part]:
    """Turns that are too small for a message of their own go on with the one before of their side."""
    parts: list[Part] = []
    last: dict[int, int] = {}
    for number, turn in enumerate(turns):
        begins = turn.side not in last or turn.size >= (40 if turn.side == CLIENT else 60)
        if turn.side == CLIENT and number > 1 and turns[number - 1].size == len(CONTINUE):
            begins = False  # what the server asked for is the body
        if begins:
            last[turn.side] = len(parts)
            parts.append(Part(turn, turn.size))
        else:
            place = last[turn.side]
            parts[place] = Part(parts[place].message, parts[place].total + turn.size)
    return parts


def request(part: Part, name: str, fill: Fill) -> bytes:
    """The head of a request; its body, if there is one, is left as it is.

    A request that goes on in a later turn has a body.
    """
    size, host = part.message.size, f"Host: {name}\r\n".encode()
    agent = f"User-Agent: {fill.one(AGENTS)}\r\nAccept: */*\r\n".encode()
    if part.total > size or size > LONGEST_HEAD:
        data = _posted(part, host, agent, fill)
        if data:
            return data
    end = b" HTTP/1.1\r\n" + host
    cookie = agent + b"Cookie: session="
    options = (
        Line(b"GET /", end + agent + b"\r\n", 0, LONGEST_PATH, "letters"),
        Line(b"GET /" + fill.letters(12) + end + cookie, b"\r\n\r\n", 4, 1 << 20, "hexes"),
    )
    small = (Line(b"GET /", end + b"\r\n", 0, LONGEST_PATH), Line(b"GET /", b" HTTP/1.0\r\n\r\n", 0, 80))
    return fitted(options, size, fill) or fitted(small[:1], size, fill) or fitted(small[1:], size, fill) or b""


def _posted(part: Part, host: bytes, agent: bytes, fill: Fill) -> bytes:
    """A request with a body that goes up to its end; the head takes all of its turn, or the body begins in it."""
    size, rest = part.message.size, part.total - part.message.size
    for fields in (host + agent + b"Content-Type: application/octet-stream\r\n", host + agent, host):
        tail = b" HTTP/1.1\r\n" + fields
        whole = len(b"POST /") + len(tail) + len(f"Content-Length: {rest}\r\n\r\n")
        if rest and 0 <= size - whole <= LONGEST_PATH:
            return b"POST /" + fill.letters(size - whole) + tail + f"Content-Length: {rest}\r\n\r\n".encode()
        data = _with_length(b"POST /" + fill.letters(10) + tail, part)
        if data:
            return data
    return b""


def _with_length(head: bytes, part: Part) -> bytes:
    """The head with the length of what follows it; nothing if there is no room for it."""
    for digits in range(1, 10):
        whole = len(head) + len("Content-Length: \r\n\r\n") + digits
        body = part.total - whole
        if whole <= part.message.size and len(str(body)) == digits and body >= 0:
            return head + f"Content-Length: {body}\r\n\r\n".encode()
    return b""


def response(part: Part, start_ns: int, fill: Fill) -> bytes:
    """The head of a response; its body is left as it is."""
    if part.message.size == part.total == len(CONTINUE):
        return CONTINUE
    server = b"Server: nginx\r\n"
    kind = f"Content-Type: {fill.one(TYPES)}\r\n".encode()
    tag = b'ETag: "' + fill.hexes(16) + b'"\r\nAccept-Ranges: bytes\r\n'
    heads = [STATUS + server + kind + tag, STATUS + server + kind, STATUS]
    for head in heads:
        data = _with_length(head, part)
        if data:
            return data
    options = (
        Line(b"HTTP/1.1 204 No Content\r\nServer: ", b"\r\n\r\n", 1, 1 << 20),
        Line(b"HTTP/1.1 304 ", b"\r\n\r\n", 0, 60),
    )
    return (
        fitted(options, part.message.size, fill) or b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"[: part.message.size]
    )


SEARCH = b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 2\r\nST: '
NOTIFY = b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age=1800\r\nNTS: ssdp:alive\r\nNT: "
FOUND = b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nST: "


def build_ssdp(talk: Talk, fill: Fill) -> None:
    """Searches and notices of the Simple Service Discovery Protocol (UPnP Device Architecture 1.1)."""
    lines = (
        (Line(NOTIFY, b"\r\n\r\n", 1, 900), Line(SEARCH, b"\r\n\r\n", 1, 60),
         Line(b"M-SEARCH * HTTP/1.1\r\nST: ", b"\r\n\r\n", 1, 99)),
        (Line(FOUND, b"\r\n\r\n", 1, 1200), Line(b"HTTP/1.1 200 OK\r\nST: ", b"\r\n\r\n", 1, 99)),
    )  # fmt: skip
    written = [(message, fitted(lines[message.side], message.size, fill)) for message in talk.messages]
    if any(data is None for _, data in written):
        raise Misfit("SSDP: a message is too small")
    for message, data in written:
        talk.put(message.at, data or b"")
