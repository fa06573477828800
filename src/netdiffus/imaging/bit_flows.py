"""Bit images that a model drew → flows as rows of the compiler; what no packet can be is mended and counted.

What all packets of a flow share (IP version, protocol, ports, TTL of each side) is what most of its rows say. Option
bytes become the nearest known layout, with the values that stand in the row. Numbers that follow from other packets
(sequence, acknowledgement, identification, timestamps) are kept where they are as real stacks would send them, else the
compiler computes them; with `exact` they are kept whatever they are, and the image of a real flow comes back as it was.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.arrays import Bools, Bytes, Ints, Levels
from netdiffus.compiler import FlowRows, rows_of_flows
from netdiffus.compiler.icmp import highest_codes
from netdiffus.compiler.timing import LONGEST_NS
from netdiffus.imaging.bits import PROTOCOLS, BitsCodec
from netdiffus.imaging.headers import NETWORK, TRANSPORT
from netdiffus.imaging.option_bytes import nearest_options
from netdiffus.traffic.flows.frames import FLOW_SCHEMA, PACKET_SCHEMA
from netdiffus.wire.headers.fields import ICMP, TCP, UDP

NUMBERS = {name: number for number, name in PROTOCOLS.items()}
FIXED = {"ipv4": 20, "ipv6": 40, "tcp": 20, "udp": 8, "icmp": 8}
"""Bytes of a header without options."""
PARTIAL = "a header that is there in part, or one too many"
FACTS = "another IP version, protocol, port or TTL than most packets of the flow"
OPTIONS = "TCP options that no stack in the training sends"
SIZES = "a length, fragment or gap that cannot be"
PORTS = "a server port that no flow of the training has, but for a bit or two"
FOLLOWS = "a sequence, acknowledgement, identification or timestamp that does not follow from the packets before"
JITTER = 1000
"""Ticks that a timestamp may be off the sender's clock."""
NEAR = 2
"""Bits in which a server's port may differ from a known one to become it."""
LARGEST = 65_000
"""Bytes of payload."""


@dataclass(frozen=True)
class Known:
    """What the training has: layouts of TCP options, and server ports that several flows share."""

    layouts: tuple[bytes, ...]
    ports: tuple[int, ...] = ()


@dataclass
class Mended:
    """Packets, by reason, that were drawn as none can be."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, reason: str, wrong: Bools) -> None:
        """Count the rows that are marked."""
        if wrong.any():
            self.counts[reason] += int(wrong.sum())


def packets_in(codec: BitsCodec, image: Levels) -> int:
    """How many packets an image (N, columns) shows: rows before the first one of which most is absent; 1 at least."""
    first = codec.layout.row_bytes * 8
    there = (image[:, first:] >= 0).mean(axis=1) > 0.5
    return max(1, len(there) if there.all() else int(np.argmin(there)))


def flows_of_images(
    codec: BitsCodec, images: list[Levels], labels: list[str], known: Known, *, exact: bool = False
) -> tuple[FlowRows, Counter[str]]:
    """The flows that images (N, columns) in -1, 0, 1 show, and how many packets had to be mended, by reason.

    Args:
        known: what the training has of options and ports.
        exact: keep all relations between numbers, as real captures have them.
    """
    mended = Mended()
    parts = [_packets(codec, image[: packets_in(codec, image)], known, mended) for image in images]
    tables = [_frames(number, *part) for number, part in enumerate(parts)]
    flows = pl.concat([flow for flow, _ in tables])
    packets = pl.concat([table for _, table in tables])
    rows, lost = rows_of_flows(flows, packets, labels)
    if lost:
        raise ValueError(f"a mended flow without rows: {dict(lost)}")
    if not exact:
        _follow(rows, mended)
    return rows, mended.counts


def _packets(
    codec: BitsCodec, rows: Levels, known: Known, mended: Mended
) -> tuple[int, list[bytes], list[bytes], NDArray[np.int64]]:
    """Protocol number, both headers of each packet, and (direction, size, gap) as (3, n)."""
    there, values = rows >= 0, np.packbits(rows == 1, axis=1)
    begin = {name: codec.layout.first_byte(name) for name in codec.headers}
    network = _most(there, begin, NETWORK)
    transport = _most(there, begin, TRANSPORT if network == "ipv4" else TRANSPORT[:2])  # ICMPv6 has no columns
    expected = [slice(8 * begin[name], 8 * (begin[name] + FIXED[name])) for name in (network, transport)]
    whole: Bools = np.array([there[:, span].all(axis=1) for span in expected]).min(axis=0)
    mended.add(PARTIAL, ~whole)
    ip, above = (values[:, begin[name] : begin[name] + FIXED[name]].copy() for name in (network, transport))
    number = NUMBERS[transport]
    own = _own(values[:, -12:], mended)
    _mend_ip(ip, number, own[0], mended)
    if number == ICMP:
        _mend_icmp(above, own[0], mended)
        options = [b""] * len(rows)
    else:
        _mend_ports(above, own[0], known.ports, mended)
        options = [b""] * len(rows)
    if number == UDP:
        above[:, 6:8] = 0xFF  # a checksum that is there; the compiler computes it
    if number == TCP:
        span = slice(begin["tcp"] + 20, begin["tcp"] + 60)
        bits = slice(8 * span.start, 8 * span.stop)
        options, other = nearest_options(values[:, span], there[:, bits], known.layouts)
        mended.add(OPTIONS, other)
        words = np.array([5 + len(each) // 4 for each in options], np.uint8)
        above[:, 12] = words << 4 | above[:, 12] & 1
    upper = [bytes(head) + more for head, more in zip(above, options, strict=True)]
    return number, [bytes(head) for head in ip], upper, own


def _most(there: Bools, begin: dict[str, int], kind: tuple[str, ...]) -> str:
    """The header of a kind that is there most."""
    names = [name for name in kind if name in begin]
    shares = [there[:, 8 * begin[name] : 8 * (begin[name] + FIXED[name])].mean() for name in names]
    return names[int(np.argmax(shares))]


def _own(values: Bytes, mended: Mended) -> NDArray[np.int64]:
    """Direction, payload size and gap (3, n) of the columns behind nPrint's."""
    word = np.ascontiguousarray(values[:, :4]).view(">u4")[:, 0].astype(np.int64)
    gap_ns = np.ascontiguousarray(values[:, 4:]).view(">i8")[:, 0].astype(np.int64)
    direction, size = word >> 31, word & 0x7FFF_FFFF
    mended.add(SIZES, (size > LARGEST) | (gap_ns < 0) | (gap_ns > LONGEST_NS))
    gap_ns = np.clip(gap_ns, 0, LONGEST_NS)
    gap_ns[0] = 0
    return np.stack([direction, np.minimum(size, LARGEST), gap_ns])


