"""Scores: the result of an evaluation, as a table, as headlines, and as a report folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from netdiffus.metrics import Score, find
from netdiffus.report import (
    Content,
    Headline,
    Verdict,
    contamination,
    graded,
    headlines,
    markdown,
    overview_png,
    render,
    verdicts,
)
from netdiffus.steps.evaluate import Evaluation
from netdiffus.store.report import write_report


class Scores:
    """What `evaluate` found."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation

    def __iter__(self) -> Iterator[Score]:
        return iter(self.evaluation.scores)

    def __getitem__(self, name: str) -> Score:
        """The score of that name over all labels.

        Raises:
            KeyError: there is none.
        """
        score = find(self.evaluation.scores, name)
        if score is None:
            raise KeyError(name)
        return score

    def table(self) -> pl.DataFrame:
        """One row a score: name, label, value, floor, ceiling, low, high, goal, unit, note."""
        columns = ("name", "label", "value", "floor", "ceiling", "low", "high", "goal", "unit", "note")
        numbers = ("value", "floor", "ceiling", "low", "high")
        rows = [score.to_dict() for score in self.evaluation.scores]
        kinds = {name: pl.Float64 if name in numbers else pl.String for name in columns}
        return pl.DataFrame({name: [row[name] for row in rows] for name in columns}, schema=kinds)

    def headlines(self) -> list[Headline]:
        """The four figures that matter, with what they mean."""
        sets = self.evaluation.sets
        lines = headlines(self.evaluation.scores, len(sets.test), len(sets.synthetic))
        return graded(lines, self.evaluation.scores)

    def contamination(self) -> str:
        """Where synthetic traces copy the test part, what shows it; verdicts are then withdrawn. Else empty."""
        return contamination(self.evaluation.scores)

    def verdicts(self) -> list[Verdict]:
        """Four questions and their answers: train on it alone, mix it in, publish it, feed it to an IDS."""
        return verdicts(self.evaluation.scores)

    def save(self, folder: str | Path) -> Path:
        """Write scores.json, report.html, report.md and overview.png into a folder; returns its path."""
        found, sets = self.evaluation, self.evaluation.sets
        content = Content(
            found.scores,
            sets.test,
            sets.synthetic,
            sets.channels,
            provenance=found.provenance,
            images=found.images,
            image_channels=found.image_channels,
            nearest=found.nearest,
            embedding=found.embedding,
            packets=found.packets,
            whole=found.whole,
        )
        picture = overview_png(sets.test, sets.synthetic, sets.channels, images=found.images)
        entries = [score.to_dict() for score in found.scores]
        write_report(Path(folder), entries, render(content), markdown(content), picture)
        return Path(folder)
