"""Packets for people: a list as in Wireshark, and the fields of a packet's headers with their values."""

from __future__ import annotations

import datetime
import itertools
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netdiffus.traffic.flows.frames import PROTOCOLS
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.headers.addresses import ipv4_text, ipv6_text
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.fields import OK, TCP, UDP, faults
from netdiffus.wire.headers.packets import PacketBlock

FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
NAMES = {58: "ICMPv6"}
Fields = list[tuple[str, str]]


@dataclass(frozen=True)
class PacketRow:
    """A line of the list."""

    number: int
    seconds: float
    source: str
    destination: str
    protocol: str
    length: int
    info: str


@dataclass(frozen=True)
class PacketPage:
    """Some packets of a capture; whether more follow; what was odd up to there."""

    rows: list[PacketRow]
    more: bool
    faults: dict[str, int]


def packet_page(path: Path, begin: int, count: int) -> PacketPage:
    """Packets of a capture in file order, from number `begin` (0 is the first), in bounded memory.

    Raises:
        InputError: it is no capture.
    """
    rows: list[PacketRow] = []
    passed, first_ns, capture = 0, None, read_capture(path)
    try:
        for block in capture:
            if first_ns is None:
                first_ns = int(block.time_ns[0])
            low, high = max(begin - passed, 0), min(begin + count - passed, len(block))
            if low < high:
                rows += _rows(block.part(slice(low, high)), passed + low + 1, first_ns)
            passed += len(block)
            if passed > begin + count:
                return PacketPage(rows, True, dict(capture.faults))
    finally:
        capture.close()
    return PacketPage(rows, False, dict(capture.faults))


def packet_bytes(path: Path, number: int) -> tuple[PacketBlock, bytes] | None:
    """One packet of a capture, counted from 1: as a block of its own, and its bytes; None: there is none."""
    passed, capture = 0, read_capture(path)
    try:
        for block in capture:
            if passed < number <= passed + len(block):
                row = block.part(slice(number - passed - 1, number - passed))
                start = int(row.offset[0])
                return row, row.data[start : start + int(row.captured[0])].tobytes()
            passed += len(block)
    finally:
        capture.close()
    return None


def packet_fields(block: PacketBlock, data: bytes) -> list[tuple[str, Fields]]:
    """The headers of one packet, layer by layer."""
    found = dissect(block)[0]
    if found["status"] != OK:
        return [("Frame", [("not decoded", next(iter(faults(np.array([found]))), ""))])]
    network, head = int(found["network"]) - int(block.offset[0]), int(found["network_bytes"])
    transport = data[network + head : network + head + int(found["transport_bytes"])]
    return header_fields(data[network : network + head], transport, int(found["protocol"]))


def header_fields(network: bytes, transport: bytes, protocol: int) -> list[tuple[str, Fields]]:
    """The fields of an IP header and of the transport header behind it, by RFC 791, 8200, 9293 and 768."""
    layers: list[tuple[str, Fields]] = []
    if len(network) >= 20 and network[0] >> 4 == 4:
        layers.append(("IPv4", _ipv4(network)))
    elif len(network) >= 40:
        layers.append(("IPv6", _ipv6(network)))
    if protocol == TCP and len(transport) >= 20:
        layers.append(("TCP", _tcp(transport)))
    elif protocol == UDP and len(transport) >= 8:
        ports = struct.unpack(">HHHH", transport[:8])
        layers.append(
            ("UDP", list(zip(("source port", "destination port", "length", "checksum"), _texts(ports), strict=True)))
        )
    elif transport:
        layers.append((protocol_name(protocol), [("bytes", transport.hex(" "))]))
    return layers


def protocol_name(number: int) -> str:
    """TCP, UDP, ICMP ... or the number."""
    return NAMES.get(number) or PROTOCOLS.get(number, f"protocol {number}").upper()


def flag_names(flags: int) -> str:
    """SYN, ACK."""
    return ", ".join(name for bit, name in enumerate(FLAGS) if flags >> bit & 1) or "none"


def hex_lines(data: bytes, most: int = 512) -> list[str]:
    """Bytes as offset, hexadecimal digits and letters, 16 a line."""
    lines = []
    for place in range(0, min(len(data), most), 16):
        part = data[place : place + 16]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{place:04x}  {part.hex(' '):<47}  {letters}")
    return lines


