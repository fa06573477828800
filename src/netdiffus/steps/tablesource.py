"""Tables as sources of `prepare`: read, named, binned, cut into windows, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from netdiffus.steps.prepare_config import PrepareConfig
from netdiffus.store.cards import Source
from netdiffus.store.dataset import sha256
from netdiffus.text import as_text
from netdiffus.traffic.bins import binned
from netdiffus.traffic.columns import parse_columns
from netdiffus.traffic.labels import Labels, OneLabel, is_capture_name, label_of_file
from netdiffus.traffic.tables import is_table_name, read_table
from netdiffus.traffic.tabletraces import TableTraces, traces_of_table
from netdiffus.traffic.traces import channel_names
from netdiffus.traffic.windows import summed, windows


@dataclass(frozen=True)
class TableSource:
    """A table's traces, the group of each, what the card says about the file, and how many trace ids were given out.

    The column split is "train" or "test" where the source itself says so.
    """

    traces: pl.DataFrame
    groups: pl.Series
    source: Source
    rows: int


def tables_below(sources: Sequence[Path]) -> list[Path]:
    """The sources, with the tables in and below each folder that has tables and no captures in its place."""
    found: list[Path] = []
    for source in sources:
        inside = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else []
        tables = [path for path in inside if is_table_name(path)]
        found += tables if tables and not any(is_capture_name(path) for path in inside) else [source]
    return found


def read_table_source(path: Path, config: PrepareConfig, rule: Labels | None, first_id: int) -> TableSource:
    """The traces of a table file, their ids counting up from `first_id`.

    Args:
        rule: what labels a table without a column for it; None: every table must have one.

    Raises:
        InputError: as for `read_table` and `traces_of_table`, or the options do not fit the channels.
    """
    label = None
    if rule is not None:
        label = label_of_file(rule, path) or ""
    read = traces_of_table(
        read_table(path), parse_columns(config.columns), strip_padding=config.strip_padding, label=label
    )
    return table_source(read, path, sha256(path), config, first_id)


def table_source(read: TableTraces, path: Path, digest: str, config: PrepareConfig, first_id: int) -> TableSource:
    """Traces that were read from one source, reshaped as the options say."""
    name, traces, faults = as_text(path.name), read.traces, dict(read.faults)
    packets = int(traces["n_packets"].sum())
    if config.bin_ns and "up_bytes" not in traces.columns and "down_bytes" not in traces.columns:
        traces = binned(traces, config.bin_ns, config.packets)
    if config.sum:
        traces = summed(traces, config.sum)
    groups = read.groups
    if config.window:
        bin_ns = config.bin_ns * (config.sum or 1) if config.bin_ns else None
        traces, groups = windows(
            traces, groups, config.window, config.stride or config.window, test=config.test_share, bin_ns=bin_ns
        )
    if config.packets:
        traces = traces.with_columns(pl.col(name).list.head(config.packets) for name in channel_names(traces))
    there = traces[channel_names(traces)[0]].list.len() > 0
    keep = there & (traces["n_packets"] >= config.min_packets)
    if not there.all():
        faults["trace is too short for --sum, left out"] = int((~there).sum())
    ids = pl.int_range(first_id, first_id + len(traces), eager=True)
    traces = traces.with_columns(ids.alias("trace_id"), pl.lit(name).alias("source"))
    # Rows of several sources may share a group; without one, each is its own, and windows are their trace's.
    if groups is None:
        names = "trace " + ids.cast(pl.String)
    else:
        names = ("group " if read.groups is not None else f"series {first_id} ") + groups.cast(pl.String)
    source = Source(
        file=name,
        sha256=digest,
        packets=packets,
        bytes=path.stat().st_size if path.is_file() else 0,
        flows=int(keep.sum()),
        short_flows=int((there & ~keep).sum()),
        faults=faults,
    )
    return TableSource(traces.filter(keep), names.filter(keep).alias("group"), source, len(traces))


def table_rule(config: PrepareConfig, rule: Labels) -> Labels | None:
    """What labels tables without a column for it: the rule, if the user chose one."""
    return rule if config.labels is not None or isinstance(rule, OneLabel) else None
