"""prepare: captures, folders of captures and tables become a dataset folder."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import Field

from netdiffus.errors import InputError
from netdiffus.steps.config import Config
from netdiffus.steps.sources import STANDARD_INPUT, SourceFile, find_files
from netdiffus.store.atomic import check_replaceable
from netdiffus.store.cards import ChannelInfo, DatasetCard, Source, SplitInfo
from netdiffus.store.dataset import DatasetWriter, dataset_writer, sha256
from netdiffus.traffic import split as splitting
from netdiffus.traffic.flows import FlowBatch, FlowReader
from netdiffus.traffic.labels import TUPLE, UNLABELLED, Labels, OneLabel, label_rule
from netdiffus.traffic.tables import is_table_name, parse_columns, read_table, traces_of_table
from netdiffus.traffic.traces import CHANNELS, channel_names, conform

DEFAULT_PACKETS = 64
NO_CAPTURE = "file is no capture or cannot be read, left out"
NO_LABEL = "flow has no label in the table, left out"


class PrepareConfig(Config):
    """What can be chosen in `prepare`."""

    labels: str = "folder"
    unlabelled: bool = False
    packets: int | None = Field(None, ge=1)  # None: DEFAULT_PACKETS of a capture's flow, all of a table's row
    min_packets: int = Field(1, ge=1)
    flow_timeout: float = Field(120.0, gt=0)
    inner: bool = False
    strict: bool = False
    test: float = Field(0.2, ge=0, lt=1)
    seed: int = Field(0, ge=0)
    columns: str | None = None
    strip_padding: bool = False


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
    """What the sources gave so far: rows go to the writer, what the split needs stays here."""

    writer: DatasetWriter
    rows: int = 0  # trace ids given out
    channels: list[str] = field(default_factory=list)
    rest: list[pl.DataFrame] = field(default_factory=list)  # label, group and key of each trace

    def add(self, traces: pl.DataFrame, groups: pl.Series) -> None:
        """Traces (conform) in order; rows of one group stay on one side of the split."""
        names = channel_names(traces)
        if self.channels and names != self.channels:
            raise InputError(
                "sources with the same channels",
                " and ".join(sorted("+".join(kind) for kind in (names, self.channels))),
                "prepare them apart",
            )
        self.channels = names
        self.writer.traces.add(traces)
        self.rest.append(pl.DataFrame([traces["label"], groups.alias("group"), splitting.keys(traces, names)]))


def prepare(sources: Sequence[Path], out: Path, config: PrepareConfig) -> Generator[FileRead, None, None]:
    """Read every source, split, and write the dataset folder `out`; yields a record per file.

    Memory grows with the number of traces, by some 50 bytes each, and with the flows that are open at one time.

    Raises:
        InputError: a source is missing, is no capture or table, or has no labels; or it has faults and config.strict
            is set. Nothing is written then.
    """
    check_replaceable(out, DatasetCard.FILE)
    rule: Labels = OneLabel() if config.unlabelled else label_rule(config.labels)
    files = find_files(sources)
    if any(file.path == STANDARD_INPUT for file in files) and not config.unlabelled:
        _check_label_of_standard_input(config.labels)
    found: list[Source] = []
    with dataset_writer(out) as writer:
        parts = _Parts(writer)
        for done, file in enumerate(files, start=1):
            began = time.perf_counter()
            if is_table_name(file.path):
                source = _add_table(parts, file.path, config)
            else:
                source = _add_capture(parts, file, config, rule)
            if config.strict and source.faults:
                raise InputError(
                    "sources without faults (--strict)", _said(file.path, source), "mend it, or leave it out"
                )
            found.append(source)
            seconds = time.perf_counter() - began
            yield FileRead(source.file, done, len(files), source.packets, source.flows, seconds, source.faults)
        _finish(parts, found, config)


def _check_label_of_standard_input(labels: str) -> None:
    if labels in ("folder", "file"):
        raise InputError(
            "a label for standard input",
            f"--labels {labels}, but it has neither folder nor name",
            "pass --unlabelled, or a table with a line for the file '-' to --labels",
        )


def _said(path: Path, source: Source) -> str:
    first = [f"{reason}: {count:,}" for reason, count in list(source.faults.items())[:3]]
    more = len(source.faults) - len(first)
    return f"{path}: {'; '.join(first)}" + (f"; and {more} more" if more else "")


def _add_capture(parts: _Parts, file: SourceFile, config: PrepareConfig, rule: Labels) -> Source:
    path = file.path
    try:
        reader = FlowReader(
            path,
            packets=config.packets or DEFAULT_PACKETS,
            min_packets=config.min_packets,
            timeout_s=config.flow_timeout,
            inner=config.inner,
        )
    except InputError:
        if file.named:
            raise
        return Source(file=path.name, sha256="", packets=0, flows=0, faults={NO_CAPTURE: 1})
    unnamed = 0
    for batch in reader:
        labels = rule(path, batch.flows)
        unnamed += labels.null_count()
        _add_flows(parts, batch, labels, path.name)
    read = reader.summary
    faults = dict(read.faults)
    if unnamed:
        faults[NO_LABEL] = unnamed
    return Source(
        file=path.name,
        sha256=read.sha256,
        bytes=read.bytes,
        packets=read.packets,
        first_ns=read.first_ns if read.packets else None,
        last_ns=read.last_ns if read.packets else None,
        flows=read.flows - unnamed,
        short_flows=read.short_flows,
        links=read.links,
        faults=faults,
    )


def _add_flows(parts: _Parts, batch: FlowBatch, labels: pl.Series, source: str) -> None:
    """A batch's flows as traces, and their packets; flows without a label are left out."""
    flows = batch.flows.with_columns(
        labels.alias("label"),
        pl.lit(source).alias("source"),
        pl.int_range(parts.rows, parts.rows + pl.len()).alias("trace_id"),
    )
    before = parts.rows - (flows["flow_id"][0] if len(flows) else 0)
    place = pl.col("flow_id") + before - parts.rows
    opening = pl.when(pl.col("index") == 0).then(place)
    packets = batch.packets
    if labels.null_count():
        packets = packets.filter(pl.lit(labels.is_not_null()).gather(place))
    packets = packets.select(
        (pl.col("flow_id") + before).alias("trace_id"),
        pl.all().exclude("flow_id"),
        *(pl.lit(flows[name]).gather(opening) for name in TUPLE),  # once a trace
    )
    parts.rows += len(flows)
    flows = flows.filter(pl.col("label").is_not_null())
    groups = flows.select(pl.lit("trace ") + pl.col("trace_id").cast(pl.String)).to_series()
    parts.add(conform(flows), groups)
    parts.writer.packets.add(packets)


