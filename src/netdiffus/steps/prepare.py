"""prepare: captures, folders of captures and tables become a dataset folder."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from netdiffus.errors import InputError
from netdiffus.steps.config import Config
from netdiffus.steps.gasfsource import parse_range, read_gasf
from netdiffus.steps.tablesource import TableSource, read_table_source, table_rule, table_source, tables_below
from netdiffus.store.atomic import check_replaceable
from netdiffus.store.cards import ChannelInfo, DatasetCard, Source, SplitInfo
from netdiffus.store.dataset import write_dataset
from netdiffus.traffic import split as splitting
from netdiffus.traffic.anonymise import anonymise
from netdiffus.traffic.binreader import BinReader
from netdiffus.traffic.bins import DEFAULT_BINS
from netdiffus.traffic.cryptopan import read_key
from netdiffus.traffic.flows import FlowBatch, FlowReader
from netdiffus.traffic.labels import TUPLE, Labels, MapLabels, OneLabel, is_capture_name, label_rule
from netdiffus.traffic.tables import is_table_name
from netdiffus.traffic.traces import CHANNELS, channel_names, conform

DEFAULT_PACKETS = 64


class PrepareConfig(Config):
    """What can be chosen in `prepare`."""

    labels: str | None = None  # None: "folder" for captures, and tables need a column
    unlabelled: bool = False
    packets: int | None = Field(None, ge=1)  # None: DEFAULT_PACKETS of a capture's flow, all of a table's row
    min_packets: int = Field(1, ge=1)
    flow_timeout: float = Field(120.0, gt=0)
    test: Annotated[float, Field(ge=0, lt=1)] | str = 0.2  # a share, or the source that is the test part
    seed: int = Field(0, ge=0)
    columns: str | None = None
    strip_padding: bool = False
    bins: float | None = Field(None, gt=0, le=86_400_000)  # milliseconds
    sum: int | None = Field(None, ge=2)
    window: int | None = Field(None, ge=2)
    stride: int | None = Field(None, ge=1)
    gasf: str | None = None
    anonymise: str | None = None

    @property
    def bin_ns(self) -> int | None:
        """The width of a bin before any summing."""
        return None if self.bins is None else max(round(self.bins * 1e6), 1)

    @property
    def test_share(self) -> float:
        """The share of a label's traces that is kept for testing; 0 where a source of its own is."""
        return self.test if isinstance(self.test, float) else 0.0


@dataclass(frozen=True)
class FileRead:
    """One source file was read: how much was in it, and what was wrong with it."""

    file: str
    done: int
    total: int
    packets: int
    flows: int
    seconds: float
    faults: dict[str, int]


@dataclass
class _Parts:
    """What the sources gave so far."""

    traces: list[pl.DataFrame] = field(default_factory=list)
    packets: list[pl.DataFrame] = field(default_factory=list)
    groups: list[pl.Series] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    rows: int = 0
    captures: int = 0


def prepare(sources: Sequence[Path], out: Path, config: PrepareConfig) -> Generator[FileRead, None, None]:
    """Read every source, split, and write the dataset folder `out`; yields a record per file.

    Raises:
        InputError: a source is missing, is no capture or table, or has no labels; nothing is written then.
    """
    check_replaceable(out, DatasetCard.FILE)
    if config.stride and not config.window:
        raise InputError("--stride together with --window", "--stride alone", "add --window N")
    key = None if config.anonymise is None else read_key(Path(config.anonymise))
    rule: Labels = OneLabel() if config.unlabelled else label_rule(config.labels or "folder")
    files = _files(sources, config)
    tests = _files([Path(config.test)], config) if isinstance(config.test, str) else []
    parts = _Parts()
    for done, path in enumerate([*files, *tests], start=1):
        began = time.perf_counter()
        if config.gasf is not None:
            _add_images(parts, path, config, rule)
        elif is_table_name(path):
            _add_table(parts, read_table_source(path, config, table_rule(config, rule), parts.rows))
        else:
            _add_capture(parts, path, config, rule, key)
        if isinstance(config.test, str):
            side = splitting.given(parts.traces[-1]["split"], "train" if done <= len(files) else "test")
            parts.traces[-1] = parts.traces[-1].with_columns(side)
        source = parts.sources[-1]
        yield FileRead(
            source.file,
            done,
            len(files) + len(tests),
            source.packets,
            source.flows,
            time.perf_counter() - began,
            source.faults,
        )
    if key is not None and not parts.packets:
        raise InputError(
            "packets of captures for --anonymise", "only tables or bins, without addresses", "leave it out"
        )
    _write(parts, out, config, rule.unused() if isinstance(rule, MapLabels) else {})


def parse_test(text: str) -> float | str:
    """`--test 0.2` as a share, `--test test.parquet` as a source."""
    try:
        return float(text)
    except ValueError:
        return text


def _files(sources: Sequence[Path], config: PrepareConfig) -> list[Path]:
    if config.gasf is not None:  # a folder of images is one source
        return list(sources)
    return find_files(tables_below(sources) if config.columns is not None else sources)


def find_files(sources: Sequence[Path]) -> list[Path]:
    """The captures and tables that the sources name, folders searched through, in a fixed order.

    Raises:
        InputError: a path does not exist, or a folder has no capture in it.
    """
    files: list[Path] = []
    for source in sources:
        if source.is_dir():
            inside = sorted(path for path in source.rglob("*") if path.is_file())
            found = [path for path in inside if is_capture_name(path)]
            if not found:
                tables = sum(is_table_name(path) for path in inside)
                raise InputError(
                    f"captures (.pcap, .pcapng; also .gz, .xz) in or below {source}",
                    f"{len(inside)} other files" + (f", {tables} of them tables" if tables else ""),
                    "name the tables themselves" if tables else "name a folder with captures",
                )
            files += found
        elif source.is_file() or str(source) == "-":
            files.append(source)
        else:
            raise InputError(
                "a capture, a folder of captures or a table", f"{source}, which does not exist", "check the path"
            )
    return files


