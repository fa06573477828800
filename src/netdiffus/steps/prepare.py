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
from netdiffus.store.atomic import check_replaceable
from netdiffus.store.cards import ChannelInfo, DatasetCard, Source, SplitInfo
from netdiffus.store.dataset import sha256, write_dataset
from netdiffus.traffic import split as splitting
from netdiffus.traffic.flows import flows_of_capture
from netdiffus.traffic.labels import TUPLE, UNLABELLED, Labels, OneLabel, is_capture_name, label_rule
from netdiffus.traffic.tables import is_table_name, parse_columns, read_table, traces_of_table
from netdiffus.traffic.traces import CHANNELS, channel_names, conform

DEFAULT_PACKETS = 64


class PrepareConfig(Config):
    """What can be chosen in `prepare`."""

    labels: str = "folder"
    unlabelled: bool = False
    packets: int | None = Field(None, ge=1)  # None: DEFAULT_PACKETS of a capture's flow, all of a table's row
    min_packets: int = Field(1, ge=1)
    flow_timeout: float = Field(120.0, gt=0)
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
    """What the sources gave so far."""

    traces: list[pl.DataFrame] = field(default_factory=list)
    packets: list[pl.DataFrame] = field(default_factory=list)
    groups: list[pl.Series] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    rows: int = 0


def prepare(sources: Sequence[Path], out: Path, config: PrepareConfig) -> Generator[FileRead, None, None]:
    """Read every source, split, and write the dataset folder `out`; yields a record per file.

    Raises:
        InputError: a source is missing, is no capture or table, or has no labels; nothing is written then.
    """
    check_replaceable(out, DatasetCard.FILE)
    rule: Labels = OneLabel() if config.unlabelled else label_rule(config.labels)
    files = find_files(sources)
    parts = _Parts()
    for done, path in enumerate(files, start=1):
        began = time.perf_counter()
        if is_table_name(path):
            _add_table(parts, path, config)
        else:
            _add_capture(parts, path, config, rule)
        source = parts.sources[-1]
        yield FileRead(
            source.file, done, len(files), source.packets, source.flows, time.perf_counter() - began, source.faults
        )
    _write(parts, out, config)


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


def _add_capture(parts: _Parts, path: Path, config: PrepareConfig, rule: Labels) -> None:
    read = flows_of_capture(
        path, packets=config.packets or DEFAULT_PACKETS, min_packets=config.min_packets, timeout_s=config.flow_timeout
    )
    flows = read.flows.with_columns(
        rule(path, read.flows).alias("label"),
        pl.lit(path.name).alias("source"),
        (pl.col("flow_id") + parts.rows).alias("trace_id"),
    )
    faults = dict(read.summary.faults)
    unnamed = flows["label"].null_count()
    if unnamed:
        faults["flow has no label in the table"] = unnamed
        flows = flows.filter(pl.col("label").is_not_null())
    ids = read.packets.with_columns((pl.col("flow_id") + parts.rows).alias("trace_id"))
    tuples = flows.select("trace_id", *TUPLE, pl.lit(0, dtype=pl.Int32).alias("index"))
    packets = (
        ids.join(flows.select("trace_id"), on="trace_id", how="semi", maintain_order="left")
        .join(tuples, on=["trace_id", "index"], how="left", maintain_order="left")
        .select("trace_id", *[name for name in read.packets.columns if name != "flow_id"], *TUPLE)
    )
    parts.traces.append(conform(flows))
    parts.packets.append(packets)
    parts.groups.append(flows.select((pl.lit("trace ") + pl.col("trace_id").cast(pl.String)).alias("group"))["group"])
    parts.sources.append(
        Source(
            file=path.name, sha256=read.summary.sha256, packets=read.summary.packets, flows=len(flows), faults=faults
        )
    )
    parts.rows += len(read.flows)


def _add_table(parts: _Parts, path: Path, config: PrepareConfig) -> None:
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
    parts.traces.append(traces.filter(~short))
    parts.groups.append(names.filter(~short).alias("group"))
    faults = {f"trace is shorter than {config.min_packets} packets": int(short.sum())} if short.any() else {}
    packets = int(traces["n_packets"].sum())
    parts.sources.append(Source(file=path.name, sha256=sha256(path), packets=packets, flows=len(traces), faults=faults))
    parts.rows += len(traces)


def _write(parts: _Parts, out: Path, config: PrepareConfig) -> None:
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
    rng = np.random.default_rng(config.seed)
    traces = traces.with_columns(splitting.split(traces["label"], pl.concat(parts.groups), config.test, rng))
    card = DatasetCard(
        hash="",
        sources=parts.sources,
        labels=_label_counts(traces),
        channels=[ChannelInfo(name=name, kind=CHANNELS[name].kind, unit=CHANNELS[name].unit) for name in names],
        bin_ns=None,
        packets=config.packets or (DEFAULT_PACKETS if parts.packets else None),
        split=SplitInfo(rule=splitting.RULE, test=config.test, seed=config.seed),
        anonymised=False,
        test_duplicates=int(splitting.duplicates(traces, names).sum()),
    )
    write_dataset(out, card, traces, pl.concat(parts.packets) if parts.packets else None)


def _label_counts(traces: pl.DataFrame) -> dict[str, dict[str, int]]:
    counts = {label: {"train": 0, "test": 0} for label in sorted(traces["label"].unique().to_list())}
    for label, part, count in traces.group_by("label", "split").len().iter_rows():
        counts[label][part] = count
    return counts
