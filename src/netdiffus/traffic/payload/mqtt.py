"""MQTT 3.1.1 (OASIS): CONNECT, CONNACK and PUBLISH of the drawn sizes, acknowledgements and pings for small ones."""

from __future__ import annotations

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.packing import pack_side
from netdiffus.traffic.payload.talk import CLIENT, SERVER, Misfit, Talk
from netdiffus.traffic.payload.tls_hello import block

LEAST_CONNECT = 14
CONNACK = b"\x20\x02\x00\x00"
LARGEST = 65_000


def _varint(value: int) -> bytes:
    """A remaining length (section 2.2.3)."""
    out = b""
    while True:
        value, low = divmod(value, 128)
        out += bytes([low | (0x80 if value else 0)])
        if not value:
            return out


def _sized(kind: int, size: int) -> tuple[bytes, int] | None:
    """Type and length of a packet of `size` bytes, and the bytes that follow; None: no length gives that size."""
    for digits in (1, 2, 3):
        rest = size - 1 - digits
        if rest >= 0 and len(_varint(rest)) == digits:
            return bytes([kind]) + _varint(rest), rest
    return None


def connect(size: int, fill: Fill) -> bytes | None:
    """A client that introduces itself, in `size` bytes."""
    found = _sized(0x10, size)
    if found is None or found[1] < LEAST_CONNECT - 2:
        return None
    head, rest = found
    name = rest - 12
    user = b""
    if name > 60:
        user = block(fill.letters(name - 40 - 2))
        name = 40
    flags = b"\x82" if user else b"\x02"
    return head + b"\x00\x04MQTT\x04" + flags + b"\x00\x3c" + block(fill.letters(name)) + user


def message(size: int, side: int, fill: Fill) -> bytes | None:
    """One packet of `size` bytes; None: there is none."""
    if size == 2:
        return b"\xc0\x00" if side == CLIENT else b"\xd0\x00"
    if size == 4:
        return b"\x40\x02\x00" + bytes([fill.number(1, 256)])
    if size == 5 and side == SERVER:
        return b"\x90\x03\x00\x01\x00"
    found = _sized(0x30, size)
    if found is None or found[1] < 3:
        return None
    head, rest = found
    topic = min(rest - 2, 8 + fill.number(0, 24))
    return head + block(b"a/" + fill.letters(topic - 2) if topic > 2 else fill.letters(topic))


def build_mqtt(talk: Talk, fill: Fill) -> None:
    """The client connects, then both sides publish; what they publish is left random."""
    turns = talk.turns()
    if turns[0].side != CLIENT:
        raise Misfit("MQTT: the client does not send first")
    first = connect(turns[0].size, fill)
    at = turns[0].at
    if first is None:
        raise Misfit("MQTT: the client's first message is too small for CONNECT")
    talk.put(at, first)
    mine, theirs = talk.of(CLIENT), talk.of(SERVER)
    pack_side(talk, mine, at + turns[0].size, lambda size: message(size, CLIENT, fill), LARGEST)
    if theirs:
        begin = theirs[0].at
        talk.put(begin, CONNACK[: theirs[-1].at + theirs[-1].size - begin])
        pack_side(talk, theirs, begin + len(CONNACK), lambda size: message(size, SERVER, fill), LARGEST)
