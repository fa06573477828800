"""Loading traces for a comparison: from dataset folders, tables and captures, whatever made them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from netdiffus.errors import InputError
from netdiffus.steps.inputs.captures import (
    dataset_of_captures,
    holds_captures,
    labels_of,
    texts_of_flows,
    texts_of_frames,
)
from netdiffus.store.cards import DatasetCard
from netdiffus.store.dataset import has_packets, read_dataset, sha256
from netdiffus.text import EDGES, as_text
from netdiffus.traffic.labels.rules import Labels, label_rule
from netdiffus.traffic.split import split
from netdiffus.traffic.tables.columns import KNOWN
from netdiffus.traffic.tables.files import is_table_name, read_table
from netdiffus.traffic.tables.traces import traces_of_table

TEST_SHARE = 0.2


@dataclass(frozen=True)
class LoadedTraces:
    """A table of traces, where it came from, and the hash of what was read.

    Attributes:
        texts: the text columns of each row or flow, and its `trace_id`, null where they belong to all of them; None
            without any.
        packets: the dataset folder with the packets of the traces; None without packets.
        captures: the captures that were read.
        labels: what labels their flows.
        sources: traces of each source of a dataset, in their order; empty where that is not known.
    """

    traces: pl.DataFrame
    name: str
    hash: str
    texts: pl.DataFrame | None = None
    packets: Path | None = None
    captures: tuple[Path, ...] = ()
    labels: Labels | None = None
    sources: tuple[int, ...] = ()

    def texts_of(self, part: pl.DataFrame) -> frozenset[str] | None:
        """The distinct texts of some of the traces; None without texts."""
        if self.texts is None:
            return None
        trace = pl.col("trace_id")
        rows = self.texts.filter(trace.is_null() | trace.is_in(part["trace_id"].to_list()))
        columns = [name for name in rows.columns if name != "trace_id"]
        return frozenset(text for name in columns for text in rows[name].drop_nulls().unique().to_list())


def load_traces(path: Path, scratch: Path | None = None) -> LoadedTraces:
    """The traces of a dataset folder or a table file; with a scratch folder that outlives them, of captures too.

    Raises:
        InputError: it is none of these, or the table lacks columns.
    """
    is_other = path.exists() and not is_table_name(path) and not (path / DatasetCard.FILE).exists()
    if scratch is not None and is_other and holds_captures(path):
        return _of_captures(path, scratch / f"{len(list(scratch.iterdir()))}")
    if path.is_dir():
        card, traces = read_dataset(path)
        traces = traces.with_columns(
            pl.col("label").str.replace_all(EDGES, "")
        )  # datasets made before `prepare` did so
        packets = path if has_packets(path) else None
        sources = tuple(source.flows for source in card.sources)
        return LoadedTraces(traces, as_text(path.name), card.hash, texts_of_flows(path), packets, sources=sources)
    if not path.is_file():
        raise InputError("a dataset folder or a table of traces", f"{path}, which does not exist", "check the path")
    if not is_table_name(path):
        raise InputError(
            "a dataset folder, a table of traces (.parquet, .csv, .jsonl, .npz) or a capture",
            str(path),
            "run 'netdiffus prepare' on it first",
        )
    table = read_table(path)
    read = traces_of_table(table, {})
    if read.faults:
        words = "; ".join(f"{reason}: {count:,}" for reason, count in read.faults.items())
        raise InputError("a table of traces without faults", f"{path} ({words})", "run 'netdiffus prepare' on it first")
    return LoadedTraces(read.traces, as_text(path.name), sha256(path), texts_of_table(table, read.traces))


def _of_captures(path: Path, folder: Path) -> LoadedTraces:
    captures = dataset_of_captures(path, folder)
    card, traces = read_dataset(folder)
    flows, frames = texts_of_flows(folder), sorted(texts_of_frames(captures))
    inside = pl.DataFrame({"frame": frames}, schema={"frame": pl.String}).with_columns(trace_id=pl.lit(None, pl.Int64))
    texts = inside if flows is None else pl.concat([flows, inside], how="diagonal")
    rule = label_rule(labels_of(path))
    return LoadedTraces(traces, as_text(path.name), card.hash, texts, folder, tuple(captures), rule)


def texts_of_table(table: pl.DataFrame, traces: pl.DataFrame) -> pl.DataFrame | None:
    """The texts of a table's columns that are not series, label or group; None without any.

    Rows have the id of their trace if each is one trace.
    """
    columns = [name for name, kind in table.schema.items() if kind == pl.String and name not in KNOWN]
    if not columns:
        return None
    trace = traces["trace_id"] if len(traces) == len(table) else pl.lit(None, pl.Int64)
    texts = table[columns]  # not by expressions, which take names like ^a.*$ for patterns
    return texts.select(pl.lit(trace).alias("trace_id"), pl.all())


def real_parts(real: pl.DataFrame, test: pl.DataFrame | None, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Real traces as a training and a test part: `test` if given, else the split they carry, else a new one."""
    if test is not None:
        return real, test
    if not {"train", "test"} <= set(real["split"].unique().to_list()):
        real = real.with_columns(split(real["label"], None, TEST_SHARE, np.random.default_rng(seed)))
    return real.filter(pl.col("split") == "train"), real.filter(pl.col("split") == "test")
