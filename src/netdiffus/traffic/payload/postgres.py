"""PostgreSQL's protocol 3.0 (postgresql.org, chapter 55): startup, queries and rows, and TLS if it is asked for."""

from __future__ import annotations

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.packing import pack_side
from netdiffus.traffic.payload.talk import CLIENT, SERVER, Message, Misfit, Talk
from netdiffus.traffic.payload.tls import build_tls

SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
LEAST_STARTUP = len(b"\x00\x00\x00\x00\x00\x03\x00\x00user\x00a\x00\x00")
AUTHENTICATED, READY = b"R\x00\x00\x00\x08\x00\x00\x00\x00", b"Z\x00\x00\x00\x05I"
LARGEST = 1 << 20


def typed(kind: bytes, data: bytes) -> bytes:
    """A message: its type, the length, what it says."""
    return kind + (len(data) + 4).to_bytes(4, "big") + data


def startup(size: int, fill: Fill) -> bytes:
    """The first message of a client."""
    room = size - LEAST_STARTUP + 1
    database = b""
    if room > 20:
        database = b"database\x00" + fill.letters(room - 8 - 10) + b"\x00"
        room = 8
    return size.to_bytes(4, "big") + b"\x00\x03\x00\x00user\x00" + fill.letters(room) + b"\x00" + database + b"\x00"


def query(size: int, fill: Fill) -> bytes | None:
    """A message of the client: a query as text, or the end."""
    if size == 5:
        return typed(b"X", b"")
    if size < 6:
        return None
    text = b"SELECT "[: max(size - 6, 0)] + fill.letters(max(size - 6 - 7, 0))
    return typed(b"Q", text + b"\x00")


def answer(size: int, fill: Fill) -> bytes | None:
    """Messages of the server: rows, what was done, and that it is ready."""
    if size == len(READY):
        return READY
    done = typed(b"C", b"SELECT 1\x00") + READY
    row = size - len(done) - 5
    if row >= 6:
        return typed(b"D", b"\x00\x01" + (row - 6).to_bytes(4, "big") + fill.text("base64", row - 6)) + done
    if size >= 5 + 4 + len(READY):
        room = size - len(READY) - 5 - 2
        return typed(b"N", b"M" + fill.letters(max(room - 1, 0)) + b"\x00\x00") + READY
    if size >= 7:
        return typed(b"C", fill.letters(size - 6) + b"\x00")
    return typed(b"1", b"") if size == 5 else None


def build_postgres(talk: Talk, fill: Fill) -> None:
    """A session in clear, or one that begins with a request for TLS."""
    turns = talk.turns()
    if turns[0].side != CLIENT:
        raise Misfit("PostgreSQL: the client does not send first")
    if turns[0].size == len(SSL_REQUEST) and len(turns) > 1 and turns[1].size == 1:
        rest = talk.messages[2:]
        if rest and rest[0].side == CLIENT:
            inner = Talk(talk.facts, rest, talk.out, drawn=talk.drawn)
            build_tls(inner, fill)
        talk.put(turns[0].at, SSL_REQUEST)
        talk.put(turns[1].at, b"S")
        return
    if turns[0].size == len(SSL_REQUEST):
        _refused(talk, turns, fill)
        return
    if turns[0].size < LEAST_STARTUP:
        raise Misfit("PostgreSQL: the client's first message is too small for a startup")
    _session(talk, turns[0], fill)


def _refused(talk: Talk, turns: list[Message], fill: Fill) -> None:
    """A request for TLS and nothing that could be an answer to it: a cut flow."""
    if len(turns) > 1:
        raise Misfit("PostgreSQL: no answer to a request for TLS")
    talk.put(turns[0].at, SSL_REQUEST)


def _session(talk: Talk, first: Message, fill: Fill) -> None:
    talk.put(first.at, startup(first.size, fill))
    pack_side(talk, talk.of(CLIENT), first.at + first.size, lambda size: query(size, fill), LARGEST)
    theirs = talk.of(SERVER)
    if not theirs:
        return
    begin, end = theirs[0].at, theirs[-1].at + theirs[-1].size
    if theirs[0].size >= len(AUTHENTICATED):
        talk.put(begin, AUTHENTICATED)
        begin += len(AUTHENTICATED)
    if begin < end:
        pack_side(talk, theirs, begin, lambda size: answer(size, fill), LARGEST)
