"""The table of flows and of their first packets, kept across the blocks of a capture; reader.py has the definition."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from netdiffus.traffic.flows.dtypes import FLOW, FRAGMENTED, KEPT, Kept
from netdiffus.traffic.flows.kernels import FAULTS, retain, track
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.kernels.flowkey import fill_slots

FRAGMENT_PLACES = 1 << 14
NEAR_NOW = 64


class FlowTable:
    """The flows of a capture: `add` its blocks in order, read `flows`, and `release` those that are done with."""

    def __init__(self, *, packets: int, timeout_ns: int, told: tuple[int, int] = (0, 0)) -> None:
        """`told`: of how many packets of a flow how many bytes of payload are kept."""
        self._packets, self._timeout_ns, self._told = packets, timeout_ns, told
        # The seed keeps crafted addresses from meeting in one place of the table; nothing that comes out depends on it.
        self._seed = np.uint64(int.from_bytes(os.urandom(8), "little"))
        self._slots = np.full(1 << 12, -1, np.int64)
        self._flows = np.zeros(1 << 11, FLOW)
        self._n_flows = 0
        self._key = np.zeros(1, FLOW)  # the ends of the packet at hand
        self._fragments = np.zeros(FRAGMENT_PLACES, FRAGMENTED)
        self._counts = np.zeros(len(FAULTS), np.int64)
        self._kept: list[Kept] = []
        self._before = np.zeros(0, np.int64)  # packets of the flows when some were last released
        self.recent_ns = np.zeros(0, np.int64)
        """Times of the latest packets, NEAR_NOW of them at most."""
        self.held = 0
        """Kept packets in memory."""

    @property
    def flows(self) -> NDArray[np.void]:
        """The flows in the order of their first packets, (F,) of FLOW."""
        return self._flows[: self._n_flows]

    @property
    def faults(self) -> dict[str, int]:
        """Reasons in plain words and how often each came up."""
        return {words: count for words, count in zip(FAULTS, self._counts.tolist(), strict=True) if count}

    def add(self, block: PacketBlock, fields: NDArray[np.void]) -> None:
        """Take in the packets of a block, whose header fields are `fields`."""
        self._make_room(len(block))
        kept = np.empty(len(block), KEPT)
        sizes = fields["network_bytes"] + fields["transport_bytes"] + np.clip(fields["payload_bytes"], 0, self._told[1])
        headers = np.empty(int(sizes.sum(dtype=np.int64)), np.uint8)
        self._n_flows, n_kept, n_bytes = track(
            fields,
            block.time_ns,
            block.data,
            self._seed,
            self._packets,
            self._timeout_ns,
            self._slots,
            self._flows,
            self._n_flows,
            self._key,
            self._fragments,
            kept,
            headers,
            self._counts,
            block.offset + block.captured,
            *self._told,
        )
        self.recent_ns = np.concatenate([self.recent_ns, block.time_ns[-NEAR_NOW:]])[-NEAR_NOW:]
        # What is nearly full is not worth a copy.
        if 2 * n_kept < len(kept):
            kept, headers = kept[:n_kept].copy(), headers[:n_bytes].copy()
        self._hold(Kept(kept[:n_kept], headers[:n_bytes]))

    def finished(self) -> NDArray[np.bool_]:
        """For each flow whether no packet can join it any more.

        That is so where another flow followed it between the same ends, and taken to be so where it had no packet since
        the last release and ended more than the timeout away from now. Now is the median time of the latest packets:
        one odd clock reading says nothing, and a jump in time (several captures in one file) ends what came before.
        """
        newest = np.zeros(self._n_flows, np.bool_)
        newest[self._slots[self._slots >= 0]] = True
        before = np.zeros(self._n_flows, np.int64)
        before[: len(self._before)] = self._before
        now_ns = int(np.median(self.recent_ns)) if len(self.recent_ns) else 0
        away = np.abs(self.flows["last_ns"] - now_ns) > self._timeout_ns
        idle: NDArray[np.bool_] = away & (before == self.flows["n_packets"])
        return ~newest | idle

    def release(self, gone: NDArray[np.bool_]) -> list[Kept]:
        """Forget the flows marked in `gone`; returns the packets kept so far, of all flows, by their old numbers."""
        chunks, self._kept, self.held = self._kept, [], 0
        numbers = np.where(gone, -1, np.cumsum(~gone) - 1)
        if not gone.all():
            self._hold(_retained(chunks, numbers))
        self._flows = self.flows[~gone]
        self._n_flows = len(self._flows)
        self._before = self._flows["n_packets"].copy()
        self._slots.fill(-1)
        fill_slots(self._slots, self._flows, self._n_flows, self._seed)
        waiting = np.flatnonzero(self._fragments["version"])
        self._fragments["flow"][waiting] = numbers[self._fragments["flow"][waiting]]
        self._fragments["version"][self._fragments["flow"] < 0] = 0
        return chunks

    def _hold(self, chunk: Kept) -> None:
        self._kept.append(chunk)
        self.held += len(chunk.packets)

    def _make_room(self, packets: int) -> None:
        """Each packet may begin a flow, and the slots must stay at most half full."""
        if len(self._flows) < self._n_flows + packets:
            more = np.zeros(max(packets, len(self._flows)), FLOW)
            self._flows = np.concatenate([self._flows, more])
        if len(self._slots) < 2 * (self._n_flows + packets):
            self._slots = np.full(1 << (4 * (self._n_flows + packets)).bit_length(), -1, np.int64)
            fill_slots(self._slots, self._flows, self._n_flows, self._seed)


def _retained(chunks: list[Kept], numbers: NDArray[np.int64]) -> Kept:
    """The packets of the flows that have a number >= 0, under that number, in one chunk."""
    sizes = []
    for kept, _ in chunks:
        stays = kept[numbers[kept["flow"]] >= 0]
        each = stays["network_bytes"] + stays["transport_bytes"] + stays["told_bytes"]
        sizes.append((len(stays), int(each.sum(dtype=np.int64))))
    n_packets, n_bytes = (sum(column) for column in zip(*sizes, strict=True)) if sizes else (0, 0)
    rest = Kept(np.empty(n_packets, KEPT), np.empty(n_bytes, np.uint8))
    n = pos = 0
    for (kept, headers), (more, more_bytes) in zip(chunks, sizes, strict=True):
        retain(kept, headers, numbers, n, pos, *rest)
        n, pos = n + more, pos + more_bytes
    return rest
