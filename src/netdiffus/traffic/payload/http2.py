"""HTTP/2 in clear (RFC 9113): the preface, settings, and data frames of the drawn sizes."""

from __future__ import annotations

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.packing import pack_side
from netdiffus.traffic.payload.talk import CLIENT, SERVER, Misfit, Talk

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME, LARGEST = 9, 16_384 + 9
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
STREAM = 1


def frame(kind: int, flags: int, stream: int, data: bytes, size: int | None = None) -> bytes:
    """A frame, or its head where `size` random bytes follow."""
    length = len(data) if size is None else size
    return length.to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + data


def headers(side: int, name: str) -> bytes:
    """A frame with a request or a response (RFC 7541: indexed fields, and a literal for the host)."""
    if side == SERVER:
        return frame(1, 4, STREAM, b"\x88")
    return frame(1, 4, STREAM, b"\x83\x86\x84\x01" + bytes([len(name)]) + name.encode())


def _data(size: int) -> bytes | None:
    return frame(0, 0, STREAM, b"", size - FRAME) if size >= FRAME else None


def build_http2(talk: Talk, fill: Fill) -> None:
    """A connection with one request, whose body and whose response are random bytes."""
    first = talk.messages[0]
    begin = PREFACE + SETTINGS
    if first.side != CLIENT:
        raise Misfit("HTTP/2: the client does not send first")
    if first.size < len(begin):
        raise Misfit("HTTP/2: the client's first message is too small for the preface")
    name = talk.facts.name[:100]
    for side, opening in ((CLIENT, begin + headers(CLIENT, name)), (SERVER, SETTINGS + headers(SERVER, name))):
        messages = talk.of(side)
        if not messages:
            continue
        at, end = messages[0].at, messages[-1].at + messages[-1].size
        talk.put(at, opening[: end - at])
        if at + len(opening) < end:
            pack_side(talk, messages, at + len(opening), _data, LARGEST)
