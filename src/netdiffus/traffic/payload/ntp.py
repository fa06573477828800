"""NTP (RFC 5905): requests and answers with times of the flow, extension fields (RFC 7822), and control messages."""

from __future__ import annotations

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.talk import CLIENT, Misfit, Talk

BYTES, LEAST_FIELD, CONTROL = 48, 16, 12
EPOCH_S = 2_208_988_800
"""Seconds from 1900 to 1970."""
SECOND_NS = 10**9


def stamp(time_ns: int) -> bytes:
    """A time as NTP writes it: seconds since 1900 and a fraction, 64 bits."""
    seconds, rest = divmod(time_ns, SECOND_NS)
    return ((seconds + EPOCH_S & 0xFFFF_FFFF) << 32 | (rest << 32) // SECOND_NS).to_bytes(8, "big")


def build_ntp(talk: Talk, fill: Fill) -> None:
    """Each datagram of the client asks, each of the server answers the one before."""
    for message in talk.messages:
        if message.size < CONTROL or (message.size > BYTES and message.size % 4):
            raise Misfit("NTP: a message has no size of NTP")
    now, asked = talk.facts.start_ns, b""
    for message in talk.messages:
        now += fill.number(10**6, 10**8)
        if message.size < BYTES:
            data = _control(message.side, message.size, fill)
        else:
            sent = fill.raw(8) if message.side == CLIENT else stamp(now)
            data = _message(message.side, sent, asked, now, fill) + _fields(message.size - BYTES, fill)
            asked = sent if message.side == CLIENT else asked
        talk.put(message.at, data)


def _message(side: int, sent: bytes, asked: bytes, now: int, fill: Fill) -> bytes:
    if side == CLIENT:
        return b"\x23\x00\x06\x20" + bytes(12) + bytes(24) + sent
    delays = b"\x00\x00" + fill.raw(2) + b"\x00\x00" + fill.raw(2) + fill.raw(4)
    return b"\x24\x02\x06\xe9" + delays + stamp(now - 60 * SECOND_NS) + (asked or bytes(8)) + stamp(now) + sent


def _fields(size: int, fill: Fill) -> bytes:
    """What follows the header: a key and a digest, else an extension field."""
    if size in (20, 24):
        return fill.number(1, 100).to_bytes(4, "big") + fill.raw(size - 4)
    if size >= LEAST_FIELD:
        return b"\x01\x04" + size.to_bytes(2, "big") + fill.raw(size - 4)
    return bytes(size)


def _control(side: int, size: int, fill: Fill) -> bytes:
    """A control message (RFC 9327): read variables."""
    head = bytes([0x26, 0x02 if side == CLIENT else 0x82]) + fill.raw(2) + bytes(6)
    return head + (size - CONTROL).to_bytes(2, "big") + fill.letters(size - CONTROL)
