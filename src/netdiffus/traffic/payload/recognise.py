"""Which protocol a flow speaks, from the first bytes of its first messages: the marks that each begins with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from netdiffus.traffic.payload import ethereum
from netdiffus.traffic.payload.discovery import DROPBOX, DROPBOX_PORT, SPOTIFY
from netdiffus.traffic.payload.stun import COOKIE, fits
from netdiffus.traffic.payload.talk import CLIENT, SERVER

HTTP = re.compile(rb"(GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE) \S")
HAS_VERSION_13 = b"\x00\x2b\x00\x02\x03\x04"
PG_CODES = (b"\x00\x03\x00\x00", b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30")
QUIC_VERSIONS = (b"\x00\x00\x00\x01", b"\x6b\x33\x43\xcf")
HANDSHAKE = b"\x13BitTorr"
RTCP_KINDS = range(200, 205)
MARKS = {SPOTIFY: "spotify", b"M-SEARCH": "ssdp", b"NOTIFY *": "ssdp"}
"""The first 8 bytes of datagrams that say what they are."""


class Opening(NamedTuple):
    """The beginning of a message: who sent it, its first bytes (captures may hold few), and its size."""

    side: int
    data: bytes
    size: int


def recognise(transport: str, port: int, openings: Sequence[Opening]) -> str:
    """The name of a protocol of PROTOCOLS; empty: none of them.

    Args:
        port: of the server. openings: of the flow's first messages, in order.
    """
    firsts = [next((each.data for each in openings if each.side == side), b"") for side in (CLIENT, SERVER)]
    if transport == "tcp":
        return _of_tcp(port, firsts[CLIENT], firsts[SERVER], openings)
    return _of_udp(port, firsts[CLIENT], openings) if transport == "udp" else ""


def _of_tcp(port: int, mine: bytes, theirs: bytes, openings: Sequence[Opening]) -> str:
    if mine[:2] == b"\x16\x03" and mine[5:6] == b"\x01":
        return "tls12" if theirs[:2] == b"\x16\x03" and HAS_VERSION_13 not in theirs else "tls"
    if mine.startswith(b"PRI * HTTP/2"):
        return "http2"
    if b" SIP/2.0\r\n" in mine:
        return "sip"
    if mine.startswith(b"GET /announce?"):
        return "tracker"
    if HTTP.match(mine) or theirs.startswith(b"HTTP/1."):
        return "http"
    if mine.startswith(b"SSH-") or theirs.startswith(b"SSH-"):
        return "ssh"
    if theirs.startswith(b"220"):
        smtp = port in (25, 465, 587) or mine[:4].upper() in (b"EHLO", b"HELO")
        return "smtp" if smtp else "ftp"
    if theirs.startswith(b"* OK"):
        return "imap"
    if mine[:1] == b"\x10" and (b"MQTT" in mine[:10] or b"MQIsdp" in mine[:12]):
        return "mqtt"
    if re.match(rb"\*\d+\r\n\$", mine) or (port == 6379 and mine.upper().startswith((b"PING", b"INFO"))):
        return "redis"
    if theirs.startswith(b"+OK"):
        return "pop3"
    if mine[4:8] in PG_CODES:
        return "postgres"
    if mine.startswith(HANDSHAKE) or theirs.startswith(HANDSHAKE):
        return "bittorrent"
    size = next((each.size for each in openings if each.side == CLIENT), 0)
    if int.from_bytes(mine[:2], "big") == size - 2 and _is_dns(mine[2:], size - 2):
        return "dns"
    return "ethereum" if ethereum.is_handshake(mine, size) else ""


def _is_dns(data: bytes, size: int) -> bool:
    """Whether a message of `size` bytes has a header of DNS with few questions and records, as far as it is there."""
    if size < 12 or len(data) < 6 or data[2] & 0x78 not in (0, 0x20, 0x28):
        return False
    counts = [int.from_bytes(data[at : at + 2], "big") for at in (4, 6, 8, 10)]
    return counts[0] <= 10 and sum(counts) in range(1, 60)


def _of_udp(port: int, mine: bytes, openings: Sequence[Opening]) -> str:
    datas = [each.data for each in openings]
    if any(each.data[4:8] == COOKIE and each.data[0] < 4 for each in openings if each.size >= 20):
        return "stun" if all(fits(each.size) and each.data[4:8] == COOKIE for each in openings) else "webrtc"
    if port in (53, 5353, 5355) and all(_is_dns(each.data, each.size) for each in openings):
        return "mdns" if port == 5353 else "dns"
    if port == 123 and all(data[0] & 7 in range(1, 7) and data[0] >> 3 & 7 in range(1, 5) for data in datas if data):
        return "ntp"
    if port in (67, 68) and datas and datas[0][:3] in (b"\x01\x01\x06", b"\x02\x01\x06"):
        return "dhcp"
    if mine[:1] and mine[0] & 0xC0 == 0xC0 and mine[1:5] in QUIC_VERSIONS:
        return "quic"
    if mine[:8] in MARKS:
        return MARKS[mine[:8]]
    if port == DROPBOX_PORT and mine[:8] == DROPBOX[:8]:
        return "dropbox"
    if mine[:8] == b"d1:ad2:i" or mine[:8] == b"\x00\x00\x04\x17\x27\x10\x19\x80" or _is_utp(openings):
        return "bittorrent"
    if b"SIP/2.0\r\n" in mine:
        return "sip"
    if openings and all(ethereum.is_datagram(each.data, each.size) for each in openings):
        return "ethereum"
    return _media(openings)


def _is_utp(openings: Sequence[Opening]) -> bool:
    """A connection of BEP 29 begins with SYN, and the answer acknowledges it."""
    first = openings[0].data if openings else b""
    return (
        len(first) >= 8
        and openings[0].size >= 20
        and first[0] == 0x41
        and first[1] in (0, 1, 2)
        and first[4:8] != bytes(4)
    )


def _media(openings: Sequence[Opening]) -> str:
    if not openings or any(len(each.data) < 8 or each.data[0] >> 6 != 2 for each in openings):
        return ""
    if all(each.data[1] in RTCP_KINDS and each.size % 4 == 0 for each in openings):
        return "rtcp"
    sources = {side: {each.data[8:12] for each in openings if each.side == side} for side in (CLIENT, SERVER)}
    return "rtp" if len(openings) > 1 and all(len(found) < 2 for found in sources.values()) else ""