def _voted(values: Bytes) -> Bytes:
    """The bits (W bytes) that most of the rows (n, W) have."""
    return np.packbits(np.unpackbits(values, axis=1).mean(axis=0) > 0.5)


def _mend_ip(ip: Bytes, number: int, direction: Ints, mended: Mended) -> None:
    before = ip.copy()
    v6 = ip.shape[1] == 40
    ttl = 7 if v6 else 8
    ip[:, 0] = (0x60 | ip[:, 0] & 0xF) if v6 else 0x45
    ip[:, 6 if v6 else 9] = number
    for side in (0, 1):
        mine = direction == side
        if mine.any():
            ip[mine, ttl] = max(int(_voted(ip[mine, ttl : ttl + 1])[0]), 1)
    mended.add(FACTS, (before[:, [0, ttl, 6 if v6 else 9]] != ip[:, [0, ttl, 6 if v6 else 9]]).any(axis=1))
    if not v6:
        mended.add(SIZES, (ip[:, 6] & 0xBF > 0) | (ip[:, 7] > 0))
        ip[:, 6] &= 0x40
        ip[:, 7] = 0


def _mend_ports(above: Bytes, direction: Ints, ports: tuple[int, ...], mended: Mended) -> None:
    """Both ends' ports are those that most rows name; the server's is a known one, if that is near."""
    away = (direction == 1)[:, None]
    ends = np.concatenate([np.where(away, above[:, 2:4], above[:, :2]), np.where(away, above[:, :2], above[:, 2:4])], 1)
    once = _voted(ends)
    mended.add(FACTS, (ends != once).any(axis=1))
    drawn = int(once[2]) << 8 | int(once[3])
    near = min(ports, key=lambda port: ((port ^ drawn).bit_count(), port), default=drawn)
    if 0 < (near ^ drawn).bit_count() <= NEAR:
        once[2:4] = near >> 8, near & 0xFF
        mended.add(PORTS, np.ones(len(ends), np.bool_))
    voted = np.broadcast_to(once, ends.shape)
    above[:, :2], above[:, 2:4] = (np.where(away, voted[:, a], voted[:, b]) for a, b in ((S, C), (C, S)))


C, S = slice(0, 2), slice(2, 4)
"""The client's and the server's port among four bytes."""


def _mend_icmp(above: Bytes, direction: Ints, mended: Mended) -> None:
    """Types that are not known become an echo request or, towards the client, its reply."""
    highest = highest_codes()[4]
    wrong = highest[above[:, 0]] < 0
    above[wrong, 0] = np.where(direction[wrong] == 0, 8, 0)
    above[wrong, 1] = 0
    mended.add(FACTS, wrong)


def _frames(
    number: int, protocol: int, network: list[bytes], transport: list[bytes], own: NDArray[np.int64]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    direction, size, gap_ns = own
    n = len(direction)
    flow: dict[str, list[object]] = {name: [None] for name in FLOW_SCHEMA}
    flow |= {"flow_id": [number], "protocol": [PROTOCOLS[protocol]], "start_ns": [0], "n_packets": [n]}
    packets = pl.DataFrame(
        {
            "flow_id": [number] * n, "index": range(n), "time_ns": np.cumsum(gap_ns), "direction": direction,
            "network_header": network, "transport_header": transport, "payload_bytes": size,
        },
        schema=PACKET_SCHEMA,
    )  # fmt: skip
    return pl.DataFrame(flow, schema=FLOW_SCHEMA), packets


def _follow(rows: FlowRows, mended: Mended) -> None:
    """Relations between numbers that packets of an image do not have by chance become those of ordinary traffic."""
    packets = rows.rows
    wrong = np.zeros(len(packets), np.bool_)
    for name in ("seq_offset", "ack_offset", "ts_offset", "echo_offset", "label_step", "urgent"):
        odd = np.abs(packets[name].astype(np.int64)) > (JITTER if name == "ts_offset" else 0)
        wrong |= odd
        packets[name][odd] = 0
        partner = {"seq_offset": "seq_from", "ack_offset": "ack_behind", "echo_offset": "echo_behind"}.get(name)
        if partner:
            packets[partner][odd] = 0
    odd = (packets["id_step"] != 0) & (packets["id_step"] != 1)
    packets["id_step"][odd] = 1
    sack = ((packets["sack_offset"] != 0) | (packets["sack_ahead"] != 0)).any(axis=(1, 2))
    packets["sack_offset"], packets["sack_ahead"] = 0, 0
    mended.add(FOLLOWS, wrong | odd | sack)
