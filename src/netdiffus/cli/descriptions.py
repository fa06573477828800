"""What `info` prints of a dataset, a model, a report, images, a capture or a table, as plain aligned text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path

from netdiffus.api.describe import (
    CaptureDescription,
    DatasetDescription,
    Description,
    ImagesDescription,
    ModelDescription,
    ReportDescription,
    TableDescription,
    describe,
)
from netdiffus.cli.say import say, say_table
from netdiffus.store.cards import DatasetCard, Source
from netdiffus.store.dataset import PACKETS

MOST_FILES = MOST_LEFT_OUT = 20


def print_info(path: Path, *, as_json: bool = False) -> None:
    """Describe what is at a path, as text or as JSON.

    Raises:
        InputError: nothing that can be described, or files of two results.
    """
    found = describe(path)
    if as_json:
        print(json.dumps(found.to_json(), indent=1))
    else:
        print_description(found)


@singledispatch
def print_description(found: Description) -> None:
    """Print a description as text, by its kind."""
    raise TypeError(f"no text for {type(found).__name__}")


@print_description.register
def _dataset(found: DatasetDescription) -> None:
    """Sources, labels, channels, split."""
    card = found.card
    say(f"dataset: {found.path}  (format {card.format}, netdiffus {card.netdiffus}, hash {card.hash[:16]})")
    _sources(card)
    say("channels: " + ", ".join(f"{channel.name} ({channel.unit})" for channel in card.channels))
    if card.packets == "all":
        say("kept: all packets of each flow")
    elif card.packets:
        say(f"kept: the first {card.packets:,} {'bins' if card.bin_ns else 'packets'} of each flow")
    if card.bin_ns:
        say(f"bins: {card.bin_ns / 1e6:,.12g} ms")
    say(
        f"split: {card.split.rule}; test share {card.split.test:g}, seed {card.split.seed}; "
        f"{card.test_duplicates:,} test traces equal a training trace"
    )
    if found.addresses is not None:
        say(f"addresses: {'mapped by Crypto-PAn' if found.addresses == 'mapped' else 'as captured, in ' + PACKETS}")
    _labels(card)
    _faults(card)


def _faults(card: DatasetCard) -> None:
    """What was odd in all sources, notes and warnings."""
    total = Counter[str]()
    for source in card.sources:
        total.update(source.faults)
    for reason, count in total.most_common():
        files = [source.file for source in card.sources if reason in source.faults]
        named = ", ".join(files[:2]) + (f" and {len(files) - 2} more" if len(files) > 2 else "")
        say(f"fault: {reason}: {count:,} (in {named})")
    for reason, count in card.faults.items():
        say(f"fault: {reason}: {count:,}")
    for note in card.notes:
        say(f"note: {note}")
    for warning in card.warnings:
        say(f"warning: {warning}")


def _sources(card: DatasetCard) -> None:
    """What was read of each file, where there are not too many, and of all together."""
    rows = [_source_row(source.file, [source]) for source in card.sources]
    if len(rows) > MOST_FILES:
        say(f"sources: {len(rows):,} files; dataset.json says of each what follows for all")
        rows = []
    if len(card.sources) > 1:
        rows.append(_source_row(f"all {len(card.sources):,} files", card.sources))
    say_table(("source", "packets", "bytes", "seconds", "flows", "short flows", "faults"), rows)


def _source_row(name: str, sources: Sequence[Source]) -> tuple[object, ...]:
    spans = [
        source.last_ns - source.first_ns
        for source in sources
        if source.first_ns is not None and source.last_ns is not None
    ]
    seconds = f"{sum(spans) / 1e9:,.3f}" if spans else "–"
    columns = ("packets", "bytes", "flows", "short_flows")
    packets, stored, flows, short = (sum(getattr(source, column) for source in sources) for column in columns)
    return name, packets, stored, seconds, flows, short, sum(sum(source.faults.values()) for source in sources)


def _labels(card: DatasetCard) -> None:
    """The labels of a dataset with their counts, and what was left out of each; those without a trace first."""
    say_table(("label", "train", "test"), ((label, c["train"], c["test"]) for label, c in card.labels.items()))
    order = sorted(card.left_out, key=lambda label: sum(card.labels.get(label, {}).values()) > 0)
    lines = [f"{label}: {line}" for label in order for line in card.left_out[label]]
    for line in lines[:MOST_LEFT_OUT]:
        say(line)
    if len(lines) > MOST_LEFT_OUT:
        say(f"... and {len(lines) - MOST_LEFT_OUT:,} more lines in dataset.json, left_out")


@print_description.register
def _model(found: ModelDescription) -> None:
    from netdiffus.models.card import attack_said, base_said, breaks_said

    manifest = found.manifest
    card, options, codec = manifest.card, manifest.options, manifest.codec
    say(f"model: {found.path}  (format {card.format}, netdiffus {card.netdiffus})")
    source = f"dataset {card.dataset[:16]}" if card.privacy is None else "dataset not named"
    say(f"image: {options.image}, preset: {options.preset}, seed {card.seed}, {source}")
    if base := base_said(manifest):
        say(f"base: {base}")
    threads = "" if card.threads is None else f" ({card.threads} thread{'s' if card.threads > 1 else ''})"
    best = (
        f"; best validation loss {card.validation['loss']:.4g} after {card.validation['step']:,.0f} steps"
        if card.validation
        else ""
    )
    say(f"trained: {card.steps:,} steps in {card.seconds:,.0f} s on {card.device}{threads}{best}")
    say(f"traces: {', '.join(codec.channels)}, up to {codec.length} positions")
    if said := breaks_said(manifest):
        say(f"arrivals: {said}")
    if attack := attack_said(manifest):
        say(f"privacy: {attack}")
    if card.privacy is not None:
        say(f"privacy: {card.privacy.sentence}")
        rows = ((each.name, f"{each.sigma:.4g}", each.cells, each.sensitivity) for each in card.privacy.entries)
        say_table(("counted with noise", "standard deviation", "counts of a unit", "by at most"), rows)
    say_table(("label", "training traces"), card.labels.items())


@print_description.register
def _report(found: ReportDescription) -> None:
    from netdiffus.report import figure

    say(f"report: {found.path}")
    cells = (
        (s.name, figure(s.value, s.unit), figure(s.floor, s.unit), figure(s.ceiling, s.unit)) for s in found.scores
    )
    say_table(("score", "value", "floor", "ceiling"), cells)


@print_description.register
def _images(found: ImagesDescription) -> None:
    card = found.card
    say(f"images: {found.path}  (format {card.format}, netdiffus {card.netdiffus})")
    say(f"files: {_counts(found.files)}")
    say("labels: " + ", ".join(card.labels))


@print_description.register
def _table(found: TableDescription) -> None:
    """If it is not one of ours, its columns."""
    say(f"table: {found.path}, {found.rows:,} rows")
    say("columns: " + ", ".join(f"{name} ({kind})" for name, kind in found.columns.items()))
    say("channels: " + (", ".join(found.channels) or "none by name; name them with --columns in 'prepare'"))
    if found.labels is not None:
        say_table(("label", "traces"), found.labels.items())


@print_description.register
def _capture(found: CaptureDescription) -> None:
    """Packets, time, flows, faults."""
    summary = found.summary
    span = ((summary.last_ns or 0) - (summary.first_ns or 0)) / 1e9
    say(f"capture: {found.path}  (sha256 {summary.sha256[:16]}, {summary.bytes:,} bytes)")
    say(f"packets: {summary.packets:,} in {span:,.3f} s; link types: {_counts(summary.links)}")
    say(f"flows: {summary.flows:,}")
    say_table(("protocol", "flows"), found.protocols.items())
    for reason, count in summary.faults.items():
        say(f"fault: {reason}: {count:,}")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
