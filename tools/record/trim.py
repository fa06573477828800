"""The trimming tool: keep headers, cut payload and long flows, leave out what is no flow of the label, compress."""

from __future__ import annotations

import lzma
import struct
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path as File

from label import Cut

MAGIC_NANO = 0xA1B23C4D
ETHERNET = 1
LEAST_FLOW = 2  # packets; a shorter flow was never answered

Flow = tuple[int, frozenset[bytes]]


@dataclass(frozen=True)
class Packet:
    """One record of a capture, with what trimming needs to know."""

    time_ns: int
    frame: bytes
    length: int  # on the wire
    flow: Flow
    headers: int  # bytes of link, network and transport headers
    payload: int  # transport payload bytes


def parse(time_ns: int, frame: bytes, length: int) -> Packet | None:
    """The packet in an Ethernet frame; None if it is neither TCP nor UDP, or a fragment."""
    if frame[12:14] == b"\x08\x00":
        if (frame[20] << 8 | frame[21]) & 0x3FFF:
            return None
        protocol, at = frame[23], 14 + (frame[14] & 15) * 4
        source, destination, end = frame[26:30], frame[30:34], 14 + (frame[16] << 8 | frame[17])
    elif frame[12:14] == b"\x86\xdd":
        protocol, at, source, destination = frame[20], 54, frame[22:38], frame[38:54]
        end = 54 + (frame[18] << 8 | frame[19])
    else:
        return None
    if protocol not in (6, 17):
        return None
    headers = at + ((frame[at + 12] >> 4) * 4 if protocol == 6 else 8)
    flow = protocol, frozenset((source + frame[at : at + 2], destination + frame[at + 2 : at + 4]))
    return Packet(time_ns, frame, length, flow, headers, end - headers)


def read(name: File) -> list[Packet]:
    """The TCP and UDP packets of a nanosecond little-endian Ethernet pcap."""
    data = memoryview(name.read_bytes())
    magic, link = struct.unpack_from("<I16xI", data)
    if (magic, link) != (MAGIC_NANO, ETHERNET):
        raise ValueError(f"{name}: expected a nanosecond Ethernet pcap, got magic {magic:#x}, link type {link}")
    packets, at = [], 24
    while at + 16 <= len(data):
        seconds, nanoseconds, kept, length = struct.unpack_from("<IIII", data, at)
        if at + 16 + kept > len(data):
            break
        packet = parse(seconds * 10**9 + nanoseconds, bytes(data[at + 16 : at + 16 + kept]), length)
        if packet:
            packets.append(packet)
        at += 16 + kept
    # Two processors may hand over packets a microsecond out of order.
    return sorted(packets, key=lambda packet: packet.time_ns)


def chosen(packets: list[Packet], flows: int) -> set[Flow]:
    """At most `flows` of the answered flows, evenly spread over the capture."""
    count: Counter[Flow] = Counter(packet.flow for packet in packets)
    sides: dict[Flow, set[bytes]] = {}
    for packet in packets:
        sides.setdefault(packet.flow, set()).add(packet.frame[6:12])
    whole = [flow for flow in count if count[flow] >= LEAST_FLOW and len(sides[flow]) == 2]
    step = max(len(whole) / flows, 1.0)
    return {whole[int(at * step)] for at in range(min(flows, len(whole)))}


def trim(packets: list[Packet], keep: Collection[Flow], target: File, cut: Cut) -> str:
    """Write the trimmed and compressed capture of the flows to keep, and return a line about it."""
    seen: Counter[Flow] = Counter()
    full: Counter[Flow] = Counter()
    out = bytearray(struct.pack("<IHHiIII", MAGIC_NANO, 2, 4, 0, 0, 65535, ETHERNET))
    for packet in packets:
        if packet.flow not in keep or (cut.longest and seen[packet.flow] >= cut.longest):
            continue
        seen[packet.flow] += 1
        kept = packet.headers
        if packet.payload and full[packet.flow] < cut.payload_packets:
            full[packet.flow] += 1
            kept += min(packet.payload, cut.payload_bytes)
        frame = packet.frame[:kept]
        out += struct.pack("<IIII", *divmod(packet.time_ns, 10**9), len(frame), packet.length) + frame
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(lzma.compress(bytes(out), preset=9 | lzma.PRESET_EXTREME))
    return f"{target.name}: {len(seen)} flows, {sum(seen.values())} packets, {target.stat().st_size} bytes"
