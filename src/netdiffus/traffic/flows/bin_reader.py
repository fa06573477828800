"""Captures to flows as bytes per time bin: every packet counts, and none is kept longer than its block."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netdiffus.errors import InputError
from netdiffus.traffic.flows.bins import DEFAULT_BINS, MOST_BINS, PACKETS, bin_lists
from netdiffus.traffic.flows.dtypes import Kept
from netdiffus.traffic.flows.frames import flow_frames
from netdiffus.traffic.flows.reader import FlowBatch, FlowReader
from netdiffus.traffic.flows.table import FlowTable

_EVERY_PACKET = 2**31 - 1
_SUM = np.dtype([("flow", "i8"), ("place", "i8"), ("bytes", "i8")])
"""Bytes of one flow in one bin from one end; place is 2 · bin + end."""


class BinTable(FlowTable):
    """The flows of a capture, with sums per bin in the place of packets."""

    def __init__(self, *, bin_ns: int, limit: int, timeout_ns: int) -> None:
        super().__init__(packets=_EVERY_PACKET, timeout_ns=timeout_ns)
        self._bin_ns, self._limit = bin_ns, limit
        self._sums: list[NDArray[np.void]] = []

    def _hold(self, chunk: Kept) -> None:
        """Add up a block's packets; those past the limit do not count."""
        packets = chunk.packets
        since = packets["time_ns"] - self._flows["start_ns"][packets["flow"]]
        place = np.maximum(since, 0) // self._bin_ns * 2 + packets["side"]
        near = place < 2 * self._limit
        self._keep(_added(packets["flow"][near], place[near], packets["payload_bytes"][near], self._limit))

    def _keep(self, sums: NDArray[np.void]) -> None:
        self._sums.append(sums)
        self.held += len(sums)

    def release_sums(self, gone: NDArray[np.bool_]) -> NDArray[np.void]:
        """Forget the flows marked in `gone`; returns their sums, by their old numbers."""
        sums = np.concatenate([*self._sums, np.empty(0, _SUM)])
        self._sums = []
        self.release(gone)
        self.held = 0
        ended = gone[sums["flow"]]
        open_still = sums[~ended]
        numbers = np.cumsum(~gone) - 1
        self._keep(_added(numbers[open_still["flow"]], open_still["place"], open_still["bytes"], self._limit))
        gone_sums: NDArray[np.void] = sums[ended]
        return gone_sums


class BinReader(FlowReader):
    """Reads a capture and hands out its flows in batches, with up_bytes and down_bytes instead of packets.

    Args:
        path: of the capture.
        bin_ns: width of a bin; the first begins with the flow.
        limit: bins of a flow that are kept (None: DEFAULT_BINS); a flow that ends earlier has fewer.
        min_packets, timeout_s, inner: as for FlowReader.

    Raises:
        InputError: as FlowReader, or an argument is out of range.
    """

    def __init__(
        self,
        path: str | Path | Sequence[Path],
        *,
        bin_ns: int,
        limit: int | None = None,
        min_packets: int = 1,
        timeout_s: float = 120.0,
        inner: bool = False,
    ) -> None:
        limit = limit or DEFAULT_BINS
        if not 0 < bin_ns < 2**53 or limit > MOST_BINS:
            raise InputError(
                f"bins of at least 1 ns, at most {MOST_BINS:,} a flow", f"{bin_ns} ns, {limit:,}", "choose others"
            )
        super().__init__(path, packets=1, min_packets=min_packets, timeout_s=timeout_s, inner=inner)
        self._bin_ns, self._limit = bin_ns, limit
        self._table: BinTable = BinTable(bin_ns=bin_ns, limit=limit, timeout_ns=round(timeout_s * 1e9))

    def _take(self, ended: NDArray[np.bool_]) -> FlowBatch:
        chosen, rank = self._choose(ended)
        flows = self._table.flows[chosen]
        sums = self._table.release_sums(ended)
        sums = sums[rank[sums["flow"]] >= 0]
        rows, down = rank[sums["flow"]], sums["place"] % 2 != flows["client"][rank[sums["flow"]]]
        counts = np.minimum((flows["last_ns"] - flows["start_ns"]) // self._bin_ns + 1, self._limit)
        lists = bin_lists(rows, sums["place"] // 2, down, sums["bytes"], counts)
        flows["kept"] = 0
        frame, packets = flow_frames(flows, rank, [], self._n_flows)
        self._count(ended, chosen)
        return FlowBatch(frame.drop(PACKETS).with_columns(lists), packets)


def _added(
    flow: NDArray[np.int64], place: NDArray[np.int64], n_bytes: NDArray[np.int64], limit: int
) -> NDArray[np.void]:
    """Bytes added up per flow and place, (n,) of _SUM."""
    keys, which = np.unique(flow * (2 * limit) + place, return_inverse=True)
    sums = np.zeros(len(keys), _SUM)
    sums["flow"], sums["place"] = keys // (2 * limit), keys % (2 * limit)
    np.add.at(sums["bytes"], which, n_bytes)
    return sums
