"""Captures as sources of `prepare`: their flows become traces, and their packets are kept."""

from __future__ import annotations

from collections import Counter

import polars as pl

from netdiffus.errors import InputError
from netdiffus.steps.sources.accounting import TOO_SHORT, account_for_file, account_for_flows
from netdiffus.steps.sources.find import SourceFile
from netdiffus.steps.sources.intake import Intake, Reading
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.store.cards import Source
from netdiffus.text import as_text
from netdiffus.traffic.anonymise.rewrite import anonymise
from netdiffus.traffic.flows.bin_reader import BinReader
from netdiffus.traffic.flows.frames import TOLD
from netdiffus.traffic.flows.reader import FlowBatch, FlowReader
from netdiffus.traffic.flows.seen import CaptureSummary
from netdiffus.traffic.flows.segments import FlowOptions
from netdiffus.traffic.labels.rules import TUPLE, MapLabels, label_of_file
from netdiffus.traffic.payload.tally import TELL
from netdiffus.traffic.traces import conform

DEFAULT_PACKETS = 64
"""Of a flow, that are kept."""
EVERY = (1 << 31) - 1
"""Kept of a flow with --packets all: an index of 32 bits numbers them."""
NO_CAPTURE = "file is no capture or cannot be read"
NO_LABEL = "flow has no label in the table, left out"


def flow_options(config: PrepareConfig) -> FlowOptions:
    """How packets become flows."""
    packets = EVERY if config.packets == "all" else config.first or DEFAULT_PACKETS
    return FlowOptions(packets, config.flow_timeout, config.inner, TELL if config.payload_shapes else (0, 0))


def least_packets(reading: Reading) -> int:
    """With how many packets flows are read; which label a short one has is known once it was looked up."""
    return 1 if isinstance(reading.rule, MapLabels) else reading.config.min_packets


def _reader(file: SourceFile, config: PrepareConfig, least: int) -> FlowReader:
    path = [file.path, *file.more] if file.more else file.path
    timeout, inner = config.flow_timeout, config.inner
    if config.bin_ns:
        limit = config.first
        return BinReader(path, bin_ns=config.bin_ns, limit=limit, min_packets=least, timeout_s=timeout, inner=inner)
    options = flow_options(config)
    return FlowReader(path, min_packets=least, **options._asdict())


def add_capture(intake: Intake, file: SourceFile, reading: Reading) -> Source:
    """The flows of a capture as traces, and their packets; returns what the card says of the file.

    Raises:
        InputError: the user named it, and it is no capture.
    """
    path, rule = file.path, reading.rule
    try:
        reader = _reader(file, reading.config, least_packets(reading))
    except InputError:
        if file.named:
            raise
        account_for_file(intake.account, label_of_file(rule, path), {NO_CAPTURE: 1})
        return Source(file=as_text(file.called), sha256="", packets=0, flows=0, faults={f"{NO_CAPTURE}, left out": 1})
    lost, number = Counter[str](), intake.rows
    for batch in reader:
        lost += add_batch(intake, file, reading, batch, number)
    return finish_capture(intake, file, reading, reader.summary, lost)


def add_batch(intake: Intake, file: SourceFile, reading: Reading, batch: FlowBatch, capture: int) -> Counter[str]:
    """Some flows of a capture as traces; returns how many have no label (NO_LABEL), and too few packets (TOO_SHORT).

    Args:
        capture: its number.
    """
    config, key = reading.config, reading.key
    labels = reading.rule(file.path, batch.flows)
    unnamed = labels.null_count()
    if config.payload_shapes:
        named = labels.zip_with(batch.flows["n_packets"] >= config.min_packets, pl.Series([None], dtype=pl.String))
        batch = _tallied(intake, batch, named)
    if key is not None:
        batch = FlowBatch(*anonymise(*batch, key))
    short = account_for_flows(intake.account, batch.flows, labels, config.min_packets)
    labels = labels.zip_with(batch.flows["n_packets"] >= config.min_packets, pl.Series([None], dtype=pl.String))
    _add_flows(intake, batch, labels, as_text(file.called), capture, config)
    return Counter({NO_LABEL: unnamed, TOO_SHORT: short})


def finish_capture(
    intake: Intake, file: SourceFile, reading: Reading, read: CaptureSummary, lost: Counter[str]
) -> Source:
    """What the card says of a capture that was read; `lost` is the sum of what add_batch gave."""
    if not isinstance(reading.rule, MapLabels) or not read.flows:
        account_for_file(intake.account, label_of_file(reading.rule, file.path), read.faults, read)
    faults = dict(read.faults)
    if lost[NO_LABEL]:
        faults[NO_LABEL] = lost[NO_LABEL]
    return Source(
        file=as_text(file.called),
        sha256=read.sha256,
        bytes=read.bytes,
        packets=read.packets,
        first_ns=read.first_ns if read.packets else None,
        last_ns=read.last_ns if read.packets else None,
        flows=read.flows - lost[NO_LABEL] - lost[TOO_SHORT],
        short_flows=read.short_flows + lost[TOO_SHORT],
        links=read.links,
        faults=faults,
    )


def _ends(flows: pl.DataFrame, capture: int) -> pl.DataFrame:
    """Rows of ENDS of flows with all their packets."""
    end_ns = pl.col("start_ns") + pl.col("gap_ns").list.sum()
    return flows.select(pl.lit(capture, pl.Int64).alias("capture"), "client", "start_ns", end_ns.alias("end_ns"))


def _tallied(intake: Intake, batch: FlowBatch, labels: pl.Series) -> FlowBatch:
    """The batch without payload, of which the intake's tally takes note; rows are those that the flows will have."""
    before = sum(map(len, intake.rest))
    flows = batch.flows.with_columns(labels.alias("label")).rename({"flow_id": "trace_id"})
    flows = flows.filter(pl.col("label").is_not_null()).with_row_index("row", before)
    intake.tally.add(flows, batch.packets.rename({"flow_id": "trace_id"}))
    return FlowBatch(batch.flows, batch.packets.drop(TOLD))


def _add_flows(
    intake: Intake, batch: FlowBatch, labels: pl.Series, source: str, capture: int, config: PrepareConfig
) -> None:
    """A batch's flows as traces, and their packets; flows without a label are left out.

    Args:
        source: name of the file. capture: its number.
    """
    flows = batch.flows.with_columns(
        labels.alias("label"),
        pl.lit(source).alias("source"),
        pl.int_range(intake.rows, intake.rows + pl.len()).alias("trace_id"),
    )
    before = intake.rows - (flows["flow_id"][0] if len(flows) else 0)
    place = pl.col("flow_id") + before - intake.rows
    opening = pl.when(pl.col("index") == 0).then(place)
    packets = batch.packets
    if labels.null_count():
        packets = packets.filter(pl.lit(labels.is_not_null()).gather(place))
    packets = packets.select(
        (pl.col("flow_id") + before + intake.first_id).alias("trace_id"),
        pl.all().exclude("flow_id"),
        *(pl.lit(flows[name]).gather(opening) for name in TUPLE),  # once a trace
    )
    intake.rows += len(flows)
    flows = flows.filter(pl.col("label").is_not_null())
    groups = flows.select(pl.lit("trace ") + pl.col("trace_id").cast(pl.String)).to_series()
    intake.add(conform(flows), groups)
    if config.packets == "all" and not config.bin_ns:
        intake.ends.append(_ends(flows, capture))
    if not config.bin_ns:
        intake.writer.packets.add(packets)
