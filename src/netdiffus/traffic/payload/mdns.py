"""Multicast DNS (RFC 6762): questions after services, and answers with texts about them, of the drawn sizes."""

from __future__ import annotations

from netdiffus.traffic.payload.dns import HEADER, LARGEST, LONGEST_LABEL, TAIL, texts, wire
from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.talk import Misfit, Talk

SERVICES = (
    "_http._tcp.local",
    "_services._dns-sd._udp.local",
    "_airplay._tcp.local",
    "_ipp._tcp.local",
    "_hap._tcp.local",
)


def build_mdns(talk: Talk, fill: Fill) -> None:
    """Questions after services, and answers with texts about them, as each datagram has room for."""
    sizes = [message.size for message in talk.messages]
    if min(sizes) < HEADER + TAIL + 7 or HEADER + TAIL + 8 in sizes or max(sizes) > LARGEST:
        raise Misfit("mDNS: a message is too small or too large")
    for message in talk.messages:
        talk.put(message.at, _multicast(message.size, fill))


def _question(name: str) -> bytes:
    return b"\x00\x00\x00\x00\x00\x01" + bytes(6) + wire(name) + b"\x00\x0c\x00\x01"


def _multicast(size: int, fill: Fill) -> bytes:
    """A question where a name has room, else an answer with a text."""
    room = size - HEADER - TAIL
    label = room - len(wire("local")) - 1
    if label < 1 or (label <= LONGEST_LABEL and fill.share() < 0.5):
        return _question("local" if label < 1 else fill.letters(label).decode() + ".local")
    name = wire(fill.one(SERVICES))
    data = room - len(name) - 6
    if data < 2:
        name, data = wire("local"), room - len(wire("local")) - 6
        if data < 2:
            return _question(fill.letters(label).decode() + ".local")
    head = b"\x00\x00\x84\x00\x00\x00\x00\x01" + bytes(4)
    return head + name + b"\x00\x10\x80\x01\x00\x00\x11\x94" + data.to_bytes(2, "big") + texts(data, fill)
