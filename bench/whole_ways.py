"""Ways to draw what comes behind the first packets of a flow, given real first packets and real courses."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from bench.results import table
from netdiffus.arrays import Floats
from netdiffus.compiler import FlowRows, concatenate
from netdiffus.compiler.features.bodies import BodyCodec, Sketch
from netdiffus.compiler.features.chain_draw import CANDIDATES
from netdiffus.compiler.features.course import courses
from netdiffus.compiler.features.tape import TapeReader
from netdiffus.models.backends import load_model
from netdiffus.models.packet_codec import PacketCodec, class_names
from netdiffus.models.whole_flows import HEAD, batches, flow_ends
from netdiffus.store.dataset import read_dataset, read_packets


def sketched(dataset: Path, codec: PacketCodec) -> tuple[FlowRows, Sketch, NDArray[np.int64]]:
    """Real flows that go on, and the same as a model that draws their first packets and course without error would."""
    _, traces = read_dataset(dataset)
    rows = concatenate([rows for rows, _ in batches(traces.filter(pl.col("n_packets") > HEAD), read_packets(dataset))])
    names = class_names(rows)
    ids = np.searchsorted(sorted(set(names)), names)
    series, _ = codec.fields.encode(flow_ends(rows, HEAD))
    rng = np.random.default_rng(0)
    head, _ = codec.fields.decode(series, rows.labels, rng, np.ones(len(rows), np.bool_))
    hosts, ending = codec.fields.facts(series)
    more, seeds = rows.counts - HEAD, rng.integers(0, 1 << 62, len(rows))
    return rows, Sketch(head, hosts, ending, ids, more, courses(rows, HEAD), seeds, more > 0), ids


def local(rows: FlowRows) -> dict[str, Floats]:
    """What the packets behind the first ones look like close up: sizes, gaps, bursts (gaps below 1 ms), turns."""
    place = np.arange(len(rows.rows)) - np.repeat(rows.first, rows.counts)
    body, packets = place >= HEAD, rows.rows
    size, gap = packets["size"].astype(np.float64), packets["gap_ns"].astype(np.float64)
    sums = np.append(0, np.cumsum(size * body))
    found = {"sizes": size[body], "gaps": gap[body]}
    turns = np.diff(packets["direction"].astype(int), prepend=0) != 0
    for name, begins in (("bursts", gap > 1e6), ("turns", turns)):
        at = np.flatnonzero((begins | (place == HEAD)) & body)
        end = np.append(at[1:], len(packets))
        found |= {f"packets of {name}": np.minimum(end - at, 1000.0), f"bytes of {name}": sums[end] - sums[at]}
    return found


def ways(dataset: Path, model: Path) -> str:
    """Bodies by chains of several orders, with and without steering, given real first packets and courses."""
    codec = load_model(model).manifest.codec
    if not isinstance(codec, PacketCodec):
        raise TypeError(f"{model} is no model of packets")
    rows, sketch, ids = sketched(dataset, codec)
    reader = TapeReader(codec.fields)
    reader.add(rows, ids)
    tape = reader.tape()
    if tape is None:
        raise TypeError("no flow goes on")
    real, lines = [local(rows.select(ids == k)) for k in range(ids.max() + 1)], []
    for order, candidates in ((0, 1), (1, 1), (1, CANDIDATES), (2, CANDIDATES), (3, 1), (3, CANDIDATES)):
        bodies = BodyCodec.fit(tape, codec.fields, int(ids.max()) + 1, order=order)
        if bodies is None:
            raise TypeError("no packet may be drawn")
        began = time.process_time()
        made = bodies.whole(sketch, codec.fields, np.random.default_rng(0), candidates=candidates)
        speed = len(made.rows) / (time.process_time() - began)
        drawn = [local(made.select(ids == k)) for k in range(len(real))]
        figures = (f"{value:.3f}" for value in (*_distances(real, drawn), _bytes_off(rows, made)))
        lines.append([order, candidates, len(bodies.chain.tokens), *figures, f"{speed:,.0f}"])
    head = ["context", "blocks to choose from", "counts", *(f"KS {name}" for name in real[0]), "bytes off"]
    return table([*head, "packets per CPU-second"], lines)


def _distances(real: list[dict[str, Floats]], drawn: list[dict[str, Floats]]) -> list[float]:
    """KS distance of each figure, mean over classes."""
    pairs = list(zip(real, drawn, strict=True))
    return [
        float(np.mean([ks_2samp(a[name], b[name], method="asymp").statistic for a, b in pairs])) for name in real[0]
    ]


def _bytes_off(real: FlowRows, made: FlowRows) -> float:
    """The median relative error of the bytes of a flow."""
    of_real, of_made = (np.bincount(rows.owner, rows.rows["size"]) for rows in (real, made))
    return float(np.median(np.abs(of_made - of_real) / np.maximum(of_real, 1)))
