"""Tables as sources of `prepare`: read, named, binned, cut into windows, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from netdiffus.steps.sources.find import SourceFile, files_below
from netdiffus.steps.sources.intake import Intake, Reading
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.store.cards import Source
from netdiffus.store.dataset import sha256
from netdiffus.text import as_text
from netdiffus.traffic.flows.bins import binned
from netdiffus.traffic.labels.account import ROWS, LabelAccount
from netdiffus.traffic.labels.rules import Labels, OneLabel, is_capture_name, label_of_file
from netdiffus.traffic.tables.columns import parse_columns
from netdiffus.traffic.tables.files import is_table_name, read_table_file
from netdiffus.traffic.tables.traces import TableTraces, traces_of_table
from netdiffus.traffic.traces import channel_names
from netdiffus.traffic.windows import summed, windows


@dataclass(frozen=True)
class TableSource:
    """A table's traces, the group of each, what the card says about the file, and how many trace ids were given out.

    The column split is "train" or "test" where the source itself says so.

    Attributes:
        notes: how the file was read, for the user.
        account: by label what came (traces, before windows were cut) and what was left out.
    """

    traces: pl.DataFrame
    groups: pl.Series
    source: Source
    rows: int
    notes: list[str]
    account: LabelAccount


def tables_below(sources: Sequence[Path]) -> list[Path]:
    """The sources, with the tables in and below each folder that has tables and no captures in its place."""
    found: list[Path] = []
    for source in sources:
        inside = files_below(source)
        tables = [path for path in inside if is_table_name(path)]
        found += tables if tables and not any(is_capture_name(path) for path in inside) else [source]
    return found


def read_table_source(
    path: Path, config: PrepareConfig, rule: Labels | None, first_id: int, *, alone: bool = True
) -> TableSource:
    """The traces of a table file, their ids counting up from `first_id`.

    Args:
        rule: what labels a table without a column for it; None: every table must have one.
        alone: whether it is the only source; else it need not have a usable trace.

    Raises:
        InputError: as for `read_table` and `traces_of_table`, or the options do not fit the channels.
    """
    label = None
    if rule is not None:
        label = label_of_file(rule, path) or ""
    file = read_table_file(path, config.max_values)
    read = traces_of_table(
        file.frame,
        parse_columns(config.columns),
        strip_padding=config.strip_padding,
        label=label,
        place=file.place,
        may_be_empty=not alone,
    )
    source = table_source(read, path, sha256(path), config, first_id)
    return replace(source, notes=[*filter(None, [file.note]), *source.notes])


def table_source(read: TableTraces, path: Path, digest: str, config: PrepareConfig, first_id: int) -> TableSource:
    """Traces that were read from one source, reshaped as the options say."""
    name, traces, faults = as_text(path.name), read.traces, dict(read.faults)
    account = LabelAccount()
    account.add(read.account)
    packets = int(traces["n_packets"].sum())
    if config.bin_ns and "up_bytes" not in traces.columns and "down_bytes" not in traces.columns:
        traces = binned(traces, config.bin_ns, config.first)
    if config.sum:
        traces = summed(traces, config.sum)
    groups = read.groups
    if config.window:
        short = _lengths(traces) < config.window
        _count_out(account, traces.filter(short), "trace is shorter than --window", faults)
        bin_ns = config.bin_ns * (config.sum or 1) if config.bin_ns else None
        traces, groups = windows(
            traces, groups, config.window, config.stride or config.window, test=config.test_share, bin_ns=bin_ns
        )
    if config.first:
        traces = traces.with_columns(pl.col(name).list.head(config.first) for name in channel_names(traces))
    there = _lengths(traces) > 0
    keep = there & (traces["n_packets"] >= config.min_packets)
    _count_out(account, traces.filter(~there), "trace is too short for --sum", faults)
    if not config.window:  # else rows are windows
        _count_out(account, traces.filter(there & ~keep), "it has fewer packets than --min-packets")
    ids = pl.int_range(first_id, first_id + len(traces), eager=True)
    traces = traces.with_columns(ids.alias("trace_id"), pl.lit(name).alias("source"))
    names = _group_names(groups, ids, "group " if read.groups is not None else f"series {first_id} ")
    source = Source(
        file=name,
        sha256=digest,
        packets=packets,
        bytes=path.stat().st_size if path.is_file() else 0,
        flows=int(keep.sum()),
        short_flows=int((there & ~keep).sum()),
        faults=faults,
    )
    notes = [f"{name}: {note}" for note in read.notes]
    return TableSource(traces.filter(keep), names.filter(keep).alias("group"), source, len(traces), notes, account)


def _group_names(groups: pl.Series | None, ids: pl.Series, prefix: str) -> pl.Series:
    """The group of each trace: rows of several sources may share one; without one, each trace is its own."""
    return "trace " + ids.cast(pl.String) if groups is None else prefix + groups.cast(pl.String)


def _lengths(traces: pl.DataFrame) -> pl.Series:
    return traces[channel_names(traces)[0]].list.len()


def _count_out(account: LabelAccount, gone: pl.DataFrame, reason: str, faults: dict[str, int] | None = None) -> None:
    """Count traces that are left out under their labels and, where given, among the faults of their source."""
    for label, count in gone["label"].value_counts().iter_rows():
        account.leave_out(label, ROWS, {reason: count})
    if len(gone) and faults is not None:
        faults[f"{reason}, left out"] = len(gone)


def add_table(intake: Intake, file: SourceFile, reading: Reading) -> Source:
    """The rows of a table as traces; returns what the card says of the file."""
    rule = table_rule(reading.config, reading.rule)
    table = read_table_source(file.path, reading.config, rule, intake.rows, alone=reading.alone)
    return add_read(intake, table, file)


def add_read(intake: Intake, table: TableSource, file: SourceFile) -> Source:
    """What was read of a table; returns what the card says of the file."""
    name = as_text(file.called)
    intake.add(table.traces.with_columns(pl.lit(name).alias("source")), table.groups)
    intake.rows += table.rows
    intake.notes += table.notes
    intake.account.add(table.account)
    return table.source.model_copy(update={"file": name})


def table_rule(config: PrepareConfig, rule: Labels) -> Labels | None:
    """What labels tables without a column for it: the rule, if the user chose one."""
    return rule if config.labels is not None or isinstance(rule, OneLabel) else None
