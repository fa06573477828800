"""nPrint rows back to packets: the header bytes that the bits spell, without payload that no column has.

The bits are taken at their word: lengths, checksums and versions are theirs, right or wrong. Only what the bits leave
open is decided here, and counted: absent bits inside a header are 0, bits behind the length that a header gives itself
are left out, and of several transport headers the one is taken that the IP header names.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.headers import links
from netdiffus.wire.headers.fields import ICMP, TCP, UDP
from netdiffus.wire.headers.packets import PacketBlock, empty_columns, first_rows
from netdiffus.wire.kernels.compiled import compiled, i64
from netdiffus.wire.nprint.bits import BitRows
from netdiffus.wire.nprint.columns import HEADER_BYTES, HEADERS

STEP_NS = 1_000_000
"""From one packet to the next where a file has no timestamps."""

FAULTS = (
    "nPrint row has no IP header, left out",
    "nPrint row has absent bits inside a header, taken as 0",
    "nPrint row has bits behind the length that a header gives itself, left out",
    "nPrint row has several network or transport headers, one taken",
    "nPrint row has no Ethernet header, made from zeros",
    "nPrint row has an EtherType other than its IP header's (VLAN tags have no columns), corrected",
    "nPrint row has an IP length shorter than its headers",
)
NO_NETWORK, ABSENT, BEHIND, SEVERAL, NO_ETHERNET, ETHERTYPE, LENGTH = range(len(FAULTS))

ETH, IPV4, IPV6, TCP_PLACE, UDP_PLACE, ICMP_PLACE, PAYLOAD_PLACE = range(7)
"""Places in the tuples of first bytes and sizes."""


@compiled
def _reach(present: Bytes, at: int, n: int) -> int:
    """Bytes from `at` to the last one with a column that is there."""
    if at < 0:
        return i64(0)
    while n > 0 and present[at + n - 1] == 0:
        n -= 1
    return i64(n)


@compiled
def _put(bits: Bytes, present: Bytes, at: int, n: int, data: Bytes, pos: int) -> bool:
    """n bytes of a row into the data; returns whether all their bits are there."""
    whole = True
    for j in range(n):
        data[pos + j] = bits[at + j] & present[at + j]
        whole &= present[at + j] == 255
    return whole


@compiled
def _ethernet(bits: Bytes, present: Bytes, at: int, version: int, data: Bytes, pos: int, counts: Bytes) -> None:
    if _reach(present, at, 14) == 0:
        data[pos : pos + 12] = 0
        counts[NO_ETHERNET] = 1
    else:
        if not _put(bits, present, at, 14, data, pos):
            counts[ABSENT] = 1
        kind = i64(data[pos + 12]) << 8 | i64(data[pos + 13])
        if kind != (0x0800 if version == 4 else 0x86DD):
            counts[ETHERTYPE] = 1
    data[pos + 12], data[pos + 13] = (0x08, 0x00) if version == 4 else (0x86, 0xDD)


@compiled
def _network(
    bits: Bytes, present: Bytes, at: int, version: int, reach: int, data: Bytes, pos: int, counts: Bytes
) -> tuple[int, int, int]:
    """The IP header into the data; returns (header bytes, total bytes as it says, protocol)."""
    head = i64(40)
    if version == 4:
        head = max(i64(bits[at] & present[at] & 15) * 4, i64(20))
        if reach > head:
            counts[BEHIND] = 1
    if not _put(bits, present, at, head, data, pos):
        counts[ABSENT] = 1
    if version == 4:
        return head, i64(data[pos + 2]) << 8 | i64(data[pos + 3]), i64(data[pos + 9])
    size = i64(data[pos + 4]) << 8 | i64(data[pos + 5])
    return head, head + size if size else i64(0), i64(data[pos + 6])


@compiled
def _transport(
    bits: Bytes,
    present: Bytes,
    first: tuple[int, int, int, int, int, int, int],
    protocol: int,
    data: Bytes,
    pos: int,
    counts: Bytes,
) -> tuple[int, int]:
    """The transport header into the data; returns (bytes of it that are there, bytes that it gives itself)."""
    tcp = _reach(present, first[TCP_PLACE], 60)
    udp, icmp = _reach(present, first[UDP_PLACE], 8), _reach(present, first[ICMP_PLACE], 8)
    if (tcp > 0) + (udp > 0) + (icmp > 0) > 1:
        counts[SEVERAL] = 1
    take = protocol
    if not ((take == TCP and tcp) or (take == UDP and udp) or (take == ICMP and icmp)):
        take = TCP if tcp else UDP if udp else ICMP
    at, n, size = first[UDP_PLACE], udp, i64(8)
    if take == TCP:
        at, n = first[TCP_PLACE], tcp
        if n:
            size = max(i64((bits[at + 12] & present[at + 12]) >> 4) * 4, i64(20))
    elif take == ICMP:
        at, n = first[ICMP_PLACE], icmp
    if n > size:
        n = size
        counts[BEHIND] = 1
    if n and not _put(bits, present, at, n, data, pos):
        counts[ABSENT] = 1
    return n, size if n else i64(0)


@compiled
def _packets(
    bits: Bytes,
    present: Bytes,
    first: tuple[int, int, int, int, int, int, int],
    payload_bytes: int,
    data: Bytes,
    offset: NDArray[np.int64],
    captured: NDArray[np.int32],
    length: NDArray[np.int32],
    kept: NDArray[np.int64],
    faults: NDArray[np.int64],
) -> int:
    """Rows into packets; returns how many there are. `kept` gets their row numbers."""
    n, pos = 0, 0
    counts = np.zeros(len(FAULTS), np.uint8)
    for i in range(len(bits)):
        row, there = bits[i], present[i]
        counts[:] = 0
        v4, v6 = _reach(there, first[IPV4], 60), _reach(there, first[IPV6], 40)
        if v4 == 0 and v6 == 0:
            faults[NO_NETWORK] += 1
            continue
        if v4 and v6:
            counts[SEVERAL] = 1
        version, at, reach = (4, first[IPV4], v4) if v4 else (6, first[IPV6], v6)
        begin = pos
        link_bytes = i64(0)
        if first[ETH] >= 0:
            _ethernet(row, there, first[ETH], version, data, pos, counts)
            link_bytes = i64(14)
        pos += link_bytes
        head, total, protocol = _network(row, there, at, version, reach, data, pos, counts)
        pos += head
        written, size = _transport(row, there, first, protocol, data, pos, counts)
        more = _reach(there, first[PAYLOAD_PLACE], payload_bytes)
        if more:
            if written < size:
                counts[ABSENT] = 1
                data[pos + written : pos + size] = 0
            if not _put(row, there, first[PAYLOAD_PLACE], more, data, pos + size):
                counts[ABSENT] = 1
            written = size + more
        pos += written
        offset[n], captured[n] = begin, pos - begin
        if 0 < total < head + size:
            counts[LENGTH] = 1
        length[n] = max(link_bytes + total, pos - begin)
        kept[n] = i
        faults += counts
        n += 1
    return n


def packet_block(rows: BitRows, first_number: int = 0) -> tuple[PacketBlock, Counter[str]]:
    """The packets of rows, and what had to be decided for them, in plain words with counts.

    A packet is captured as far as its bits go, and as long on the wire as its IP header says. It is Ethernet if the
    layout has Ethernet columns, else raw IP. Without timestamps, row i is at (first_number + i) milliseconds.
    """
    layout = rows.layout
    bits, present = np.ascontiguousarray(rows.bits), np.ascontiguousarray(rows.present)
    room = HEADER_BYTES["eth"] + HEADER_BYTES["ipv4"] + HEADER_BYTES["tcp"] + layout.payload_bytes
    data = np.empty(len(rows) * room, np.uint8)
    columns = empty_columns(len(rows))
    offset, captured, length, time_ns, link = columns
    kept, counts = np.empty(len(rows), np.int64), np.zeros(len(FAULTS), np.int64)
    eth, ipv4, ipv6, tcp, udp, icmp = (layout.first_byte(name) for name in HEADERS)
    first = (eth, ipv4, ipv6, tcp, udp, icmp, layout.first_byte("payload"))
    n = _packets(bits, present, first, layout.payload_bytes, data, offset, captured, length, kept, counts)
    times = (first_number + np.arange(len(rows))) * STEP_NS if rows.time_ns is None else rows.time_ns
    time_ns[:n] = times[kept[:n]]
    link[:n] = links.ETHERNET if eth >= 0 else links.RAW
    faults = Counter({words: count for words, count in zip(FAULTS, counts.tolist(), strict=True) if count})
    return PacketBlock(data, *first_rows(columns, n)), faults
