"""The flows of one segment of a capture (wire/files/segments.py), as parts of the flows of the whole, on disk.

joined.py finds which parts belong together, and gathered.py makes tables of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.arrays import Bools, Bytes, Ints
from netdiffus.traffic.flows.dtypes import FLOW, KEPT, A, Kept
from netdiffus.traffic.flows.kernels import FAULTS, ORPHAN
from netdiffus.traffic.flows.seen import Seen
from netdiffus.traffic.flows.table import FlowTable
from netdiffus.wire.files.order import gather
from netdiffus.wire.files.segments import Borders, Segment, SegmentReader
from netdiffus.wire.headers.fields import ACK, LATER, OK, SYN, TCP

KEY = ("version", "protocol", "a_high", "a_low", "a_port", "b_high", "b_low", "b_port")
OPENING = np.dtype([("seq", "u4"), ("flags", "u1"), ("side", "u1"), ("more_syn", "?")])
"""Of a flow's first packet; more_syn: other SYNs between its ends began no flow."""


class FlowOptions(NamedTuple):
    """How packets become flows; as the arguments of FlowReader."""

    packets: int
    timeout_s: float
    inner: bool
    told: tuple[int, int]


@dataclass(frozen=True)
class SegmentRead:
    """What is known of a segment, but for its flows.

    Attributes:
        times: of its first and of its last packets, NEAR_NOW of them at most. in_order: whether times never step back.
        orphans: whether fragments came without the first one, which may be in the segment before.
        sha256: of a compressed file, which is one segment; else "".
    """

    borders: Borders
    seen: Seen
    times: tuple[int, Ints]
    in_order: bool
    orphans: bool
    sha256: str


def read_segment(segment: Segment, options: FlowOptions, folder: Path) -> SegmentRead:
    """Put the packets of a segment into flows, whose arrays are written to a folder."""
    reader, seen = SegmentReader(segment), Seen(options.inner)
    table = _Table(options)
    first, last, in_order, syns = -1, -1, True, list[pl.DataFrame]()
    for block in reader:
        times = block.time_ns
        first = int(times[0]) if first < 0 else first
        in_order = in_order and int(times[0]) >= last and bool((times[1:] >= times[:-1]).all())
        last = int(times[-1])
        fields = seen.take(block)
        table.add(block, fields)
        syns.append(_syns(fields))
    seen.faults += reader.faults
    seen.faults.update(table.faults)
    kept, headers = table.whole()
    flows = table.flows
    order = np.argsort(kept["flow"], kind="stable")
    sizes = sizes_of(kept)
    begin, kept = np.cumsum(sizes) - sizes, kept[order]
    ends = np.concatenate([[0], np.cumsum(sizes[order])])
    placed = np.empty(len(headers), np.uint8)
    gather(headers, begin[order], sizes[order].astype(np.int32), ends[:-1], placed)
    rows = np.searchsorted(kept["flow"], np.arange(len(flows) + 1))
    opening = _openings(flows, kept[rows[:-1]], placed, ends[rows[:-1]], pl.concat(syns) if syns else _no_syns())
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {"flows": flows, "kept": kept, "headers": placed, "ends": ends, "rows": rows, "opening": opening}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    orphans = FAULTS[ORPHAN] in table.faults
    return SegmentRead(reader.borders, seen, (first, table.recent_ns), in_order, orphans, reader.sha256)


class _Table(FlowTable):
    """All flows of a segment."""

    def __init__(self, options: FlowOptions) -> None:
        super().__init__(packets=options.packets, timeout_ns=round(options.timeout_s * 1e9), told=options.told)

    def whole(self) -> Kept:
        """The kept packets of all flows, in the order of the file."""
        return Kept(
            np.concatenate([np.empty(0, KEPT), *(chunk.packets for chunk in self._kept)]),
            np.concatenate([np.empty(0, np.uint8), *(chunk.headers for chunk in self._kept)]),
        )


def sizes_of(kept: NDArray[np.void]) -> Ints:
    """Bytes of headers and payload of each kept packet."""
    sizes: Ints = kept["network_bytes"].astype(np.int64) + kept["transport_bytes"] + kept["told_bytes"]
    return sizes


def keys(flows: NDArray[np.void]) -> pl.DataFrame:
    """The ends of flows, as columns."""
    return pl.DataFrame({name: np.ascontiguousarray(flows[name]) for name in KEY})


def _no_syns() -> pl.DataFrame:
    return keys(np.empty(0, FLOW))


def _syns(fields: NDArray[np.void]) -> pl.DataFrame:
    """The ends of each SYN without ACK, in the order of flows."""
    tcp = (fields["status"] == OK) & (fields["protocol"] == TCP) & (fields["fragment"] != LATER)
    rows = fields[tcp & (fields["flags"] & (SYN | ACK) == SYN)]
    flows, swap = np.zeros(len(rows), FLOW), _is_swapped(rows)
    flows["version"], flows["protocol"] = rows["version"], rows["protocol"]
    for part in ("high", "low", "port"):
        ends = rows[f"source_{part}"], rows[f"destination_{part}"]
        flows[f"a_{part}"], flows[f"b_{part}"] = np.where(swap, ends[::-1], ends)
    return keys(flows)


def _is_swapped(rows: NDArray[np.void]) -> Bools:
    """Whether the destination is end A, as kernels.flowkey.name_ends has it."""
    greater, equal = np.zeros(len(rows), np.bool_), np.ones(len(rows), np.bool_)
    for part in ("high", "low", "port"):
        source, destination = rows[f"source_{part}"], rows[f"destination_{part}"]
        greater |= equal & (source > destination)
        equal &= source == destination
    return greater


def _openings(
    flows: NDArray[np.void], first: NDArray[np.void], headers: Bytes, at: Ints, syns: pl.DataFrame
) -> NDArray[np.void]:
    """OPENING of each flow; `first` are the first packets, whose headers begin at `at`."""
    found = np.zeros(len(flows), OPENING)
    found["side"] = first["side"]
    tcp = np.flatnonzero(flows["protocol"] == TCP)
    place = at[tcp] + first["network_bytes"][tcp]
    found["flags"][tcp] = headers[place + 13]
    for k in range(4):
        found["seq"][tcp] |= headers[place + 4 + k].astype(np.uint32) << np.uint32(24 - 8 * k)
    began = found["flags"] & (SYN | ACK) == SYN
    table = keys(flows).with_row_index("flow")
    counts = syns.group_by(KEY).len("syns")
    started = table.filter(pl.Series(began)).group_by(KEY).len("began")
    both = table.join(counts, on=KEY, how="inner").join(started, on=KEY, how="left")
    more = both.filter(pl.col("syns") > pl.col("began").fill_null(0))["flow"].to_numpy()
    found["more_syn"][more] = True
    return found


def begins_anew(before: NDArray[np.void], flows: NDArray[np.void], opening: NDArray[np.void], timeout_ns: int) -> Bools:
    """Whether flows do not go on with the flow before them between the same ends, as kernels.track has it."""
    late = np.abs(flows["start_ns"] - before["last_ns"]) > timeout_ns
    syn = (flows["protocol"] == TCP) & (opening["flags"] & (SYN | ACK) == SYN)
    known = before["isn_known"] & (1 << opening["side"]) != 0
    other = opening["seq"] != np.where(opening["side"] == A, before["a_isn"], before["b_isn"])
    anew: Bools = late | (syn & ((before["finished"] == 3) | np.where(known, other, before["reset"] != 0)))
    return anew
