"""What commands print: datasets, faults, models, captures and the figures that matter, as plain aligned text."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netdiffus.cli.say import say, say_next, say_table
from netdiffus.text import visible

if TYPE_CHECKING:
    from netdiffus.report import Headline, Verdict
    from netdiffus.steps.image import Loss
    from netdiffus.steps.outputs.capture import CaptureWritten
    from netdiffus.store.cards import DatasetCard, Source

MOST_FILES = MOST_LEFT_OUT = 20


def print_dataset(path: Path) -> None:
    """The dataset in a folder: sources, labels, channels, split."""
    from netdiffus.store.cards import DatasetCard
    from netdiffus.store.dataset import PACKETS

    card = DatasetCard.read(path)
    say(f"dataset: {path}  (format {card.format}, netdiffus {card.netdiffus}, hash {card.hash[:16]})")
    print_sources(card)
    say("channels: " + ", ".join(f"{channel.name} ({channel.unit})" for channel in card.channels))
    if card.packets:
        say(f"kept: the first {card.packets:,} {'bins' if card.bin_ns else 'packets'} of each flow")
    if card.bin_ns:
        say(f"bins: {card.bin_ns / 1e6:,.12g} ms")
    say(
        f"split: {card.split.rule}; test share {card.split.test:g}, seed {card.split.seed}; "
        f"{card.test_duplicates:,} test traces equal a training trace"
    )
    if (path / PACKETS).exists():
        say(f"addresses: {'mapped by Crypto-PAn' if card.anonymised else 'as captured, in ' + PACKETS}")
    print_labels(card)
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


def print_warnings(path: Path) -> None:
    """What a model of the dataset in a folder will suffer from, on standard error."""
    from netdiffus.store.cards import DatasetCard

    for warning in DatasetCard.read(path).warnings:
        print(visible(f"warning: {warning}"), file=sys.stderr)


def print_sources(card: DatasetCard) -> None:
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


def print_labels(card: DatasetCard) -> None:
    """The labels of a dataset with their counts, and what was left out of each; those without a trace first."""
    say_table(("label", "train", "test"), ((label, c["train"], c["test"]) for label, c in card.labels.items()))
    order = sorted(card.left_out, key=lambda label: sum(card.labels.get(label, {}).values()) > 0)
    lines = [f"{label}: {line}" for label in order for line in card.left_out[label]]
    for line in lines[:MOST_LEFT_OUT]:
        say(line)
    if len(lines) > MOST_LEFT_OUT:
        say(f"... and {len(lines) - MOST_LEFT_OUT:,} more lines in dataset.json, left_out")


def print_info(path: Path) -> None:
    """What is at a path: a dataset, a model, a report, a capture or a table.

    Raises:
        InputError: none of these, or files of two results.
    """
    from netdiffus.errors import InputError
    from netdiffus.store.account import check_result
    from netdiffus.store.cards import DatasetCard, ModelCard
    from netdiffus.store.report import SCORES
    from netdiffus.store.stage import check_whole
    from netdiffus.traffic.tables.files import is_table_name

    check_whole(path) if path.is_dir() else check_result(path)
    if (path / DatasetCard.FILE).exists():
        print_dataset(path)
    elif (path / ModelCard.FILE).exists():
        print_model(path)
    elif (path / SCORES).exists():
        print_report(path)
    elif path.is_dir():
        raise InputError(
            "a dataset, model, report, capture or table", f"{path}, a folder that is none", "name one of those"
        )
    elif is_table_name(path):
        print_table(path)
    else:
        print_capture(path)


def print_model(path: Path) -> None:
    """The model in a folder."""
    from netdiffus.models.manifest import read_model

    found = read_model(path)
    card, options, codec = found.card, found.options, found.codec
    say(f"model: {path}  (format {card.format}, netdiffus {card.netdiffus})")
    say(f"image: {options.image}, preset: {options.preset}, seed {card.seed}, dataset {card.dataset[:16]}")
    threads = "" if card.threads is None else f" ({card.threads} thread{'s' if card.threads > 1 else ''})"
    best = (
        f"; best validation loss {card.validation['loss']:.4g} after {card.validation['step']:,.0f} steps"
        if card.validation
        else ""
    )
    say(f"trained: {card.steps:,} steps in {card.seconds:,.0f} s on {card.device}{threads}{best}")
    say(f"traces: {', '.join(codec.channels)}, up to {codec.length} positions")
    print_breaks(path)
    say_table(("label", "training traces"), card.labels.items())


def print_breaks(path: Path) -> None:
    """How many breaks between recordings the model in a folder left out, if any."""
    from netdiffus.models.card import breaks_said
    from netdiffus.models.manifest import read_model

    if said := breaks_said(read_model(path)):
        say(f"arrivals: {said}")


def print_losses(losses: Sequence[Loss]) -> None:
    """What .png files have lost of the traces."""
    from netdiffus.traffic.traces import CHANNELS

    for loss in losses:
        unit = CHANNELS[loss.channel].unit.split(" ")[0]
        unit = "" if unit == "0" else f" {unit}"
        say(f"lost in .png: {loss.channel} {loss.mean:,.3g}{unit} on average, {loss.largest:,.0f}{unit} at most")
    if losses and losses[0].lengths:
        say(f"lost in .png: the length of {losses[0].lengths:,} traces")


def print_table(path: Path) -> None:
    """The traces in a table file; if it is not one of ours, its columns."""
    from netdiffus.traffic.tables.files import read_table
    from netdiffus.traffic.traces import channel_names

    frame = read_table(path)
    say(f"table: {path}, {len(frame):,} rows")
    say("columns: " + ", ".join(f"{name} ({dtype})" for name, dtype in frame.schema.items()))
    say("channels: " + (", ".join(channel_names(frame)) or "none by name; name them with --columns in 'prepare'"))
    if "label" in frame.columns:
        say_table(("label", "traces"), sorted(frame["label"].cast(str).value_counts().iter_rows()))


def print_capture(path: Path) -> None:
    """A capture: packets, time, flows, faults."""
    from netdiffus.errors import InputError
    from netdiffus.traffic.flows.reader import FlowReader

    if not path.exists():
        raise InputError("a dataset, model, capture or table", f"{path}, which does not exist", "check the path")
    reader = FlowReader(path, packets=1)
    protocols = Counter[str]()
    for batch in reader:
        protocols.update(dict(batch.flows["protocol"].value_counts().iter_rows()))
    summary = reader.summary
    span = ((summary.last_ns or 0) - (summary.first_ns or 0)) / 1e9
    say(f"capture: {path}  (sha256 {summary.sha256[:16]}, {summary.bytes:,} bytes)")
    say(f"packets: {summary.packets:,} in {span:,.3f} s; link types: {_counts(summary.links)}")
    say(f"flows: {summary.flows:,}")
    say_table(("protocol", "flows"), protocols.most_common())
    for reason, count in summary.faults.items():
        say(f"fault: {reason}: {count:,}")


def print_report(path: Path) -> None:
    """The scores of a report folder, over all labels."""
    from netdiffus.metrics import Score
    from netdiffus.report import figure
    from netdiffus.store.report import read_scores

    scores = [score for score in map(Score.from_dict, read_scores(path)) if score.label is None]
    say(f"report: {path}")
    cells = ((s.name, figure(s.value, s.unit), figure(s.floor, s.unit), figure(s.ceiling, s.unit)) for s in scores)
    say_table(("score", "value", "floor", "ceiling"), cells)


def print_headlines(headlines: Sequence[Headline]) -> None:
    """The figures that matter and what they mean."""
    for headline in headlines:
        say(f"{headline.title}: {headline.figure} ({headline.grade})")
        say(f"    {headline.verdict}")
        say(f"    {headline.good}")


def print_verdicts(verdicts: Sequence[Verdict]) -> None:
    """The four questions and their answers."""
    for verdict in verdicts:
        say(f"{verdict.question} {verdict.answer}")
        say(f"    {verdict.why}")


def print_written(written: CaptureWritten) -> None:
    """What was made of drawn flows, and what the rules of the wire changed in them."""
    from netdiffus.steps.outputs.capture_config import is_capture_name

    for path, packets in written.files.items():
        say(f"packets: {path}  ({packets:,})")
    say(f"flows: {written.flows:,}")
    for line in str(written.changes).splitlines():
        say(line)
    for reason, count in written.not_as_drawn.items():
        say(f"not as drawn: {reason}: {count:,}")
    first = next(iter(written.files))
    if is_capture_name(first):
        say("beside each: FILE.labels.csv, FILE.json")
        say_next("next", "check", first)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
