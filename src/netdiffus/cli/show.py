"""What commands print of their results: losses, written captures and the figures that matter, as plain aligned text."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netdiffus.cli.say import say, say_next
from netdiffus.text import visible

if TYPE_CHECKING:
    from netdiffus.report import Headline, Verdict
    from netdiffus.steps.images.gasf import Loss
    from netdiffus.steps.outputs.written import CaptureWritten


def print_warnings(path: Path) -> None:
    """What a model of the dataset in a folder will suffer from, on standard error."""
    from netdiffus.store.cards import DatasetCard
    from netdiffus.store.copies import fetched

    with fetched(path, DatasetCard.FILE) as folder:
        warnings = DatasetCard.read(folder).warnings
    for warning in warnings:
        print(visible(f"warning: {warning}"), file=sys.stderr)


def print_breaks(path: Path) -> None:
    """How many breaks between recordings the model in a folder left out, if any."""
    from netdiffus.models.card import breaks_said
    from netdiffus.models.manifest import read_model
    from netdiffus.store.cards import ModelCard
    from netdiffus.store.copies import fetched

    with fetched(path, ModelCard.FILE) as folder:
        said = breaks_said(read_model(folder))
    if said:
        say(f"arrivals: {said}")


def print_prompt(model: Path, prompt: str | None) -> None:
    """What the model of prompts in a folder does not know of a prompt, on standard error."""
    from netdiffus.models.manifest import read_model
    from netdiffus.models.prompts.codec import PromptCodec
    from netdiffus.models.prompts.facts import named_in
    from netdiffus.models.summary import drawn_labels
    from netdiffus.store.cards import ModelCard
    from netdiffus.store.copies import fetched

    if prompt is None:
        return
    with fetched(model, ModelCard.FILE) as folder:
        manifest = read_model(folder)
    if not isinstance(manifest.codec, PromptCodec):
        return
    labels, most = sorted(drawn_labels(manifest.card)), manifest.codec.length
    named = named_in(prompt, labels)
    if named.label is None:
        known = ", ".join(labels)
        print(visible(f"warning: the prompt names no label that the model knows ({known})"), file=sys.stderr)
    if named.packets is not None and named.packets > most:
        said = f"warning: the prompt names {named.packets:,} packets; the model's pictures show {most:,}"
        print(said, file=sys.stderr)


def print_losses(losses: Sequence[Loss]) -> None:
    """What .png files have lost of the traces."""
    from netdiffus.traffic.traces import CHANNELS

    for loss in losses:
        unit = CHANNELS[loss.channel].unit.split(" ")[0]
        unit = "" if unit == "0" else f" {unit}"
        say(f"lost in .png: {loss.channel} {loss.mean:,.3g}{unit} on average, {loss.largest:,.0f}{unit} at most")
    if losses and losses[0].lengths:
        say(f"lost in .png: the length of {losses[0].lengths:,} traces")


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
    from netdiffus.store.objects import shown

    for path, packets in written.files.items():
        say(f"packets: {shown(path)}  ({packets:,})")
    say(f"flows: {written.flows:,}")
    for line in str(written.changes).splitlines():
        say(line)
    for reason, count in written.not_as_drawn.items():
        say(f"not as drawn: {reason}: {count:,}")
    if written.spoken:
        say("payload: " + ", ".join(f"{name} {flows:,}" for name, flows in sorted(written.spoken.items())) + " flows")
    for reason, count in written.random_payload.items():
        say(f"random payload: {reason}: {count:,}")
    first = next(iter(written.files))
    if is_capture_name(first):
        say("beside each: FILE.labels.csv, FILE.json")
        say_next("next", "check", shown(first))
