"""Target: packets into flows. Both forms and any cut into blocks or batches must agree, and no packet may be lost."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np

from fuzz.forms import Form
from fuzz.mutation import Native, changed, joined

MAX_BYTES = 2 + 12 * 12
MODULES = ("traffic.flows.reader",)
PACKET_BYTES = 12
PROTOCOLS = (6, 17, 1, 58, 132, 47, 6, 6)
RAW = 101
SEED = np.uint64(0x0123456789ABCDEF)
LATEST_NS = 2**32 * 10**9
WHOLE_WAY = 256
"""One input in so many is also read as a file, through FlowReader and into tables."""


def seeds() -> Iterator[bytes]:
    """Conversations, and some of them with a tail that sends them the whole way."""
    for i, data in enumerate(_conversations()):
        yield data
        if i % 5 == 0:
            tails = (data + tail.to_bytes(2, "big") for tail in range(1 << 16))
            yield next(tailed for tailed in tails if goes_whole_way(tailed))


def goes_whole_way(data: bytes) -> bool:
    return zlib.crc32(data) % WHOLE_WAY == 0


def _conversations() -> Iterator[bytes]:
    """Opening, answer, closing, opening again, fragments, long pauses, time that runs backwards."""
    a, b = bytes([0, 0x21, 80, 7]), bytes([0x40, 0x12, 7, 80])  # protocol and direction, hosts, ports
    syn, answer, ack, fin, rst = (bytes([flags]) for flags in (2, 18, 16, 17, 4))
    ms, minutes, back, far_back = b"\x14\0\1", b"\x1e\0\x70", b"\x14\xff\xf0", b"\x1e\xff\xfb"
    size = b"\0\5"

    def packet(way: bytes, flags: bytes, seq: int, gap: bytes, kind: int = 0) -> bytes:
        return bytes([way[0] | kind]) + way[1:] + flags + bytes([seq, 9]) + gap + size

    opening = packet(a, syn, 1, ms) + packet(b, answer, 5, ms) + packet(a, ack, 2, ms)
    closing = packet(a, fin, 3, ms) + packet(b, fin, 6, ms)
    for options in (b"\0\0", b"\xff\1", b"\2\3"):
        yield options + opening + closing
        yield options + opening + closing + opening
        yield options + opening + packet(a, rst, 4, ms) + opening
        yield options + opening + packet(a, ack, 4, minutes) + packet(b, ack, 4, back)
        talk = [packet(a, ack, 10 + k, ms) + packet(b, ack, 20 + k, ms) for k in range(3)]
        yield options + opening + packet(a, ack, 4, far_back) + b"".join(talk)  # a clock that was set back
        late = packet(b, ack, 9, back) + packet(a, ack, 4, b"\x14\0\x20")
        yield options + late + talk[0] + late + talk[1] + late
        sides = [packet(way, ack, 30 + k, ms) for way in (a, b) for k in range(4)]
        yield options + b"".join(sides[:4]) + packet(b, ack, 29, b"\x14\xff\xfc") + b"".join(sides[4:])
        for kind in range(1, 8):
            yield options + packet(a, ack, 1, ms, kind) + packet(b, ack, 1, ms, kind)
            yield options + packet(a, ack, 1, ms, 0x10 | kind) + packet(a, ack, 1, ms, 0x20 | kind)
            yield options + packet(a, ack, 1, ms, 0x18 | kind) + packet(a, ack, 1, minutes, 0x28 | kind)


def packets_of(data: bytes) -> list[tuple[int, bytes]]:
    """Twelve bytes a packet become real IP packets with their times."""
    time_ns, packets = 1_700_000_000 * 10**9, []
    for pos in range(2, len(data) - PACKET_BYTES + 1, PACKET_BYTES):
        kind, hosts, sport, dport, flags, seq, ident, shift, gap, size = struct.unpack_from("!7BBhH", data, pos)
        time_ns = min(max(time_ns + (gap << shift % 48), 0), LATEST_NS - 1)
        packets.append((time_ns, _packet(kind, hosts, (sport, dport), flags, seq, ident, size)))
    return packets


def _packet(kind: int, hosts: int, ports: tuple[int, int], flags: int, seq: int, ident: int, size: int) -> bytes:
    sport, dport = ports
    protocol, is_v6, place, swap = PROTOCOLS[kind & 7], kind & 8, kind >> 4 & 3, kind & 0x40
    if kind & 0x80 and size % 5 == 0:
        return bytes(size % 64)  # no IP
    source, destination = (hosts & 15, hosts >> 4) if not swap else (hosts >> 4, hosts & 15)
    if protocol == 6:
        transport = struct.pack("!HHIIBBHI", sport, dport, seq, 0, 0x50, flags, 0, 0)
    elif protocol == 17:
        transport = struct.pack("!HHHH", sport, dport, min(8 + size, 65535), 0)
    else:
        transport = struct.pack("!HHQ", sport, dport, seq)
    fragment = (0, 0x2000, 0x0010, 0)[place]
    if is_v6:
        if fragment:
            transport = struct.pack("!BBHI", protocol, 0, 1 if place == 1 else 0x80, ident) + transport
            protocol = 44
        head = struct.pack(
            "!IHBB15xB15xB", 6 << 28, min(len(transport) + size, 65535), protocol, 9, source, destination
        )
    else:
        total = min(20 + len(transport) + size, 65535)
        head = struct.pack("!BBHHHBBHII", 0x45, 0, total, ident, fragment, 9, protocol, 0, source, destination)
    return head + transport


def one(data: bytes, plain: Form, compiled: Form) -> None:
    """Bytes 0 and 1 choose how many packets of a flow are kept, the timeout and the cut; then come packets."""
    if len(data) < 2:
        return
    packets = packets_of(data)
    keep, timeout_s = (1, 2, 3, 64)[data[0] & 3], (120.0, 1.0, 3600.0, 1e-9)[data[0] >> 2 & 3]
    cut = data[1] % (len(packets) + 1)
    block, fields = dissected(compiled, packets)
    left_out = int(np.count_nonzero(fields["status"]))
    pieces = [(part(block, begin, end), fields[begin:end]) for begin, end in ((0, cut), (cut, len(packets)))]
    release = bool(data[0] & 16)
    got = table(plain, pieces, keep, timeout_s, release=release)
    assert got == table(compiled, pieces if release else [(block, fields)], keep, timeout_s, release=release)
    check(got, len(packets) - left_out, keep)
    if goes_whole_way(data):
        for form in (plain, compiled):
            form["wire.files.order"].PIECE_PACKETS = 3  # so that few packets are more than the window holds
        as_file(packets, keep, timeout_s, plain, compiled)


def table(form: Form, pieces: list[tuple[Any, Any]], keep: int, timeout_s: float, release: bool) -> Any:
    """All flows and first packets of packets in pieces, released between them or not, and the faults."""
    module = form["traffic.flows.table"]
    module.FRAGMENT_PLACES = 64
    flows = module.FlowTable(packets=keep, timeout_ns=round(timeout_s * 1e9))
    flows._seed = SEED
    rows: list[Any] = []
    kept: list[Any] = []
    for i, (block, fields) in enumerate(pieces):
        flows.add(block, fields)
        last = i == len(pieces) - 1
        if release or last:
            ended = np.ones(len(flows.flows), np.bool_) if last else flows.finished()
            numbers = np.where(ended, len(rows) + np.cumsum(ended) - 1, -1).tolist()
            rows += flows.flows[ended].tolist()
            for chunk, headers in flows.release(ended):
                pos = 0
                for flow, time_ns, gap_ns, index, payload, network, transport, told, side in chunk.tolist():
                    end = pos + network + transport + told
                    if numbers[flow] >= 0:
                        row = time_ns, gap_ns, index, payload, network, transport, side, headers[pos:end].tobytes()
                        kept.append((numbers[flow], *row))
                    pos = end
                assert pos == len(headers)
    return rows, kept, flows.faults


def check(got: Any, n_packets: int, keep: int) -> None:
    """No packet is lost, and what is kept of a flow is its first packets."""
    rows, kept, faults = got
    # places in FLOW: 4 start, 5 last, 6 packets, 7 kept
    orphans = faults.get("fragment came without the first one, left out", 0)
    assert sum(row[6] for row in rows) + orphans == n_packets, (rows, faults, n_packets)
    seen: dict[int, int] = {}
    for number, time_ns, gap_ns, index, *_ in kept:
        assert index == seen.get(number, 0)
        assert gap_ns >= 0
        assert time_ns >= 0
        seen[number] = index + 1
    for number, row in enumerate(rows):
        assert row[4] <= row[5], row
        assert row[7] == min(row[6], keep) == seen.get(number, 0), (row, seen)


def part(block: Any, begin: int, end: int) -> Any:
    """Some of a block's packets."""
    columns = (block.offset, block.captured, block.length, block.time_ns, block.link)
    return type(block)(block.data, *(column[begin:end] for column in columns))


