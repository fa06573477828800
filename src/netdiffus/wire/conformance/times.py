"""Rules about the times of packets and about packets that are there twice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.conformance.rules import ERROR, NOTE, WARNING, Rule
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.kernels.compiled import compiled, i64, u64

FILE_DAMAGED, ALL_EQUAL, FLOW_EQUAL, BACKWARDS, DUPLICATE = range(5)
RULES = (
    Rule("file-damaged", ERROR, "draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng",
         "the file ends inside a record or cannot be read on", "the packets up to the damage are written"),
    Rule("time-all-equal", ERROR, "draft-ietf-opsawg-pcap section 5", "all packets of the capture have the same time",
         "packet n is put n milliseconds after the first"),
    Rule("time-flow-equal", ERROR, "draft-ietf-opsawg-pcap section 5",
         "all packets of a flow, 8 or more, have the same time",
         "each is put 1 microsecond after the packet before it"),
    Rule("time-backwards", WARNING, "draft-ietf-opsawg-pcap section 5", "the packet is earlier than the one before it",
         "packets are put in the order of their times, as far as a window reaches; beyond it, the packet is put "
         "1 microsecond after the one before it, and where a clock was set back all that follows as much later"),
    Rule("packet-duplicate", NOTE, "RFC 6864 section 4.1",
         "the packet equals, to the last bit, one of the four before it: probably captured twice"),
)  # fmt: skip
REMEMBERED = 4


@compiled
def _hash(data: Bytes, start: int, end: int) -> int:
    """FNV-1a, 64 bits."""
    h = u64(0xCBF29CE484222325)
    for pos in range(start, end):
        h = (h ^ u64(data[pos])) * u64(0x100000001B3)
    return h


@compiled
def _judge(
    data: Bytes,
    offset: NDArray[np.int64],
    captured: NDArray[np.int32],
    length: NDArray[np.int32],
    time_ns: NDArray[np.int64],
    before: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    found: NDArray[np.bool_],
) -> None:
    """`before` holds the first and the last time, how many times differ from the first, and the number of packets."""
    for i in range(offset.size):
        if before[3] == 0:
            before[0], before[1] = time_ns[i], time_ns[i]
        if time_ns[i] < before[1]:
            found[i, BACKWARDS] = True
        before[1] = time_ns[i]
        before[2] += time_ns[i] != before[0]
        if captured[i] >= length[i] and captured[i] > 0:
            h = _hash(data, offset[i], offset[i] + captured[i])
            for k in range(REMEMBERED):
                if hashes[k] == h:
                    found[i, DUPLICATE] = True
            hashes[i64(before[3]) % REMEMBERED] = h
        before[3] += 1


class Times:
    """What is known of the times of a capture's packets so far."""

    def __init__(self) -> None:
        self._before = np.zeros(4, np.int64)
        self._hashes = np.zeros(REMEMBERED, np.uint64)

    def judge(self, block: PacketBlock, found: NDArray[np.bool_]) -> None:
        """Mark in `found` (N, len(RULES)) which packets break which rules."""
        _judge(
            block.data,
            block.offset,
            block.captured,
            block.length,
            block.time_ns,
            self._before,
            self._hashes,
            found,
        )

    @property
    def all_equal(self) -> bool:
        """Whether two packets or more have come, all at one time."""
        return bool(self._before[3] >= 2 and self._before[2] == 0)

    @property
    def packets(self) -> int:
        return int(self._before[3])
