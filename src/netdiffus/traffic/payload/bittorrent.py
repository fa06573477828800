"""BitTorrent (BEP 3), its transport over UDP (BEP 29), its distributed table (BEP 5) and its trackers (BEP 15)."""

from __future__ import annotations

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.packing import pack_side
from netdiffus.traffic.payload.talk import CLIENT, SERVER, Misfit, Talk

HANDSHAKE = 68
PIECE_HEAD, LARGEST = 13, 16_384 + 13
UTP, SYN, STATE, DATA, FIN = 20, 4, 2, 0, 1
"""Bytes of a header of the transport over UDP, and its types."""
SACK = 6
"""Bytes of the extension that acknowledges selectively, with 32 bits."""
LEAST_DHT = len(b"d1:ad2:id20:....................e1:q4:ping1:t2:..1:y1:qe")
TRACKED, TRACKED_ERROR = 16, 8
"""Bytes of a question for a connection, and of an error without words."""


def handshake(info: bytes, fill: Fill) -> bytes:
    """The first message of a peer."""
    return b"\x13BitTorrent protocol" + b"\x00\x00\x00\x00\x00\x10\x00\x05" + info + b"-NF0001-" + fill.letters(12)


def message(size: int, fill: Fill) -> bytes | None:
    """A message of `size` bytes, or its head where random bytes follow; None: there is none."""
    if size < 4:
        return None
    head = (size - 4).to_bytes(4, "big")
    if size == 5:
        return head + bytes([fill.number(0, 4)])
    if size == 9:
        return head + b"\x04\x00\x00" + fill.raw(2)
    if size == 17:
        return head + b"\x06\x00\x00" + fill.raw(2) + b"\x00" + fill.raw(1) + b"\x00\x00\x00\x00\x40\x00"
    if size >= PIECE_HEAD + 16:
        return head + b"\x07\x00\x00" + fill.raw(2) + b"\x00" + fill.raw(1) + b"\x00\x00"
    return head + b"\x05" if size > 5 else head


def build_bittorrent(talk: Talk, fill: Fill) -> None:
    """Peers over TCP or UDP, or the distributed table."""
    if talk.facts.transport == "udp":
        _datagrams(talk, fill)
        return
    sides = [talk.of(side) for side in (CLIENT, SERVER)]
    if any(side and side[-1].at + side[-1].size - side[0].at < HANDSHAKE for side in sides):
        raise Misfit("BitTorrent: a side sends less than a handshake")
    info = fill.raw(20)
    for side in sides:
        if side:
            talk.put(side[0].at, handshake(info, fill))
            if side[-1].at + side[-1].size > side[0].at + HANDSHAKE:
                pack_side(talk, side, side[0].at + HANDSHAKE, lambda size: message(size, fill), LARGEST)


def _datagrams(talk: Talk, fill: Fill) -> None:
    first = talk.messages[0]
    sizes = [each.size for each in talk.messages]
    if first.size == TRACKED and min(sizes) >= TRACKED_ERROR:
        _tracker(talk, fill)
    elif first.size in (UTP, UTP + 10) and min(sizes) >= UTP:
        _utp(talk, fill)
    elif min(sizes) >= LEAST_DHT:
        _table(talk, fill)
    else:
        raise Misfit("BitTorrent: datagrams of no size that it has")


def _table(talk: Talk, fill: Fill) -> None:
    """Questions and answers of the distributed table; a version string of any length takes the rest."""
    number = fill.letters(2)
    for each in talk.messages:
        if each.side == CLIENT:
            head, tail = b"d1:ad2:id20:" + fill.raw(20) + b"e1:q4:ping1:t2:" + number, b"1:y1:qe"
        else:
            head, tail = b"d1:rd2:id20:" + fill.raw(20) + b"e1:t2:" + number, b"1:y1:re"
        room = each.size - len(head) - len(tail)
        talk.put(each.at, head + _string(b"v", room, fill) + tail)


def _string(key: bytes, size: int, fill: Fill) -> bytes:
    """A key and a string (BEP 3, bencoding) of `size` bytes together; nothing where there is no such pair."""
    for digits in (1, 2, 3, 4):
        room = size - len(b"1:") - len(key) - digits - 1
        if room >= 0 and len(str(room)) == digits:
            return b"1:" + key + b"%d:" % room + fill.letters(room)
    return b""


def _tracker(talk: Talk, fill: Fill) -> None:
    """Connect, announce, and the answers with peers."""
    magic, asked = b"\x00\x00\x04\x17\x27\x10\x19\x80", b"\x00\x00\x00\x00"
    number = connection = b""
    for each in talk.messages:
        if each.side == CLIENT:
            number, asked = fill.raw(4), (b"\x00\x00\x00\x00" if each.size == TRACKED else b"\x00\x00\x00\x01")
            data = (connection or magic if asked[-1] else magic) + asked + number
        else:
            connection = connection or fill.raw(8)
            asked = asked if each.size >= TRACKED else b"\x00\x00\x00\x03"
            data = asked + number + (connection if not asked[-1] else b"\x00\x00\x07\x08" * (asked[-1] == 1))
        talk.put(each.at, data)


def _utp(talk: Talk, fill: Fill) -> None:
    """Connections of the transport: each side numbers its packets and acknowledges the other's."""
    identifier = fill.number(1, 60_000)
    sequence, begun = [1, fill.number(1, 60_000)], [False, False]
    info, now = fill.raw(20), fill.number(1 << 20, 1 << 30)
    for place, each in enumerate(talk.messages):
        now += fill.number(100, 50_000)
        kind = SYN if not place else STATE if each.size in (UTP, UTP + SACK, UTP + 10) else DATA
        extension = _extension(each.size - UTP, kind, fill)
        mine = identifier if kind == SYN or each.side == SERVER else identifier + 1
        head = bytes([kind << 4 | 1, 1 if extension else 0]) + mine.to_bytes(2, "big") + now.to_bytes(4, "big")
        head += fill.number(0, 1 << 20).to_bytes(4, "big") + b"\x00\x10\x00\x00"
        head += (sequence[each.side] & 0xFFFF).to_bytes(2, "big") + (sequence[1 - each.side] & 0xFFFF).to_bytes(
            2, "big"
        )
        sequence[each.side] += kind in (DATA, SYN)
        data = b""
        if kind == DATA and not begun[each.side]:
            begun[each.side] = True
            data = handshake(info, fill)[: each.size - UTP]
        talk.put(each.at, head + extension + data)


def _extension(room: int, kind: int, fill: Fill) -> bytes:
    if kind == DATA or not room:
        return b""
    size = room - 2
    return bytes([0, size]) + fill.raw(size)
