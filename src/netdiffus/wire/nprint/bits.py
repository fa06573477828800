"""Packets as nPrint rows, packed: one bit a column and one bit that says whether the column is there.

nPrint's -1, 0 and 1 are `present` 0; `present` 1 with `bits` 0; and both 1. 1,088 columns take twice 136 bytes.

Which packets have a row is what nprint 1.2.1 decides: TCP, UDP and ICMP directly behind IPv4 or IPv6. nprint drops all
others without a word; here they are counted. What is done better than there: link layers other than Ethernet and VLAN
tags are seen through; bytes that were not captured are absent instead of whatever lies in memory; so is the transport
header of a fragment that has none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.errors import InputError
from netdiffus.wire.headers import links
from netdiffus.wire.headers.fields import ICMP, ICMPV6, LATER, OK, SCTP, TCP, UDP
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.kernels.compiled import compiled, i64
from netdiffus.wire.nprint.columns import HEADER_BYTES, HEADERS, Layout

ETHERNET_BYTES, IPV6_BYTES = 14, 40
EXTENSION, NO_COLUMNS, PROTOCOL = 0, 1, 2
"""Places in the counts of a block; the counts by protocol number begin at PROTOCOL."""

PROTOCOL_NAMES = {2: "IGMP", 47: "GRE", 50: "ESP", ICMPV6: "ICMPv6", 89: "OSPF", 103: "PIM", 112: "VRRP", SCTP: "SCTP"}


@dataclass(frozen=True)
class BitRows:
    """Some packets as rows of bits.

    Args:
        layout: the columns.
        bits: uint8, (N, layout.row_bytes), the columns eight to a byte, the first one in the most significant bit; 0
            where a column is absent.
        present: the same shape; 1 where a column is there.
        source: the sender's address as two halves of 128 bits, uint64, (N, 2); IPv4 as ::ffff:a.b.c.d.
        time_ns: nanoseconds since 1970, int64, (N,); None where the rows come from a file without timestamps.
    """

    layout: Layout
    bits: Bytes
    present: Bytes
    source: NDArray[np.uint64]
    time_ns: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.bits)

    def part(self, rows: slice) -> BitRows:
        """Some of the rows."""
        times = None if self.time_ns is None else self.time_ns[rows]
        return BitRows(self.layout, self.bits[rows], self.present[rows], self.source[rows], times)


def unpack(bits: Bytes, present: Bytes) -> NDArray[np.int8]:
    """The matrix that nPrint writes, int8, (N, columns), with values -1, 0 and 1."""
    there = np.unpackbits(present, axis=-1).view(np.int8)
    values: NDArray[np.int8] = np.unpackbits(bits & present, axis=-1).view(np.int8)
    values += there
    values -= 1
    return values


def pack(values: NDArray[np.int8]) -> tuple[Bytes, Bytes]:
    """The bits and presence of a matrix of -1, 0 and 1, (N, columns); the inverse of `unpack`.

    Raises:
        InputError: another value, or a number of columns that makes no whole bytes.
    """
    if values.shape[-1] % 8:
        raise InputError("columns that make whole bytes", f"{values.shape[-1]} columns", "keep headers whole")
    if values.size and (values.min() < -1 or values.max() > 1):
        wrong = values[(values < -1) | (values > 1)][0]
        raise InputError("values -1, 0 and 1", str(wrong), "round what a model made before packing it")
    return np.packbits(values == 1, axis=-1), np.packbits(values >= 0, axis=-1)


def with_layout(rows: BitRows, layout: Layout) -> BitRows:
    """The same rows with other columns; columns that they did not have are absent."""
    if rows.layout == layout:
        return rows
    bits, present = (np.zeros((len(rows), layout.row_bytes), np.uint8) for _ in range(2))
    for name in (*HEADER_BYTES, "payload"):
        old, new = rows.layout.first_byte(name), layout.first_byte(name)
        n = HEADER_BYTES.get(name, min(rows.layout.payload_bytes, layout.payload_bytes))
        if old >= 0 and new >= 0:
            bits[:, new : new + n] = rows.bits[:, old : old + n]
            present[:, new : new + n] = rows.present[:, old : old + n]
    return BitRows(layout, bits, present, rows.source, rows.time_ns)


@compiled
def _copy(data: Bytes, pos: int, n: int, bits: Bytes, present: Bytes, at: int) -> None:
    for j in range(n):
        bits[at + j] = data[pos + j]
        present[at + j] = 255


@compiled
def _rows(
    block: tuple[Bytes, NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]],
    fields: NDArray[np.void],
    first: tuple[int, int, int, int, int, int, int],
    payload_bytes: int,
    bits: Bytes,
    present: Bytes,
    source: NDArray[np.uint64],
    kept: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> int:
    """Packets into rows; returns how many have one. `kept` gets their numbers in the block."""
    data, offset, captured, link = block
    eth, ipv4, ipv6, tcp, udp, icmp, payload = first
    n = 0
    for i in range(offset.size):
        f = fields[i]
        if f.status != OK:
            continue
        network, head = i64(f.network), i64(f.network_bytes)
        fixed = i64(data[network] & 15) * 4 if f.version == 4 else i64(IPV6_BYTES)
        if head != fixed:
            counts[EXTENSION] += 1
            continue
        if f.protocol != TCP and f.protocol != UDP and f.protocol != ICMP:
            counts[PROTOCOL + f.protocol] += 1
            continue
        row, there = bits[n], present[n]
        if eth >= 0 and link[i] == links.ETHERNET:
            _copy(data, offset[i], ETHERNET_BYTES, row, there, eth)
        at = ipv4 if f.version == 4 else ipv6
        if at >= 0:
            _copy(data, network, head, row, there, at)
        else:
            counts[NO_COLUMNS] += 1
        pos = network + head
        if f.fragment != LATER:
            at = tcp if f.protocol == TCP else udp if f.protocol == UDP else icmp
            if at >= 0:
                _copy(data, pos, i64(f.transport_bytes), row, there, at)
            pos += i64(f.transport_bytes)
        if payload >= 0:
            room = offset[i] + captured[i] - pos
            _copy(data, pos, min(payload_bytes, room, i64(f.payload_bytes)), row, there, payload)
        source[n, 0], source[n, 1] = f.source_high, f.source_low
        kept[n] = i
        n += 1
    return n


def bit_rows(block: PacketBlock, fields: NDArray[np.void], layout: Layout) -> tuple[BitRows, Counter[str]]:
    """The rows of a block's packets, whose header fields are `fields`, and why packets have none, with counts.

    Packets that `fields` gives another status than OK have no row either; `fields.faults` has their reasons.
    """
    n = len(block)
    bits, present = np.zeros((n, layout.row_bytes), np.uint8), np.zeros((n, layout.row_bytes), np.uint8)
    source, kept = np.empty((n, 2), np.uint64), np.empty(n, np.int64)
    counts = np.zeros(PROTOCOL + 256, np.int64)
    eth, ipv4, ipv6, tcp, udp, icmp = (layout.first_byte(name) for name in HEADERS)
    first = (eth, ipv4, ipv6, tcp, udp, icmp, layout.first_byte("payload"))
    columns = (block.data, block.offset, block.captured, block.link)
    n = _rows(columns, fields, first, layout.payload_bytes, bits, present, source, kept, counts)
    rows = BitRows(layout, bits[:n], present[:n], source[:n], block.time_ns[kept[:n]])
    return rows, _left_out(counts, layout)


def _left_out(counts: NDArray[np.int64], layout: Layout) -> Counter[str]:
    found: Counter[str] = Counter()
    if counts[EXTENSION]:
        found["no nPrint row: IP extension headers have no columns"] = int(counts[EXTENSION])
    for number in np.flatnonzero(counts[PROTOCOL:]).tolist():
        name = PROTOCOL_NAMES.get(number, f"IP protocol {number}")
        found[f"no nPrint row: {name}, only TCP, UDP and ICMP have columns"] = int(counts[PROTOCOL + number])
    if counts[NO_COLUMNS] and {"ipv4", "ipv6"} & set(layout.headers):
        kind, name = ("IPv6", "ipv6") if "ipv4" in layout.headers else ("IPv4", "ipv4")
        words = f"row without network header: it is {kind} and {name} is not in --headers"
        found[words] = int(counts[NO_COLUMNS])
    return found