def time_text(time_ns: int) -> str:
    """A time of the clock, UTC, to the microsecond."""
    moment = datetime.datetime.fromtimestamp(time_ns // 1_000_000_000, datetime.UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{time_ns % 1_000_000_000 // 1000:06d} UTC"


def _rows(block: PacketBlock, number: int, first_ns: int) -> list[PacketRow]:
    found = dissect(block)
    return [_row(block, found, k, number + k, first_ns) for k in range(len(block))]


def _row(
    block: PacketBlock, found: np.ndarray[tuple[int], np.dtype[np.void]], k: int, number: int, first_ns: int
) -> PacketRow:
    packet, length = found[k], int(block.length[k])
    seconds = (int(block.time_ns[k]) - first_ns) / 1e9
    if packet["status"] != OK:
        words = next(iter(faults(found[k : k + 1])), "")
        return PacketRow(number, seconds, "", "", "other", length, words)
    source, destination = _address(packet, "source"), _address(packet, "destination")
    protocol, payload = int(packet["protocol"]), int(packet["payload_bytes"])
    info = f"{payload:,} bytes"
    if packet["source_port"] or packet["destination_port"]:
        info = f"{int(packet['source_port'])} → {int(packet['destination_port'])}  {payload:,} bytes"
    if protocol == TCP:
        info += f"  [{flag_names(int(packet['flags']))}] Seq={int(packet['seq'])} Ack={int(packet['ack'])}"
    return PacketRow(number, seconds, source, destination, protocol_name(protocol), length, info)


def _address(packet: np.void, side: str) -> str:
    high, low = int(packet[f"{side}_high"]), int(packet[f"{side}_low"])
    return ipv4_text(low) if packet["version"] == 4 else ipv6_text(high, low)


def _texts(values: tuple[int, ...]) -> list[str]:
    return [str(value) for value in values[:-1]] + [f"0x{values[-1]:04x}"]


def _ipv4(head: bytes) -> Fields:
    first, tos, total, identifier, place, ttl, protocol, checksum = struct.unpack(">BBHHHBBH", head[:12])
    flags = [name for bit, name in ((0x4000, "DF"), (0x2000, "MF")) if place & bit]
    ends = [".".join(map(str, head[k : k + 4])) for k in (12, 16)]
    fields = [
        ("header bytes", str((first & 15) * 4)), ("DSCP", str(tos >> 2)), ("ECN", str(tos & 3)),
        ("total length", str(total)), ("identification", str(identifier)), ("flags", ", ".join(flags) or "none"),
        ("fragment offset", str((place & 0x1FFF) * 8)), ("TTL", str(ttl)), ("protocol", protocol_name(protocol)),
        ("checksum", f"0x{checksum:04x}"), ("source", ends[0]), ("destination", ends[1]),
    ]  # fmt: skip
    return [*fields, ("options", head[20:].hex(" "))] if len(head) > 20 else fields


def _ipv6(head: bytes) -> Fields:
    word, length, following, hops = struct.unpack(">IHBB", head[:8])
    ends = [ipv6_text(*struct.unpack(">QQ", head[k : k + 16])) for k in (8, 24)]
    fields = [
        ("traffic class", str(word >> 20 & 255)), ("flow label", f"0x{word & 0xFFFFF:05x}"),
        ("payload length", str(length)),        ("next header", protocol_name(following)), ("hop limit", str(hops)),
        ("source", ends[0]), ("destination", ends[1]),
    ]  # fmt: skip
    return [*fields, ("extension headers", head[40:].hex(" "))] if len(head) > 40 else fields


def _tcp(head: bytes) -> Fields:
    sport, dport, seq, ack, place, flags, window, checksum, urgent = struct.unpack(">HHIIBBHHH", head[:20])
    fields = [
        ("source port", str(sport)), ("destination port", str(dport)), ("sequence number", str(seq)),
        ("acknowledgement", str(ack)), ("header bytes", str((place >> 4) * 4)), ("flags", flag_names(flags)),
        ("window", str(window)), ("checksum", f"0x{checksum:04x}"), ("urgent pointer", str(urgent)),
    ]  # fmt: skip
    return [*fields, ("options", _options(head[20:]))] if len(head) > 20 else fields


def _options(data: bytes) -> str:
    names = {0: "end", 1: "NOP", 2: "MSS", 3: "window scale", 4: "SACK permitted", 5: "SACK", 8: "timestamps"}
    texts: list[str] = []
    place = 0
    while place < len(data):
        kind = data[place]
        size = 1 if kind < 2 else data[place + 1] if place + 1 < len(data) else 0
        if size == 0 or place + size > len(data):
            return ", ".join([*texts, f"cut: {data[place:].hex(' ')}"])
        value = data[place + 2 : place + size]
        numbers = {2: ">H", 3: ">B", 8: ">II"}.get(kind)
        if numbers and struct.calcsize(numbers) == len(value):
            texts.append(f"{names[kind]} {'/'.join(map(str, struct.unpack(numbers, value)))}")
        else:
            texts.append(names.get(kind, f"option {kind}") + (f" {value.hex(' ')}" if value else ""))
        place += size
    return ", ".join(
        name if n == 1 else f"{n} x {name}" for name, n in ((k, len(list(g))) for k, g in itertools.groupby(texts))
    )
