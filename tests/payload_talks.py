"""Flows for the builders of payload: messages of given sizes over a buffer of zeros, with a margin that stays."""

from __future__ import annotations

import numpy as np

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.protocols import PROTOCOLS
from netdiffus.traffic.payload.talk import Facts, Lookup, Message, Talk

START_NS = 1_767_225_600 * 10**9
CLIENT_ADDRESS, SERVER_ADDRESS = bytes([10, 0, 0, 1]), bytes([198, 18, 0, 7])
UDP_PROTOCOLS = {"dhcp", "dropbox", "mdns", "ntp", "quic", "rtcp", "rtp", "spotify", "ssdp", "stun", "webrtc"}
MARGIN = 7
FLOWS: dict[str, tuple[int, list[int]]] = {
    "bittorrent": (6881, [68, -68, 105, -17, 5, -16397]),
    "dhcp": (67, [300, -300, 310, -300]),
    "dns": (53, [45, -61]),
    "dropbox": (17500, [200, 160]),
    "ethereum": (30303, [420, -380, 64, -96]),
    "ftp": (21, [-20, 11, -34, 14, -22, 6, -40]),
    "http": (80, [140, -900, 200, -5000]),
    "http2": (80, [90, -300, 60, -20_000]),
    "imap": (143, [-70, 17, -90, 30, -40]),
    "mdns": (5353, [60, 120]),
    "mqtt": (1883, [37, -4, 60, -5, 2, -2]),
    "ntp": (123, [48, -48, 68, -68]),
    "pop3": (110, [-30, 12, -20, 10, -5]),
    "postgres": (5432, [84, -400, 60, -120, 5]),
    "quic": (443, [1200, -1200, 80, -1200]),
    "redis": (6379, [30, -5, 60, -400]),
    "rtcp": (4001, [36, -36, 64]),
    "rtp": (4000, [172, 172, -172, 172, -172]),
    "sip": (5060, [420, -380]),
    "smtp": (25, [-40, 25, -120, 40, -20, 36, -14, 6, -37, 700, -30, 6, -20]),
    "spotify": (57621, [44, 44]),
    "ssdp": (1900, [125, -310]),
    "ssh": (22, [41, -41, 1400, -1088, 1208, -1564, 16, 44, -44]),
    "stun": (3478, [100, -64, 108, -96]),
    "tls": (443, [517, -2800, 64, 300, -4000]),
    "tls12": (443, [517, -1243, 93, -290, 400, -3000]),
    "tracker": (6969, [300, -200]),
    "webrtc": (50_000, [100, -96, 108, -80, 157, -1100, 600, -90, 900, 101, -77]),
}
"""A flow of each protocol: the server's port, and signed sizes."""


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


def built(protocol: str, seed: int = 0) -> Talk:
    """The flow of FLOWS, written."""
    _, sizes = FLOWS[protocol]
    talk = talk_of(sizes, transport="udp" if protocol in UDP_PROTOCOLS | {"dns", "sip"} else "tcp")
    PROTOCOLS[protocol](talk, fill_of(seed))
    return talk
