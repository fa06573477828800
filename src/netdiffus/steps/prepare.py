"""prepare: captures, folders of captures and tables become a dataset folder."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from netdiffus.errors import InputError
from netdiffus.steps.sources.accounting import account_for_file, account_for_flows, in_words, left_out, no_labels
from netdiffus.steps.sources.find import STANDARD_INPUT, SourceFile, distinct, find_files, folders_without_captures
from netdiffus.steps.sources.gasf_images import parse_range, read_gasf
from netdiffus.steps.sources.label_choice import check_label_of_standard_input, label_choice, label_notes, single_traces
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.steps.sources.tables import TableSource, read_table_source, table_rule, table_source, tables_below
from netdiffus.store.account import check_result
from netdiffus.store.cards import ChannelInfo, DatasetCard, Source, SplitInfo
from netdiffus.store.dataset import DATASET, DatasetWriter, dataset_writer
from netdiffus.store.publish import check_folder
from netdiffus.text import as_text
from netdiffus.traffic import split as splitting
from netdiffus.traffic.anonymise.cryptopan import read_key
from netdiffus.traffic.anonymise.rewrite import anonymise
from netdiffus.traffic.flows.bin_reader import BinReader
from netdiffus.traffic.flows.bins import DEFAULT_BINS
from netdiffus.traffic.flows.reader import FlowBatch, FlowReader
from netdiffus.traffic.labels.account import LabelAccount
from netdiffus.traffic.labels.rules import TUPLE, FolderLabels, Labels, MapLabels, label_of_file
from netdiffus.traffic.tables.files import is_table_name
from netdiffus.traffic.traces import CHANNELS, channel_names, conform
from netdiffus.traffic.zero_gaps import ZeroGaps
from netdiffus.wire.headers.fields import NO_IP
from netdiffus.wire.headers.tunnel_names import SEEN

DEFAULT_PACKETS = 64
NO_CAPTURE = "file is no capture or cannot be read"
NO_LABEL = "flow has no label in the table, left out"


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
    rest: list[pl.DataFrame] = field(default_factory=list)  # label, group, key and split of each trace
    notes: list[str] = field(default_factory=list)  # how sources were read
    side: str | None = None  # of the sources that are read now: "train" or "test"; None: it is drawn
    account: LabelAccount = field(default_factory=LabelAccount)
    zero_gaps: ZeroGaps = field(default_factory=ZeroGaps)

    def add(self, traces: pl.DataFrame, groups: pl.Series) -> None:
        """Traces (conform) in order; rows of one group stay on one side of the split, unless the source says which."""
        names = channel_names(traces)
        if self.channels and names != self.channels:
            raise InputError(
                "sources with the same channels",
                " and ".join(sorted("+".join(kind) for kind in (names, self.channels))),
                "prepare them apart",
            )
        self.channels = names
        self.zero_gaps.add(traces)
        self.writer.traces.add(traces)
        said = splitting.given(traces["split"], self.side or "")
        self.rest.append(pl.DataFrame([traces["label"], groups.alias("group"), splitting.keys(traces, names), said]))


def prepare(sources: Sequence[Path], out: Path, config: PrepareConfig) -> Generator[FileRead, None, None]:
    """Read every source, split, and write the dataset folder `out`; yields a record per file.

    Memory grows with the number of traces, by some 50 bytes each, and with the flows that are open at one time.

    Raises:
        InputError: a source is missing, is no capture or table, or has no labels; or it has faults and config.strict
            is set. Nothing is written then.
    """
    key = None if config.anonymise is None else read_key(Path(config.anonymise))
    rule = label_choice(config)
    files = _files(sources, config)
    own_test = isinstance(config.test, str)
    tests = _files([Path(str(config.test))], config) if own_test else []
    named_tables = [config.gasf is not None or is_table_name(file.path) for file in [*files, *tests]]
    config.check_sources(tables=any(named_tables), captures=not all(named_tables))
    both = {file.path.resolve() for file in files} & {file.path.resolve() for file in tests}
    if both:
        raise InputError(
            "other files for --test than for training", f"{min(both).name} as both", "name it once, with --test"
        )
    if any(file.path == STANDARD_INPUT for file in [*files, *tests]) and not config.unlabelled:
        check_label_of_standard_input(config.labels or "folder")
    inputs = [*sources, *(file.path for file in [*files, *tests]), *_tables_of(config)]
    check_folder(out, DATASET, inputs)
    for path in inputs:
        check_result(path)
    found: list[Source] = []
    with dataset_writer(out, inputs) as writer:
        parts = _Parts(writer)
        parts.notes += label_notes(rule, config, [file.path for file in [*files, *tests]])
        for done, file in enumerate([*files, *tests], start=1):
            began = time.perf_counter()
            parts.side = ("train" if done <= len(files) else "test") if own_test else None
            if config.gasf is not None:
                source = _add_images(parts, file.path, config, rule)
            elif is_table_name(file.path):
                one = len(files) + len(tests) == 1
                table = read_table_source(file.path, config, table_rule(config, rule), parts.rows, alone=one)
                source = _add_table(parts, table)
            else:
                source = _add_capture(parts, file, config, rule, key)
            if config.strict:
                _check_faults(file.path, source)
            found.append(source)
            seconds = time.perf_counter() - began
            total = len(files) + len(tests)
            yield FileRead(source.file, done, total, source.packets, source.flows, seconds, source.faults)
        if key is not None and not writer.packets:
            raise InputError(
                "packets of captures for --anonymise", "only tables or bins, without addresses", "leave it out"
            )
        if isinstance(rule, MapLabels):
            parts.account.add(rule.left_out())
        bare = folders_without_captures(sources, files) if isinstance(rule, FolderLabels) else []
        _finish(parts, found, config, rule.unused() if isinstance(rule, MapLabels) else no_labels(bare))


def _tables_of(config: PrepareConfig) -> list[Path]:
    """What is read beside the sources: the key, and the table of labels."""
    return [Path(name) for name in (config.anonymise, config.labels) if name not in (None, "folder", "file")]


def _files(sources: Sequence[Path], config: PrepareConfig) -> list[SourceFile]:
    if config.gasf is not None:  # a folder of images is one source
        return distinct((source, SourceFile(source, named=True)) for source in sources)
    return find_files(tables_below(sources) if config.columns is not None else sources)


def _check_faults(path: Path, source: Source) -> None:
    """Raise InputError if anything was left out or is odd, but frames of other protocols and tunnels as flows."""
    faults = [f"{reason}: {n:,}" for reason, n in source.faults.items() if not reason.startswith((NO_IP, SEEN))]
    if faults:
        said = "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")
        raise InputError("sources without faults (--strict)", f"{path}: {said}", "mend it, or leave it out")


def _reader(path: Path, config: PrepareConfig, least: int) -> FlowReader:
    timeout, inner = config.flow_timeout, config.inner
    if config.bin_ns:
        limit = config.packets
        return BinReader(path, bin_ns=config.bin_ns, limit=limit, min_packets=least, timeout_s=timeout, inner=inner)
    packets = config.packets or DEFAULT_PACKETS
    return FlowReader(path, packets=packets, min_packets=least, timeout_s=timeout, inner=inner)


def _add_capture(parts: _Parts, file: SourceFile, config: PrepareConfig, rule: Labels, key: bytes | None) -> Source:
    path, by_flow = file.path, isinstance(rule, MapLabels)
    try:
        # which label a short flow has is known once it was looked up
        reader = _reader(path, config, 1 if by_flow else config.min_packets)
    except InputError:
        if file.named:
            raise
        account_for_file(parts.account, label_of_file(rule, path), {NO_CAPTURE: 1})
        return Source(file=as_text(path.name), sha256="", packets=0, flows=0, faults={f"{NO_CAPTURE}, left out": 1})
    unnamed = short = 0
    for batch in reader:
        labels = rule(path, batch.flows)
        unnamed += labels.null_count()
        if key is not None:
            batch = FlowBatch(*anonymise(*batch, key))
        short += account_for_flows(parts.account, batch.flows, labels, config.min_packets)
        labels = labels.zip_with(batch.flows["n_packets"] >= config.min_packets, pl.Series([None], dtype=pl.String))
        _add_flows(parts, batch, labels, as_text(path.name), keep_packets=config.bin_ns is None)
    read = reader.summary
    if not by_flow or not read.flows:
        account_for_file(parts.account, label_of_file(rule, path), read.faults, read)
    faults = dict(read.faults)
    if unnamed:
        faults[NO_LABEL] = unnamed
    return Source(
        file=as_text(path.name),
        sha256=read.sha256,
        bytes=read.bytes,
        packets=read.packets,
        first_ns=read.first_ns if read.packets else None,
        last_ns=read.last_ns if read.packets else None,
        flows=read.flows - unnamed - short,
        short_flows=read.short_flows + short,
        links=read.links,
        faults=faults,
    )


def _add_flows(parts: _Parts, batch: FlowBatch, labels: pl.Series, source: str, *, keep_packets: bool) -> None:
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
    if keep_packets:
        parts.writer.packets.add(packets)


def _add_images(parts: _Parts, path: Path, config: PrepareConfig, rule: Labels) -> Source:
    bounds = parse_range(config.gasf or "")
    labels, most = table_rule(config, rule), config.max_values
    found = read_gasf(path, bounds, labels, strip_padding=config.strip_padding, most_values=most)
    return _add_table(parts, table_source(found.read, path, found.digest, config, parts.rows))


def _add_table(parts: _Parts, table: TableSource) -> Source:
    parts.add(table.traces, table.groups)
    parts.rows += table.rows
    parts.notes += table.notes
    parts.account.add(table.account)
    return table.source


def _finish(parts: _Parts, sources: list[Source], config: PrepareConfig, unused: dict[str, int]) -> None:
    rest = pl.concat(parts.rest) if parts.rest else pl.DataFrame()
    parts.rest.clear()
    if not len(rest):
        said = "; ".join(["none", *in_words(parts.account)])
        raise InputError("at least one flow in the sources", said, "check the captures with 'netdiffus info CAPTURE'")
    rng = np.random.default_rng(config.seed)
    drawn = splitting.split(rest["label"], rest["group"], config.test_share, rng)
    is_given = rest["split"] != ""
    split = splitting.given(rest["split"], drawn)
    share = round(float(np.mean(split.to_numpy() == "test")), 4) if is_given.all() else config.test_share
    faults = dict(unused)
    untested = splitting.untested(rest["label"], split)
    if untested and config.test:
        faults["label has no test part, its traces are of one group or in one source"] = untested
    captures = any(source.links for source in sources)
    labels = _label_counts(rest["label"], split, parts.account.labels)
    card = DatasetCard(
        hash="",
        sources=sources,
        labels=labels,
        left_out=left_out(parts.account, labels),
        warnings=[*parts.zero_gaps.warnings(), *single_traces(labels)],
        channels=[
            ChannelInfo(name=name, kind=CHANNELS[name].kind, unit=CHANNELS[name].unit) for name in parts.channels
        ],
        bin_ns=None if config.bin_ns is None else config.bin_ns * (config.sum or 1),
        packets=config.packets or ((DEFAULT_BINS if config.bin_ns else DEFAULT_PACKETS) if captures else None),
        split=SplitInfo(rule=splitting.rule(is_given, config.window is not None), test=share, seed=config.seed),
        anonymised=config.anonymise is not None,
        faults=faults,
        notes=parts.notes,
        test_duplicates=int(splitting.duplicates(split, rest["key"]).sum()),
    )
    shared = rest["group"].n_unique() < len(rest)
    # as numbers: names may tell of hosts or people
    group = rest["group"].fill_null("").rank("dense").cast(pl.Int64) - 1 if shared else None
    del rest  # what follows needs room
    parts.writer.finish(card, split, group)


def _label_counts(labels: pl.Series, split: pl.Series, asked: Sequence[str]) -> dict[str, dict[str, int]]:
    """Traces by label and part of the split, also of labels that were asked for and have none."""
    counts = {label: {"train": 0, "test": 0} for label in sorted({*labels.unique().to_list(), *asked})}
    for label, part, count in pl.DataFrame([labels, split.alias("split")]).group_by("label", "split").len().iter_rows():
        counts[label][part] = count
    return counts
