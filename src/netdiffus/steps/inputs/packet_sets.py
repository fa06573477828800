"""The packets behind the traces of a comparison: header columns of each part, and what the checker reports on them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.arrays import Ints
from netdiffus.compiler.header_columns import header_block, header_columns
from netdiffus.metrics.packets import Checked, Finding, Packets, PacketSets
from netdiffus.steps.inputs.load import LoadedTraces
from netdiffus.store.dataset import scan_packets
from netdiffus.wire.conformance.check import Conformance, check_capture
from netdiffus.wire.conformance.repair import repair_capture
from netdiffus.wire.files.writer import CaptureWriter
from netdiffus.wire.headers import links

FLOWS = 4_000  # of each part
CHECKED = 300  # flows of each side, one by one


def packet_sets(
    parts: list[tuple[LoadedTraces, pl.DataFrame]], length: int, rng: np.random.Generator
) -> PacketSets | None:
    """The packets of real training, real test and synthetic traces; None where one of them has none.

    Each part is what it was loaded from and its rows of the table of traces. At most 4,000 flows of each, drawn at
    random, and the first `length` packets of a flow.
    """
    frames = []
    for loaded, table in parts:
        if loaded.packets is None:
            return None
        frames.append(_sampled(loaded.packets, table, length, rng))
    if not all(map(len, frames)):
        return None
    train, test, synthetic = (_packets(frame) for frame in frames)
    checked = [_checked_flows(frame, rng) for frame in frames[1:]]
    # a test part split off the real traces is represented by all of their captures
    captures = [_checked_captures(loaded.captures) if loaded.captures else None for loaded, _ in parts[1:]]
    return PacketSets(train, test, synthetic, (checked[0], checked[1]), (captures[0], captures[1]))


def _sampled(dataset: Path, table: pl.DataFrame, length: int, rng: np.random.Generator) -> pl.DataFrame:
    """Rows of a dataset's packets.parquet of some of the traces, sorted by trace and index, with their label."""
    chosen = table.select("trace_id", "label")
    if len(chosen) > FLOWS:
        chosen = chosen[np.sort(rng.choice(len(chosen), FLOWS, replace=False))]
    rows = scan_packets(dataset).filter(pl.col("index") < length)
    return rows.join(chosen.lazy(), on="trace_id", how="inner").sort("trace_id", "index").collect(engine="streaming")


def _packets(frame: pl.DataFrame) -> Packets:
    first, owner = _flows(frame)
    return Packets(frame["label"].to_numpy().astype(np.str_)[first], header_columns(frame, owner))


def _flows(frame: pl.DataFrame) -> tuple[NDArray[np.intp], Ints]:
    """Where each flow begins, and the flow of each packet."""
    _, first, owner = np.unique(frame["trace_id"].to_numpy(), return_index=True, return_inverse=True)
    return first, owner.astype(np.int64)


def _checked_captures(captures: tuple[Path, ...]) -> Checked:
    """Whole captures, checked, repaired, and checked again."""
    before: list[Conformance] = []
    after: list[Conformance] = []
    changed = 0
    with TemporaryDirectory() as scratch:
        target = Path(scratch) / "repaired.pcapng"
        for path in captures:
            before.append(check_capture(path))
            repair = repair_capture(path, target)
            after.append(repair.left)
            changed += repair.changed
    return _summed(before, after, changed, f"{len(captures)} captures as they are")


def _checked_flows(frame: pl.DataFrame, rng: np.random.Generator) -> Checked:
    """Flows one by one, by their headers: those of one dataset may come from captures of the same hosts."""
    first, _ = _flows(frame)
    before: list[Conformance] = []
    after: list[Conformance] = []
    changed = 0
    ends = np.append(first[1:], len(frame))
    with TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "flow.pcap", Path(scratch) / "repaired.pcap"
        for flow in rng.permutation(len(first))[:CHECKED].tolist():
            block = header_block(frame[int(first[flow]) : int(ends[flow])])
            with source.open("wb") as file:
                CaptureWriter(file, ".pcap", link=links.RAW).write(block)
            before.append(check_capture(source))
            repair = repair_capture(source, target)
            after.append(repair.left)
            changed += repair.changed
    return _summed(before, after, changed, f"of {len(first):,}, headers only, one by one")


def _summed(before: list[Conformance], after: list[Conformance], changed: int, how: str) -> Checked:
    packets: Counter[str] = Counter()
    rules = {}
    for report in before:
        for finding in report.findings:
            packets[finding.rule.name] += finding.packets
            rules[finding.rule.name] = finding.rule
    findings = [Finding(name, rules[name].severity, count, rules[name].says) for name, count in packets.most_common()]
    return Checked(
        sum(report.flows for report in before),
        sum(report.clean_flows for report in before),
        sum(report.clean_flows for report in after),
        sum(report.packets for report in before),
        changed,
        tuple(findings),
        how,
    )
