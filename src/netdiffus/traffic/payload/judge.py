"""Is the application layer well formed? Readers of what flows begin with, strict where builders must be exact."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import polars as pl

from netdiffus.traffic.flows.frames import TOLD
from netdiffus.traffic.flows.reader import FlowReader
from netdiffus.traffic.payload.ja4 import read_hello
from netdiffus.traffic.payload.recognise import Opening, recognise
from netdiffus.traffic.payload.shapes import MESSAGES

BYTES = 2048
"""Of each message that are read."""
LONGEST_VERSION = 255
HALF = 1 << 31
"""Sequence numbers are compared modulo twice this (RFC 1982)."""
HEADER_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:")
START_LINE = re.compile(rb"(?:[A-Z-]+ \S+ HTTP/1\.[01]|HTTP/1\.[01] \d{3} ?.*)\Z")
Said = Sequence[Opening]


class Judged(NamedTuple):
    """Flows that were read, and those that are malformed, by protocol."""

    read: Counter[str]
    malformed: Counter[str]


def judge_payload(path: str | Path) -> Judged:
    """Read the first messages of all flows of a capture.

    Raises:
        InputError: the file cannot be read or is no capture.
    """
    judged = Judged(Counter(), Counter())
    for batch in FlowReader(path, told=(MESSAGES, BYTES)):
        told = batch.packets.filter(pl.col(TOLD).bin.size() > 0).group_by("flow_id", maintain_order=True)
        joined = batch.flows.select("flow_id", "protocol", "server_port").join(
            told.agg(pl.col("direction", TOLD, "payload_bytes", "transport_header")), on="flow_id"
        )
        for _, transport, port, sides, datas, sizes, headers in joined.iter_rows():
            said = list(map(Opening, sides, datas, sizes))
            if transport == "tcp":
                said = in_order(said, [int.from_bytes(header[4:8], "big") for header in headers])
            spoken = recognise(transport, port, said)
            reader = READERS.get(spoken)
            if reader is None:
                continue
            judged.read[spoken] += 1
            if not _is_whole(reader, said, transport):
                judged.malformed[spoken] += 1
    return judged


def in_order(said: Said, numbers: Sequence[int]) -> list[Opening]:
    """What the client of a TCP flow sent, then what the server did: each byte once, up to the first hole.

    A stack may cut what it sends again in other places than the first time (RFC 9293 section 3.8.6.2.1).

    Args:
        said: data of segments in order of time. numbers: the sequence number of each.
    """
    found = []
    for side in (0, 1):
        ours = [(number, each) for number, each in zip(numbers, said, strict=True) if each.side == side]
        first = ours[0][0] if ours else 0
        placed = sorted(
            (((number - first + HALF) % (2 * HALF) - HALF, each) for number, each in ours), key=itemgetter(0)
        )
        place = placed[0][0] if placed else 0
        for at, each in placed:
            if at > place:
                break
            known = place - at
            if known < each.size:
                found.append(Opening(side, each.data[known:], each.size - known))
                place = at + each.size
    return found


def _is_whole(reader: Callable[[Said, str], bool], said: Said, transport: str) -> bool:
    try:
        return reader(said, transport)
    except (IndexError, ValueError):
        return False


def _stream(said: Said, side: int) -> bytes:
    return b"".join(each.data for each in said if each.side == side)


def _name(data: bytes, at: int) -> int:
    """The place behind a name of DNS.

    Raises:
        ValueError: it is none.
    """
    while data[at]:
        if data[at] & 0xC0 == 0xC0:
            if (data[at] & 0x3F) << 8 | data[at + 1] >= at:
                raise ValueError("a pointer that does not point back")
            return at + 2
        if data[at] > 63:
            raise ValueError("a label of more than 63 bytes")
        at += 1 + data[at]
    return at + 1


def _dns(said: Said, transport: str) -> bool:
    for each in said:
        if each.size > BYTES or transport == "tcp":
            continue
        questions, *records = (int.from_bytes(each.data[at : at + 2], "big") for at in (4, 6, 8, 10))
        at = 12
        for _ in range(questions):
            at = _name(each.data, at) + 4
        for _ in range(sum(records)):
            at = _name(each.data, at)
            at += 10 + int.from_bytes(each.data[at + 8 : at + 10], "big")
        if at != each.size:
            return False
    return True


def _tls(said: Said, transport: str) -> bool:
    for side in (0, 1):
        stream = _stream(said, side)
        if any(each.size > BYTES for each in said if each.side == side):
            continue
        at = 0
        while at + 5 <= len(stream):
            kind, major, size = stream[at], stream[at + 1], int.from_bytes(stream[at + 3 : at + 5], "big")
            if kind not in range(20, 25) or major != 3 or not 0 < size <= 16_640:
                return False
            if side == 0 and at == 0 and size + 5 <= len(stream):
                read_hello(stream[5 : 5 + size])
            at += 5 + size
    return True


def _quic(said: Said, transport: str) -> bool:
    for each in said:
        at, data = 0, each.data
        while at < len(data) and data[at] & 0x80 and each.size <= BYTES:
            kind, place = data[at] >> 4 & 3, at + 5
            for _ in range(2):
                place += 1 + data[place]
            if kind == 0:
                token = data[place] & 0x3F
                place += 1 + token
            size = int.from_bytes(data[place : place + 2], "big") & 0x3FFF
            at = place + 2 + size
            if at > each.size:
                return False
        if at < len(data) and not data[at] & 0x40:
            return False
    return True


def _stun(said: Said, transport: str) -> bool:
    for each in said:
        if each.data[4:8] != b"\x21\x12\xa4\x42" or each.size > BYTES:
            continue
        at = 20
        while at < each.size:
            at += 4 + (int.from_bytes(each.data[at + 2 : at + 4], "big") + 3 & ~3)
        if at != each.size or int.from_bytes(each.data[2:4], "big") != each.size - 20:
            return False
    return True


def _http(said: Said, transport: str) -> bool:
    for side in (0, 1):
        first = next((each for each in said if each.side == side), None)
        if first is None or b"\r\n\r\n" not in first.data:
            continue
        start, *fields = first.data.partition(b"\r\n\r\n")[0].split(b"\r\n")
        if not START_LINE.match(start) or not all(HEADER_LINE.match(line) for line in fields):
            return False
    return True


def _ntp(said: Said, transport: str) -> bool:
    return all(each.size >= 12 and each.data[0] & 7 and each.data[0] >> 3 & 7 in range(1, 5) for each in said)


def _rtcp(said: Said, transport: str) -> bool:
    for each in said:
        at = 0
        while at < min(each.size, BYTES):
            if each.data[at] >> 6 != 2:
                return False
            at += 4 * (1 + int.from_bytes(each.data[at + 2 : at + 4], "big"))
        if at != each.size and each.size <= BYTES:
            return False
    return True


def _ssh(said: Said, transport: str) -> bool:
    streams = [stream for stream in (_stream(said, 0), _stream(said, 1)) if len(stream) >= LONGEST_VERSION]
    return all(stream.startswith(b"SSH-2.0-") and b"\n" in stream[:LONGEST_VERSION] for stream in streams)


READERS: dict[str, Callable[[Said, str], bool]] = {
    "dns": _dns, "mdns": _dns, "tls": _tls, "tls12": _tls, "quic": _quic, "stun": _stun, "http": _http, "ntp": _ntp,
    "rtcp": _rtcp, "ssh": _ssh, "webrtc": _stun,
}  # fmt: skip
"""Whether the first messages of a flow are well formed, by protocol."""
