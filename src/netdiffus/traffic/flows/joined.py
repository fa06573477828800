"""The flows of a capture's segments joined to those of the whole capture, as FlowReader would hand them out.

Between segments in order of time, a flow goes on in the next one unless its first packet there begins another
(segments.begins_anew). What the segment held of it was decided without what came before: where that could have decided
otherwise, the segments are not joined, and the capture is read from one end to the other instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.arrays import Bools, Ints
from netdiffus.traffic.flows.dtypes import FLOW
from netdiffus.traffic.flows.reader import HELD_SHARE
from netdiffus.traffic.flows.seen import Seen, still_packets
from netdiffus.traffic.flows.segments import KEY, FlowOptions, SegmentRead, begins_anew, keys
from netdiffus.traffic.flows.table import NEAR_NOW
from netdiffus.wire.files.pcapng import FAULTS, UNTIMED

PIECE = np.dtype([("flow", "i8"), ("segment", "i8"), ("part", "i8"), ("kept", "i8"), ("told", "i8"), ("gap_ns", "i8")])
"""A part of a flow: which flow of which segment; and what came before it: kept packets, those with kept payload, and
the gap to its first packet."""

READS = ("flows.npy", "opening.npy")
"""Of the arrays of a segment, what is read to join it."""


class NotJoinedError(Exception):
    """The segments of a capture cannot be joined; says why."""


@dataclass
class Joined:
    """The flows of the segments so far.

    Attributes:
        least: packets of a flow, at least; others are left out.
        batch_bytes: as of FlowReader. folder: where batches are written.
        batches: files of flows that have ended, in order; each can be gathered apart.
        numbered: of each file, the flows in those before.
    """

    options: FlowOptions
    least: int
    batch_bytes: int
    folder: Path
    seen: Seen = field(default_factory=lambda: Seen(inner=False))
    batches: list[Path] = field(default_factory=list)
    numbered: list[int] = field(default_factory=list)
    flows: int = 0
    short: int = 0
    still: int = 0

    def __post_init__(self) -> None:
        self._open = np.zeros(0, FLOW)
        self._pieces = np.zeros(0, PIECE)
        self._touched = np.zeros(0, np.bool_)
        self._newest = np.zeros(0, np.bool_)
        self._recent = np.zeros(0, np.int64)
        self._limit = self.batch_bytes // HELD_SHARE
        self._stop, self._after, self._path = 0, b"", Path()

    @property
    def _timeout_ns(self) -> int:
        return round(self.options.timeout_s * 1e9)

    def add(self, number: int, path: Path, read: SegmentRead, arrays: Path) -> None:
        """Join the next segment, the flows of which are in `arrays`.

        Raises:
            NotJoinedError: it cannot be joined.
        """
        self._check(path, read)
        seen = read.seen
        if seen.packets:
            held = int(self._open["kept"].sum())
            if held > self._limit and self.seen.packets:
                self._release(np.median(self._recent))
                self._limit = max(self.batch_bytes // HELD_SHARE, 2 * int(self._open["kept"].sum()))
            self._join(number, np.load(arrays / "flows.npy"), np.load(arrays / "opening.npy"))
            self._recent = np.concatenate([self._recent, read.times[1]])[-NEAR_NOW:]
        self.seen.merge(seen)

    def finish(self) -> None:
        """Hand out what is left."""
        self._release(None)

    def _check(self, path: Path, read: SegmentRead) -> None:
        borders, before = read.borders, self._stop
        goes_on = path == self._path
        if borders.begin < 0 or (goes_on and (borders.begin != before or borders.before != self._after)):
            raise NotJoinedError("records do not go on where the segment before has ended")
        if borders.stop > self.batch_bytes and read.sha256:
            raise NotJoinedError("a compressed file is larger than a segment")
        if not read.in_order or (read.seen.packets and self.seen.packets and read.times[0] < self.seen.last_ns):
            raise NotJoinedError("packets are out of order of time")
        if read.orphans and self.seen.packets:
            raise NotJoinedError("fragments may go on from the segment before")
        if goes_on and FAULTS[UNTIMED] in read.seen.faults:
            raise NotJoinedError("packets have the time of those before them")
        self._path, self._stop, self._after = path, borders.stop, borders.after

    def _join(self, number: int, flows: NDArray[np.void], opening: NDArray[np.void]) -> None:
        """Find which flows of a segment go on with open ones, and add the others."""
        links = _links(self._open, self._newest, flows)
        before, successor = links["open"].to_numpy(), links["next"].to_numpy()
        at = np.flatnonzero(before >= 0)
        old = self._open[before[at]]
        anew = begins_anew(old, flows[at], opening[at], self._timeout_ns)
        self._newest[before[at[anew]]] = False
        goes = at[~anew]
        place = before[goes]
        self._check_parts(old[~anew], flows[goes], opening[goes])
        merged = _merged(old[~anew], flows[goes], self.options)
        followed = successor[goes] >= 0
        after = successor[goes][followed]
        if not begins_anew(merged[followed], flows[after], opening[after], self._timeout_ns).all():
            raise NotJoinedError("a flow goes on where the segment alone begins another")
        fresh = np.ones(len(flows), np.bool_)
        fresh[goes] = False
        total = np.where(fresh, np.cumsum(fresh) - 1 + len(self._open), 0)
        total[goes] = place
        self._pieces = np.concatenate([self._pieces, self._parts(number, flows, total, goes, old[~anew])])
        self._open[place] = merged
        self._newest[place[followed]] = False
        self._touched[place] = True
        self._open = np.concatenate([self._open, flows[fresh]])
        self._newest = np.concatenate([self._newest, successor[fresh] < 0])
        self._touched = np.concatenate([self._touched, np.ones(int(fresh.sum()), np.bool_)])

    def _check_parts(self, old: NDArray[np.void], parts: NDArray[np.void], opening: NDArray[np.void]) -> None:
        """Raise NotJoinedError if a repeated SYN could have begun a flow, had the segment known what came before."""
        same = (old["finished"] == 0) & (old["reset"] == 0)
        for bit, name in ((1, "a_isn"), (2, "b_isn")):
            unknown = old["isn_known"] & bit == 0
            same &= unknown | ((parts["isn_known"] & bit != 0) & (parts[name] == old[name]))
        if (opening["more_syn"] & ~same).any():
            raise NotJoinedError("ports are used again across segments")

    def _parts(
        self, number: int, flows: NDArray[np.void], total: Ints, goes: Ints, old: NDArray[np.void]
    ) -> NDArray[np.void]:
        """Rows of PIECE: the flows of a segment that have kept packets."""
        parts = np.zeros(len(flows), PIECE)
        parts["flow"], parts["segment"], parts["part"] = total, number, np.arange(len(flows))
        parts["kept"][goes], parts["told"][goes] = old["kept"], old["told"]
        parts["gap_ns"][goes] = flows["start_ns"][goes] - old["before_ns"]
        return parts[parts["kept"] < self.options.packets]

    def _release(self, now: float | None) -> None:
        """Hand out flows that have ended, as FlowTable.finished has it; None: all."""
        gone = np.ones(len(self._open), np.bool_)
        if now is not None:
            gone = ~self._newest | ((np.abs(self._open["last_ns"] - int(now)) > self._timeout_ns) & ~self._touched)
        flows = self._open[gone]
        self.still += still_packets(flows)
        chosen = np.flatnonzero(gone & (self._open["n_packets"] >= self.least))
        chosen = chosen[np.argsort(self._open["start_ns"][chosen], kind="stable")]
        self.short += len(flows) - len(chosen)
        rank = np.full(len(gone), -1, np.int64)
        rank[chosen] = np.arange(len(chosen))
        pieces = self._pieces[rank[self._pieces["flow"]] >= 0]
        pieces["flow"] = rank[pieces["flow"]]
        self._write(self._open[chosen], pieces)
        self.flows += len(chosen)
        numbers = np.cumsum(~gone) - 1
        rest = self._pieces[~gone[self._pieces["flow"]]]
        rest["flow"] = numbers[rest["flow"]]
        self._pieces, self._open = rest, self._open[~gone]
        self._newest, self._touched = self._newest[~gone], np.zeros(len(self._open), np.bool_)

    def _write(self, flows: NDArray[np.void], pieces: NDArray[np.void]) -> None:
        """Write flows that are handed out, at most about as many kept packets at once as a batch may hold."""
        pieces = pieces[np.argsort(pieces["flow"], kind="stable")]
        shares = np.cumsum(flows["kept"].astype(np.int64)) // max(self.batch_bytes // HELD_SHARE, 1)
        cuts = np.flatnonzero(np.diff(shares)) + 1
        for begin, end in zip([0, *cuts.tolist()], [*cuts.tolist(), len(flows)], strict=True):
            if begin == end:
                continue
            low, high = np.searchsorted(pieces["flow"], [begin, end])
            own = pieces[low:high].copy()
            own["flow"] -= begin
            path = self.folder / f"{len(self.batches):06}.npz"
            self.folder.mkdir(parents=True, exist_ok=True)
            np.savez(path, flows=flows[begin:end], pieces=own)
            self.batches.append(path)
            self.numbered.append(self.flows + int(begin))


def _links(opened: NDArray[np.void], newest: Bools, flows: NDArray[np.void]) -> pl.DataFrame:
    """The flows around each flow of a segment between the same ends: the open one before it ("open"; -1: none, or it is
    not the first in the segment), and the one behind it in the segment ("next"; -1: none)."""
    known = keys(opened).with_row_index("open").cast({"open": pl.Int64}).filter(pl.Series(newest))
    table = keys(flows).with_row_index("flow").cast({"flow": pl.Int64})
    joined = table.join(known, on=KEY, how="left", maintain_order="left")
    first = pl.col("flow").shift(1).over(KEY).is_null()
    return joined.select(
        pl.when(first).then("open").otherwise(None).fill_null(-1).alias("open"),
        pl.col("flow").shift(-1).over(KEY).fill_null(-1).alias("next"),
    )


def _merged(old: NDArray[np.void], parts: NDArray[np.void], options: FlowOptions) -> NDArray[np.void]:
    """Flows with the parts that go on with them."""
    found = old.copy()
    for bit, name in ((1, "a_isn"), (2, "b_isn")):
        found[name] = np.where(old["isn_known"] & bit != 0, old[name], parts[name])
    for name in ("isn_known", "finished", "reset"):
        found[name] |= parts[name]
    later = parts["client_by"] > old["client_by"]
    for name in ("client", "client_by"):
        found[name] = np.where(later, parts[name], old[name])
    found["last_ns"], found["before_ns"] = np.maximum(old["last_ns"], parts["last_ns"]), parts["before_ns"]
    found["n_packets"] += parts["n_packets"]
    found["kept"] = np.minimum(old["kept"].astype(np.int64) + parts["kept"], options.packets)
    found["told"] = np.minimum(old["told"] + parts["told"], options.told[0])
    return found
