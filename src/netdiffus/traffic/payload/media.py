"""RTP and RTCP (RFC 3550): a stream of media each way, and reports about it."""

from __future__ import annotations

from struct import pack

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.talk import Misfit, Talk

RTP, REPORT, SENDER = 12, 8, 28
"""Bytes of the RTP header, of an empty receiver report, and of a sender report without blocks."""
AUDIO = {160: (0, 160), 240: (0, 240), 320: (0, 320), 172: (8, 160)}
"""Payload types of G.711 by the bytes of media in a packet, and the clock between packets; other sizes are dynamic."""
DYNAMIC = 96, 960


class Stream:
    """The RTP stream of one side."""

    def __init__(self, size: int, fill: Fill) -> None:
        self.kind, self.step = AUDIO.get(size - RTP, DYNAMIC)
        self.sequence, self.clock = fill.number(0, 1 << 15), fill.number(0, 1 << 31)
        self.source = fill.raw(4)

    def header(self) -> bytes:
        """The header of the next packet."""
        self.sequence, self.clock = (self.sequence + 1) & 0xFFFF, (self.clock + self.step) & 0xFFFF_FFFF
        return pack(">BBHI", 0x80, self.kind, self.sequence, self.clock) + self.source


def build_rtp(talk: Talk, fill: Fill) -> None:
    """A stream of each side that sends; the media are random, as compressed or encrypted ones look."""
    if min(message.size for message in talk.messages) < RTP + 1:
        raise Misfit("RTP: a packet is too small for its header")
    streams: dict[int, Stream] = {}
    for message in talk.messages:
        if message.side not in streams:
            streams[message.side] = Stream(message.size, fill)
        talk.put(message.at, streams[message.side].header())


def build_rtcp(talk: Talk, fill: Fill) -> None:
    """Reports with the name of their sender."""
    for message in talk.messages:
        if message.size < REPORT or message.size % 4:
            raise Misfit("RTCP: a packet has no size of RTCP")
    sources = fill.raw(4), fill.raw(4)
    for message in talk.messages:
        talk.put(message.at, reports(message.size, sources[message.side], fill))


def reports(size: int, source: bytes, fill: Fill) -> bytes:
    """A compound packet (section 6.1) of `size` bytes: a report, and a description with a canonical name."""
    described = size - (SENDER if size >= SENDER + 16 else REPORT)
    if size >= SENDER + 16 or size == SENDER:
        head = b"\x80\xc8\x00\x06" + source + fill.raw(20)
    else:
        head = b"\x80\xc9\x00\x01" + source
    rest = size - len(head)
    if rest < 16 or described < 16:
        return head + (b"\x80\xcc" + (rest // 4 - 1).to_bytes(2, "big") + source + b"NAME" + fill.raw(rest - 12)
                       if rest >= 12 else _goodbye(rest, source))  # fmt: skip
    return head + _described(min(rest, 264), source, fill) + _extra(rest - min(rest, 264), source, fill)


def _described(size: int, source: bytes, fill: Fill) -> bytes:
    """A description with a canonical name that takes it all, but for the zeros at its end."""
    name = size - 8 - 2 - 1
    zeros = 1
    if name > 255:
        zeros, name = 1 + name - 255, 255
    return (
        b"\x81\xca" + (size // 4 - 1).to_bytes(2, "big") + source + bytes([1, name]) + fill.letters(name) + bytes(zeros)
    )


def _goodbye(size: int, source: bytes) -> bytes:
    return (b"\x81\xcb\x00\x01" + source)[:size] if size >= 8 else b"\x80\xcb\x00\x00"[:size]


def _extra(size: int, source: bytes, fill: Fill) -> bytes:
    if size >= 12:
        return b"\x80\xcc" + (size // 4 - 1).to_bytes(2, "big") + source + b"NAME" + fill.raw(size - 12)
    return _goodbye(size, source) if size else b""
