"""Bytes per time bin, up and down, from a trace's first packet on."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.errors import InputError
from netdiffus.traffic.ragged import list_column
from netdiffus.traffic.traces import channel_names
from netdiffus.wire.kernels.compiled import compiled

DEFAULT_BINS, MOST_BINS = 1000, 1 << 20
PACKETS = ["size", "direction", "gap_ns"]


@compiled
def _since_first(
    gap_ns: NDArray[np.int64], counts: NDArray[np.int64], bin_ns: int, cut_ns: int, bins: NDArray[np.int64]
) -> None:
    """The bin of each packet; those from cut_ns on are all in the one that begins there."""
    i = 0
    for count in counts:
        since = 0
        for _ in range(count):
            since = min(since + gap_ns[i], cut_ns)
            bins[i] = since // bin_ns
            i += 1


def bin_lists(
    rows: NDArray[np.int64],
    bins: NDArray[np.int64],
    down: NDArray[np.bool_],
    size: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> list[pl.Series]:
    """The columns up_bytes and down_bytes: packets (or sums of some) added up where they belong.

    Args:
        rows, bins, down, size: of each packet its trace, its bin, its direction and its bytes, (M,).
        counts: bins of each trace, (N,); a packet's bin is below that.
    """
    places = (np.cumsum(counts) - counts)[rows] + bins
    columns = []
    for name, chosen in (("up_bytes", ~down), ("down_bytes", down)):
        flat = np.zeros(int(counts.sum()), np.int64)
        np.add.at(flat, places[chosen], size[chosen])
        columns.append(list_column(name, flat, counts))
    return columns


def binned(traces: pl.DataFrame, bin_ns: int, limit: int | None = None) -> pl.DataFrame:
    """Traces of packets (size, direction, gap_ns) as traces of bytes per bin (up_bytes, down_bytes).

    Bin k holds the bytes from k bin_ns to (k + 1) bin_ns after the first packet. A trace ends with the bin of its last
    packet, or after `limit` bins (None: DEFAULT_BINS).

    Raises:
        InputError: a channel is missing.
    """
    names = channel_names(traces)
    if names != PACKETS:
        raise InputError(
            "packets with size, direction and gap (or time), or bytes per bin, for --bins",
            f"the channels {', '.join(names)}",
            "name the columns with --columns",
        )
    most = limit or DEFAULT_BINS
    counts = traces["size"].list.len().to_numpy().astype(np.int64)
    rows = np.repeat(np.arange(len(traces)), counts)
    size, direction, gap = (traces[name].filter(pl.Series(counts > 0)).explode().to_numpy() for name in PACKETS)
    bins = np.empty(len(gap), np.int64)
    _since_first(gap, counts, bin_ns, min(most * bin_ns, 2**61), bins)
    inside = bins < most
    lengths = np.zeros(len(traces), np.int64)
    np.maximum.at(lengths, rows, np.minimum(bins + 1, most))
    lists = bin_lists(rows[inside], bins[inside], direction[inside] == 1, size[inside].astype(np.int64), lengths)
    return traces.drop(PACKETS).with_columns(lists)