def _add_table(parts: _Parts, path: Path, config: PrepareConfig) -> Source:
    traces, groups = traces_of_table(
        read_table(path),
        parse_columns(config.columns),
        strip_padding=config.strip_padding,
        unlabelled=UNLABELLED if config.unlabelled else None,
    )
    if config.packets:
        traces = traces.with_columns(pl.col(name).list.head(config.packets) for name in channel_names(traces))
    short = traces["n_packets"] < config.min_packets
    ids = pl.int_range(parts.rows, parts.rows + len(traces), eager=True)
    traces = traces.with_columns(ids.alias("trace_id"), pl.lit(path.name).alias("source"))
    names = ("trace " + ids.cast(pl.String)) if groups is None else ("group " + groups.cast(pl.String))
    parts.add(traces.filter(~short), names.filter(~short))
    parts.rows += len(traces)
    return Source(
        file=path.name,
        sha256=sha256(path),
        bytes=path.stat().st_size,
        packets=int(traces["n_packets"].sum()),
        flows=len(traces) - int(short.sum()),
        short_flows=int(short.sum()),
        faults={},
    )


def _finish(parts: _Parts, sources: list[Source], config: PrepareConfig) -> None:
    rest = pl.concat(parts.rest) if parts.rest else pl.DataFrame()
    parts.rest.clear()
    if not len(rest):
        raise InputError("at least one flow in the sources", "none", "check the captures with 'netdiffus info CAPTURE'")
    rng = np.random.default_rng(config.seed)
    split = splitting.split(rest["label"], rest["group"], config.test, rng)
    card = DatasetCard(
        hash="",
        sources=sources,
        labels=_label_counts(rest["label"], split),
        channels=[
            ChannelInfo(name=name, kind=CHANNELS[name].kind, unit=CHANNELS[name].unit) for name in parts.channels
        ],
        bin_ns=None,
        packets=config.packets or (DEFAULT_PACKETS if parts.writer.packets else None),
        split=SplitInfo(rule=splitting.RULE, test=config.test, seed=config.seed),
        anonymised=False,
        test_duplicates=int(splitting.duplicates(split, rest["key"]).sum()),
    )
    del rest  # what follows needs room
    parts.writer.finish(card, split)


def _label_counts(labels: pl.Series, split: pl.Series) -> dict[str, dict[str, int]]:
    counts = {label: {"train": 0, "test": 0} for label in sorted(labels.unique().to_list())}
    for label, part, count in pl.DataFrame([labels, split.alias("split")]).group_by("label", "split").len().iter_rows():
        counts[label][part] = count
    return counts