def dissected(form: Form, packets: list[tuple[int, bytes]]) -> tuple[Any, Any]:
    """The packets as a block, and their header fields."""
    sizes = np.array([len(data) for _, data in packets], np.int32)
    block = form["wire.headers.packets"].PacketBlock(
        np.frombuffer(bytearray().join(data for _, data in packets), np.uint8),
        np.cumsum(sizes, dtype=np.int64) - sizes,
        sizes,
        np.maximum(sizes, 65536).astype(np.int32),
        np.array([time_ns for time_ns, _ in packets], np.int64),
        np.full(len(packets), RAW, np.int32),
    )
    return block, form["wire.headers.dissect"].dissect(block)


def as_file(packets: list[tuple[int, bytes]], keep: int, timeout_s: float, plain: Form, compiled: Form) -> None:
    """Through a pcap file into tables; in batches as small as can be, the same flows come out while time runs on."""
    file = io.BytesIO()
    header = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, RAW)
    file.write(header)
    for time_ns, data in packets:
        file.write(struct.pack("<IIII", *divmod(time_ns, 10**9), len(data), 65536) + data)
    flows, first, summary = frames(compiled, file.getvalue(), keep, timeout_s, 2**62)
    flows_plain, first_plain, summary_plain = frames(plain, file.getvalue(), keep, timeout_s, 2**62)
    assert flows.equals(flows_plain)
    assert first.equals(first_plain)
    assert summary == summary_plain
    assert summary["flows"] == len(flows)
    assert summary["packets"] == len(packets)
    assert len(first) == sum(map(len, flows["size"])), (flows, first)
    times = [time_ns for time_ns, _ in packets]
    if times == sorted(times):
        batched, _, again = frames(compiled, file.getvalue(), keep, timeout_s, 1)
        columns = [name for name in flows.columns if name != "flow_id"]
        assert sorted(map(repr, batched.select(columns).rows())) == sorted(map(repr, flows.select(columns).rows()))
        assert again == summary


