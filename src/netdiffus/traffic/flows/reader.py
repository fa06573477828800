"""Captures to flows: which packets make one conversation, and its first packets as series and as headers.

The definition of a flow:

* A flow is the packets between two ends that are the same in IP version, transport protocol, both addresses and both
  ports, in either direction. Protocols without ports (ICMP among them) have port 0. VLAN tags, MPLS labels and the
  numbers of virtual networks are not looked at. Of a tunnel the outer addresses count, with `inner` the innermost
  ones, except for packets that cannot be looked into.
* A packet that is more than `timeout_s` away in time from the latest one of its flow begins a new flow: later, or
  earlier, where a file holds captures that were not made one after the other.
* TCP: a flow is closed when both ends have sent FIN, or one has sent RST. Packets that still come belong to it. A SYN
  (without ACK) begins a new flow if both ends have sent FIN; if its sender's initial sequence number is known and
  another; or if that number is unknown and the flow was reset. So a repeated SYN stays in its flow.
* The client is the sender of the first SYN; without one, the receiver of the first SYN with ACK; without one, the
  sender of the first packet.
* Fragments behind the first one belong to the flow of the first one (same addresses, identification, and for IPv4
  protocol; within 60 seconds). Each counts as a packet; its payload is what it carries.
* A packet's size is the payload behind its transport header as the headers say it, whatever was captured of it. The
  header is that of TCP with options, 8 bytes of UDP and ICMP, the common header of SCTP (12 bytes: its chunks, with
  their own headers, are payload), and nothing of other protocols.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.errors import InputError
from netdiffus.traffic.flows.frames import FLOW_SCHEMA, PACKET_SCHEMA, flow_frames
from netdiffus.traffic.flows.seen import CaptureSummary, Seen, still_packets, summary_of
from netdiffus.traffic.flows.table import FlowTable
from netdiffus.wire.files.order import InOrder
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.rotation import Rotation

__all__ = [
    "FLOW_SCHEMA",
    "PACKET_SCHEMA",
    "CaptureFlows",
    "CaptureSummary",
    "FlowBatch",
    "FlowReader",
    "flows_of_capture",
]

BATCH_BYTES = 1 << 26
"""Bytes of a (decompressed) file at whose multiples a FlowReader may hand out the flows that have ended."""
HELD_SHARE = 256
"""It does so where it holds more than one kept packet for so many of these bytes."""


class FlowBatch(NamedTuple):
    """Some flows (FLOW_SCHEMA, by start) and their first packets (PACKET_SCHEMA, by flow and index)."""

    flows: pl.DataFrame
    packets: pl.DataFrame


@dataclass(frozen=True)
class CaptureFlows:
    """The flows of one capture.

    Attributes:
        flows: FLOW_SCHEMA; one row a flow, by start. `size`, `direction` (0 client→server) and `gap_ns` (since the
            packet before, first 0, never negative) are those of its first packets; n_packets counts all.
        packets: PACKET_SCHEMA; the same first packets, by flow and index; headers as far as they were captured.
        summary: what was read, and what was left out.
    """

    flows: pl.DataFrame
    packets: pl.DataFrame
    summary: CaptureSummary


class FlowReader:
    """Reads a capture ("-" is standard input) and hands out its flows in batches; iterate over it once.

    Memory grows with the flows that are open at one time, not with the capture. Flow numbers count up over the batches;
    flows are by start within a batch. The flows are the same however large the batches are, unless clocks that differ
    by more than the timeout alternate in one file: then a flow may be handed out before it has ended.

    Args:
        path: of the capture; of several, which one tap wrote one after the other, flows go on from each to the next.
        packets: how many first packets of a flow are kept.
        min_packets: flows with fewer packets are left out, and counted.
        timeout_s: idle seconds after which a flow has ended.
        inner: look inside tunnels (headers/tunnels.py): addresses, ports, sizes and headers
            are those of the inner packet.
        batch_bytes: flows that have ended are handed out after a file or a multiple of so many of its bytes, where more
            than one packet is kept for HELD_SHARE of these, and twice as many as after the last time.
        told: of how many packets of a flow how many bytes of payload are kept, as the column TOLD of the packets.

    Raises:
        InputError: the file cannot be read, is no capture, or an argument is out of range.
    """

    def __init__(
        self,
        path: str | Path | Sequence[Path],
        *,
        packets: int = 64,
        min_packets: int = 1,
        timeout_s: float = 120.0,
        inner: bool = False,
        batch_bytes: int = BATCH_BYTES,
        told: tuple[int, int] = (0, 0),
    ) -> None:
        if packets < 1 or not 0 < timeout_s < 2**32:
            raise InputError(
                "at least 1 packet per flow and a timeout above 0 seconds",
                f"packets={packets}, timeout_s={timeout_s}",
                "choose others",
            )
        self._capture = read_capture(path) if isinstance(path, str | Path) else Rotation(path)
        self._ordered = InOrder(self._capture)
        self._table = FlowTable(packets=min(packets, 2**31 - 1), timeout_ns=round(timeout_s * 1e9), told=told)
        self._min_packets, self._batch_bytes, self._told = min_packets, batch_bytes, told[0] > 0
        self._seen = Seen(inner)
        self._n_flows, self._n_short, self._n_still = 0, 0, 0

    def __iter__(self) -> Iterator[FlowBatch]:
        limit, place = self._batch_bytes // HELD_SHARE, (0, 0)
        for block, number, *_ in self._ordered:
            before, place = place, max(place, self._place(int(number.min())))
            if place != before and self._table.held > limit:
                yield self._take(self._table.finished())
                limit = max(self._batch_bytes // HELD_SHARE, 2 * self._table.held)
            self._table.add(block, self._seen.take(block))
        yield self._take(np.ones(len(self._table.flows), np.bool_))

    def _place(self, number: int) -> tuple[int, int]:
        """The file of a packet (from 1), and the multiple of batch_bytes before the end of its block."""
        marks = self._capture.marks
        while marks[0].packets < number:
            marks.popleft()
        return marks[0].file, (marks[0].position - 1) // self._batch_bytes

    @property
    def summary(self) -> CaptureSummary:
        """What was read so far; of the whole capture when the iteration has ended."""
        seen = replace(self._seen, faults=self._capture.faults + self._ordered.faults + self._seen.faults)
        seen.faults.update(self._table.faults)
        return summary_of(self._capture, seen, (self._n_flows, self._n_short), self._n_still)

    def _take(self, ended: NDArray[np.bool_]) -> FlowBatch:
        chosen, rank = self._choose(ended)
        flows = self._table.flows[chosen]
        chunks = self._table.release(ended)
        batch = FlowBatch(*flow_frames(flows, rank, chunks, self._n_flows, told=self._told))
        self._count(ended, chosen)
        return batch

    def _choose(self, ended: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of the flows that have ended those that are handed out, by start; and each flow's place among them, or -1."""
        flows = self._table.flows
        self._n_still += still_packets(flows[ended])
        chosen = np.flatnonzero(ended & (flows["n_packets"] >= self._min_packets))
        chosen = chosen[np.argsort(flows["start_ns"][chosen], kind="stable")]
        rank = np.full(len(flows), -1, np.int64)
        rank[chosen] = np.arange(len(chosen))
        return chosen, rank

    def _count(self, ended: NDArray[np.bool_], chosen: NDArray[np.int64]) -> None:
        self._n_flows += len(chosen)
        self._n_short += int(np.count_nonzero(ended)) - len(chosen)


def flows_of_capture(
    path: str | Path, *, packets: int = 64, min_packets: int = 1, timeout_s: float = 120.0, inner: bool = False
) -> CaptureFlows:
    """Read a capture whole and put its packets into flows, as this module defines them; FlowReader does it in batches.

    Args and errors are those of FlowReader.
    """
    reader = FlowReader(
        path, packets=packets, min_packets=min_packets, timeout_s=timeout_s, inner=inner, batch_bytes=2**62
    )
    (batch,) = reader
    return CaptureFlows(*batch, reader.summary)
