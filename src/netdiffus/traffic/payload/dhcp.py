"""DHCP (RFC 2131, RFC 2132): discover, offer, request and acknowledgement in the drawn sizes."""

from __future__ import annotations

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.talk import CLIENT, Misfit, Talk

FIXED = 236
MAGIC = b"\x63\x82\x53\x63"
LEAST = FIXED + len(MAGIC) + 3 + 1
"""A message with its type and the end of the options."""
KINDS = ((1, 3), (2, 5))
"""Discover and request of a client, offer and acknowledgement of a server."""
LEASE = b"\x33\x04\x00\x00\x0e\x10" + b"\x01\x04\xff\xff\xff\x00"
ASKED = b"\x37\x04\x01\x03\x06\x0f"


def build_dhcp(talk: Talk, fill: Fill) -> None:
    """Messages of one host that asks for an address; what the options leave is padding."""
    if min(message.size for message in talk.messages) < LEAST:
        raise Misfit("DHCP: a message is too small")
    number, hardware = fill.raw(4), b"\x02" + fill.raw(5)
    said = [0, 0]
    for message in talk.messages:
        kind = KINDS[message.side][min(said[message.side], 1)]
        said[message.side] += 1
        asks = message.side == CLIENT
        given = bytes(4) if asks else b"\x0a\x00\x00" + fill.raw(1)
        head = bytes([1 if asks else 2, 1, 6, 0]) + number + bytes(8) + given + bytes(8) + hardware + bytes(10 + 192)
        options = MAGIC + bytes([53, 1, kind])
        more = ASKED if asks else LEASE
        if message.size >= len(head) + len(options) + len(more) + 1:
            options += more
        talk.put(message.at, (head + options + b"\xff").ljust(message.size, b"\x00"))
