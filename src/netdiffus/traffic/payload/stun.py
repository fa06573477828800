"""STUN (RFC 8489): binding requests and their answers."""

from __future__ import annotations

from zlib import crc32

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.talk import CLIENT, Misfit, Talk
from netdiffus.traffic.payload.tls_hello import block

HEADER, LARGEST = 20, 548
COOKIE = b"\x21\x12\xa4\x42"
FINGERPRINT, INTEGRITY = 8, 24
"""Bytes of those attributes."""
SOFTWARE, USERNAME, MAPPED = 0x8022, 0x0006, 0x0020


def fits(size: int) -> bool:
    """Whether a message can have this size."""
    return HEADER <= size <= LARGEST and size % 4 == 0


def _attribute(kind: int, size: int, fill: Fill) -> bytes:
    """An attribute with text, of `size` bytes with its head and padding."""
    return kind.to_bytes(2, "big") + block(fill.letters(size - 4))


def binding(size: int, number: bytes, address: tuple[bytes, int] | None, fill: Fill) -> bytes:
    """A binding request, or with an address its success, of `size` bytes; the message's number is of 12 bytes."""
    kind = b"\x00\x01" if address is None else b"\x01\x01"
    head = kind + (size - HEADER).to_bytes(2, "big") + COOKIE + number
    left = size - HEADER
    body, tail = b"", b""
    if address is not None:
        mapped = _mapped(*address, number)
        if left >= len(mapped):
            body, left = mapped, left - len(mapped)
    is_signed = left >= INTEGRITY + FINGERPRINT
    if is_signed:
        tail, left = b"\x00\x08\x00\x14" + fill.raw(20), left - INTEGRITY
    printed = left >= FINGERPRINT
    left -= FINGERPRINT if printed else 0
    if left:
        body += _attribute(USERNAME if is_signed and address is None else SOFTWARE, left, fill)
    whole = head + body + tail
    if not printed:
        return whole
    return whole + b"\x80\x28\x00\x04" + (crc32(whole) ^ 0x5354554E).to_bytes(4, "big")


def _mapped(address: bytes, port: int, number: bytes) -> bytes:
    """XOR-MAPPED-ADDRESS (section 14.2)."""
    key = COOKIE + number
    family = b"\x00\x01" if len(address) == 4 else b"\x00\x02"
    mixed = bytes(a ^ b for a, b in zip(address, key, strict=False))
    return MAPPED.to_bytes(2, "big") + block(family + (port ^ 0x2112).to_bytes(2, "big") + mixed)


def build_stun(talk: Talk, fill: Fill) -> None:
    """Requests of the client, successes of the server with the client's address."""
    if not all(fits(message.size) for message in talk.messages):
        raise Misfit("STUN: a message has no size of STUN")
    exchange = Exchange(talk, fill)
    for message in talk.messages:
        talk.put(message.at, exchange.next(message.side, message.size))


class Exchange:
    """Requests of either side, each answered by the next message of the other."""

    def __init__(self, talk: Talk, fill: Fill) -> None:
        self._facts, self._fill = talk.facts, fill
        self._open: list[bytes | None] = [None, None]

    def next(self, side: int, size: int) -> bytes:
        """The next message of a side: an answer if the other one asked, else a request."""
        asked = self._open[1 - side]
        if asked is not None:
            self._open[1 - side] = None
            facts = self._facts
            to = (facts.server, facts.server_port) if side == CLIENT else (facts.client, facts.client_port)
            return binding(size, asked, to, self._fill)
        number = self._fill.raw(12)
        self._open[side] = number
        return binding(size, number, None, self._fill)
