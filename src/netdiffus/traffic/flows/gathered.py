"""Flows joined of segments (joined.py) as tables: their kept packets are gathered from the segments' arrays."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes, Ints
from netdiffus.traffic.flows.dtypes import Kept
from netdiffus.traffic.flows.frames import flow_frames
from netdiffus.traffic.flows.reader import FlowBatch
from netdiffus.traffic.flows.segments import FlowOptions, sizes_of
from netdiffus.wire.files.order import gather

READS = ("rows.npy", "kept.npy", "ends.npy", "headers.npy")
"""Of the arrays of a segment, what is read to gather packets from it."""


def gathered(batch: Path, arrays: Callable[[int], AbstractContextManager[Path]], options: FlowOptions) -> FlowBatch:
    """A batch of flows, as FlowReader makes them; flow numbers begin at 0.

    Args:
        batch: file of Joined.batches. arrays: gives the folder of a segment, by its number, for as long as it is read.
    """
    with np.load(batch) as found:
        flows, pieces = found["flows"], found["pieces"]
    pieces = pieces[np.argsort(pieces["segment"], kind="stable")]
    numbers, begins = np.unique(pieces["segment"], return_index=True)
    chunks = []
    for number, part in zip(numbers, np.split(pieces, begins[1:]), strict=True):
        with arrays(int(number)) as folder:
            chunks.append(_chunk(folder, part, options))
    return FlowBatch(*flow_frames(flows, np.arange(len(flows)), chunks, 0, told=options.told[0] > 0))


def _chunk(folder: Path, pieces: NDArray[np.void], options: FlowOptions) -> Kept:
    """The kept packets of some flows of a segment."""
    rows = np.load(folder / "rows.npy", mmap_mode="r")
    kept_all, ends = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("kept", "ends"))
    headers = np.load(folder / "headers.npy", mmap_mode="r")
    begin, end = np.asarray(rows[pieces["part"]]), np.asarray(rows[pieces["part"] + 1])
    counts = np.minimum(end - begin, options.packets - pieces["kept"])
    owner = np.repeat(np.arange(len(pieces)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    places = begin[owner] + within
    kept = np.asarray(kept_all[places])
    kept["flow"] = pieces["flow"][owner]
    kept["index"] += pieces["kept"][owner].astype(np.int32)
    goes_on = (within == 0) & (pieces["kept"][owner] > 0)
    kept["gap_ns"][goes_on] = pieces["gap_ns"][owner][goes_on]
    kept["told_bytes"][_told_before(kept, counts) + pieces["told"][owner] >= options.told[0]] = 0
    return Kept(kept, _bytes(np.asarray(headers), np.asarray(ends[places]), kept))


def _told_before(kept: NDArray[np.void], counts: Ints) -> Ints:
    """How many packets with payload come before each in its part of a flow."""
    speaks = (kept["payload_bytes"] > 0).astype(np.int64)
    before = np.cumsum(speaks) - speaks
    firsts = np.cumsum(counts) - counts
    within: Ints = before - np.repeat(before[firsts[counts > 0]], counts[counts > 0])
    return within


def _bytes(headers: Bytes, begin: Ints, kept: NDArray[np.void]) -> Bytes:
    """Headers and payload of packets, one after the other."""
    sizes = sizes_of(kept)
    out = np.empty(int(sizes.sum()), np.uint8)
    gather(headers, begin, sizes.astype(np.int32), np.cumsum(sizes) - sizes, out)
    return out
