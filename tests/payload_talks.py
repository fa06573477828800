"""Flows for the builders of payload: messages of given sizes over a buffer of zeros, with a margin that stays."""

from __future__ import annotations

import numpy as np

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.talk import Facts, Lookup, Message, Talk

START_NS = 1_767_225_600 * 10**9
CLIENT_ADDRESS, SERVER_ADDRESS = bytes([10, 0, 0, 1]), bytes([198, 18, 0, 7])
UDP_PROTOCOLS = {"dhcp", "mdns", "ntp", "quic", "rtcp", "rtp", "ssdp", "stun", "webrtc"}
MARGIN = 7


def talk_of(sizes: list[int], *, transport: str = "tcp", lookups: tuple[Lookup, ...] = (), name: str = "") -> Talk:
    """A flow of these signed sizes: above 0 from the client, below from the server."""
    spans = [sum(size for size in sizes if size > 0), -sum(size for size in sizes if size < 0)]
    place = [MARGIN, MARGIN + spans[0]]
    if transport == "udp":
        place = [MARGIN, MARGIN]
    messages = []
    for size in sizes:
        side = int(size < 0)
        messages.append(Message(side, place[side], abs(size)))
        place[side] += abs(size)
        if transport == "udp":
            place[1 - side] = place[side]
    facts = Facts(
        transport, CLIENT_ADDRESS, SERVER_ADDRESS, 40000, 443, START_NS, name or "www.barolen.example.com", lookups
    )
    return Talk(facts, messages, memoryview(bytearray(sum(spans) + 2 * MARGIN)))


def fill_of(seed: int = 0) -> Fill:
    """A source of text."""
    return Fill(np.random.default_rng(seed))


def said(talk: Talk, number: int) -> bytes:
    """The bytes of a message."""
    message = talk.messages[number]
    return bytes(talk.out[message.at : message.at + message.size])
