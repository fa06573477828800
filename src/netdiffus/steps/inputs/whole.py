"""The whole traffic behind the traces of a comparison, read from captures or from the packets of a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from netdiffus.arrays import Ints
from netdiffus.steps.inputs.load import LoadedTraces
from netdiffus.store.dataset import scan_packets
from netdiffus.traffic.whole.flows import Whole, joined
from netdiffus.traffic.whole.reader import whole_of_capture, whole_of_packets

CHUNK = 1 << 18  # rows of packets.parquet at a time
NO_PACKETS = "it has no packets with their times; give captures, or datasets of captures"


def whole_traffic(loaded: LoadedTraces) -> Whole | str:
    """All traffic of captures, or of a dataset that keeps all packets of its flows; else why there is none.

    Captures are read once more, whatever was kept of their flows.
    """
    if loaded.captures and loaded.labels is not None:
        parts = [whole_of_capture(path, number, loaded.labels) for number, path in enumerate(loaded.captures)]
        return joined(parts)
    if loaded.packets is None:
        return NO_PACKETS
    flows = loaded.traces.sort("trace_id")
    if why := _cut(loaded.packets, flows):
        return why
    session = ["session"] if "session" in flows.columns else []
    capture = pl.Series("capture", _captures(flows["source"], loaded.sources))
    return whole_of_packets(flows.select("trace_id", "label", capture, *session), _chunks(loaded.packets))


def _cut(dataset: Path, flows: pl.DataFrame) -> str:
    """Why a dataset has no whole flows: how many are longer than what is kept of them; empty if none is."""
    kept = scan_packets(dataset).group_by("trace_id").len().collect(engine="streaming")
    counts = flows.select("trace_id", "n_packets").join(kept, on="trace_id", how="left")["len"].fill_null(0)
    cut = int((counts < flows["n_packets"]).sum())
    if not cut:
        return ""
    most = int(counts.max())  # type: ignore[arg-type]
    return (
        f"{cut:,} of {len(flows):,} flows are longer than the {most:,} packets that the dataset keeps; prepare it with "
        "--packets all"
    )


def _captures(source: pl.Series, counts: tuple[int, ...]) -> Ints:
    """The capture of each trace: by the number of flows of each source, or else by runs of one name."""
    if sum(counts) == len(source):
        return np.repeat(np.arange(len(counts)), counts)
    return source.rle_id().to_numpy().astype(np.int64)


def _chunks(dataset: Path) -> Iterator[pl.DataFrame]:
    """Rows of a dataset's packets.parquet, some at a time."""
    packets = scan_packets(dataset)
    total = packets.select(pl.len()).collect().item()
    for start in range(0, total, CHUNK):
        yield packets.slice(start, CHUNK).collect()