def _reader(path: Path, config: PrepareConfig) -> FlowReader:
    least, timeout = config.min_packets, config.flow_timeout
    if config.bin_ns:
        return BinReader(path, bin_ns=config.bin_ns, limit=config.packets, min_packets=least, timeout_s=timeout)
    packets = config.packets or DEFAULT_PACKETS
    return FlowReader(path, packets=packets, min_packets=least, timeout_s=timeout)


def _add_capture(parts: _Parts, path: Path, config: PrepareConfig, rule: Labels, key: bytes | None) -> None:
    reader = _reader(path, config)
    batches, packets, unnamed = [], [], 0
    for batch in reader:
        labels = rule(path, batch.flows)
        if key is not None:
            batch = FlowBatch(*anonymise(*batch, key))
        flows = batch.flows.with_columns(
            labels.alias("label"),
            pl.lit(path.name).alias("source"),
            (pl.col("flow_id") + parts.rows).alias("trace_id"),
        )
        unnamed += labels.null_count()
        flows = flows.filter(pl.col("label").is_not_null())
        batches.append(conform(flows))
        packets.append(_packets(batch.packets, flows, parts.rows))
    read = reader.summary
    traces = pl.concat(batches)
    faults = dict(read.faults) | ({"flow has no label in the table": unnamed} if unnamed else {})
    parts.traces.append(traces)
    parts.captures += 1
    parts.packets += [] if config.bin_ns else packets
    parts.groups.append(traces.select((pl.lit("trace ") + pl.col("trace_id").cast(pl.String)).alias("group"))["group"])
    parts.sources.append(
        Source(file=path.name, sha256=read.sha256, packets=read.packets, flows=len(traces), faults=faults)
    )
    parts.rows += read.flows


def _packets(packets: pl.DataFrame, flows: pl.DataFrame, first_id: int) -> pl.DataFrame:
    """Packets of the flows, with the 5-tuple once a trace."""
    tuples = flows.select("trace_id", *TUPLE, pl.lit(0, dtype=pl.Int32).alias("index"))
    return (
        packets.with_columns((pl.col("flow_id") + first_id).alias("trace_id"))
        .join(flows.select("trace_id"), on="trace_id", how="semi", maintain_order="left")
        .join(tuples, on=["trace_id", "index"], how="left", maintain_order="left")
        .select("trace_id", *[name for name in packets.columns if name != "flow_id"], *TUPLE)
    )


def _add_images(parts: _Parts, path: Path, config: PrepareConfig, rule: Labels) -> None:
    bounds = parse_range(config.gasf or "")
    found = read_gasf(path, bounds, table_rule(config, rule), strip_padding=config.strip_padding)
    _add_table(parts, table_source(found.read, path.name, found.digest, config, parts.rows))


def _add_table(parts: _Parts, table: TableSource) -> None:
    parts.traces.append(table.traces)
    parts.groups.append(table.groups)
    parts.sources.append(table.source)
    parts.rows += table.rows


def _write(parts: _Parts, out: Path, config: PrepareConfig, unused: dict[str, int]) -> None:
    kinds = {tuple(channel_names(part)) for part in parts.traces}
    if len(kinds) > 1:
        raise InputError(
            "sources with the same channels",
            " and ".join("+".join(kind) for kind in sorted(kinds)),
            "prepare them apart",
        )
    traces = pl.concat(parts.traces)
    if not len(traces):
        raise InputError("at least one flow in the sources", "none", "check the captures with 'netdiffus info CAPTURE'")
    names = channel_names(traces)
    faults = dict(unused)
    rng = np.random.default_rng(config.seed)
    drawn = splitting.split(traces["label"], pl.concat(parts.groups), config.test_share, rng)
    is_given = traces["split"].is_in(["train", "test"])
    traces = traces.with_columns(splitting.given(traces["split"], drawn))
    share = round(float(np.mean(traces["split"].to_numpy() == "test")), 4) if is_given.all() else config.test_share
    untested = splitting.untested(traces["label"], traces["split"])
    if untested and config.test:
        faults["label has no test part, its traces are of one group or in one source"] = untested
    card = DatasetCard(
        hash="",
        sources=parts.sources,
        labels=_label_counts(traces),
        channels=[ChannelInfo(name=name, kind=CHANNELS[name].kind, unit=CHANNELS[name].unit) for name in names],
        bin_ns=None if config.bin_ns is None else config.bin_ns * (config.sum or 1),
        packets=config.packets
        or (DEFAULT_BINS if config.bin_ns and parts.captures else DEFAULT_PACKETS if parts.packets else None),
        split=SplitInfo(rule=splitting.rule(is_given, config.window is not None), test=share, seed=config.seed),
        anonymised=config.anonymise is not None,
        faults=faults,
        test_duplicates=int(splitting.duplicates(traces, names).sum()),
    )
    write_dataset(out, card, traces, pl.concat(parts.packets) if parts.packets else None)


def _label_counts(traces: pl.DataFrame) -> dict[str, dict[str, int]]:
    counts = {label: {"train": 0, "test": 0} for label in sorted(traces["label"].unique().to_list())}
    for label, part, count in traces.group_by("label", "split").len().iter_rows():
        counts[label][part] = count
    return counts