def frames(form: Form, data: bytes, keep: int, timeout_s: float, batch_bytes: int) -> Any:
    """The tables of FlowReader over a file, and its summary."""
    import polars as pl

    before, sys.stdin = sys.stdin, SimpleNamespace(buffer=io.BytesIO(data))
    try:
        reader = form["traffic.flows.reader"].FlowReader(
            "-", packets=keep, timeout_s=timeout_s, batch_bytes=batch_bytes
        )
        reader._capture._block_bytes = 1 << 14 if batch_bytes > 1 else 256
        batches = list(reader)
    finally:
        sys.stdin = before
    flows, packets = (pl.concat([batch[i] for batch in batches]) for i in (0, 1))
    return flows, packets, vars(reader.summary)


def mutate(data: bytes, size: int, native: Native, random: Random) -> bytes:
    """Packets as parts; most of them keep their length, and some become answers of others."""
    parts = [data[:2].ljust(2, b"\0")]
    parts += [data[pos : pos + PACKET_BYTES] for pos in range(2, len(data), PACKET_BYTES)]
    parts = changed(parts, native, random, keep=1)
    if len(parts) > 1 and random.randrange(4) == 0:
        i = random.randrange(1, len(parts))
        packet = parts[i]
        parts.append(bytes([packet[0] ^ 0x40]) + packet[1:2] + packet[3:1:-1] + packet[4:] if packet else b"")
    parts = [
        part[:2].ljust(2, b"\0") if i == 0 else part[:PACKET_BYTES].ljust(PACKET_BYTES, b"\0")
        for i, part in enumerate(parts)
    ]
    return joined(parts, size)
