"""Traces whose packets all have one time: a model of them learns that no time passes."""

from __future__ import annotations

from collections import Counter

import polars as pl

MOST_NAMED = 5


class ZeroGaps:
    """Counts, by label, traces of two packets or more, and those of them whose gaps are all 0."""

    def __init__(self) -> None:
        self._traces: Counter[str] = Counter()
        self._still: Counter[str] = Counter()

    def add(self, traces: pl.DataFrame) -> None:
        """Count traces (rows of traces.parquet); those without gaps tell nothing."""
        if "gap_ns" not in traces.columns:
            return
        gaps = pl.col("gap_ns")
        long = (
            traces.filter(gaps.list.len() > 1)
            .group_by("label")
            .agg(pl.len(), (gaps.list.max() == 0).sum().alias("still"))
        )
        for label, count, still in long.iter_rows():
            self._traces[label] += count
            self._still[label] += still

    def merge(self, other: ZeroGaps) -> None:
        """Take in what was counted elsewhere."""
        self._traces.update(other._traces)
        self._still.update(other._still)

    def warnings(self) -> list[str]:
        """A sentence about the labels none of whose traces has times, if there are any."""
        labels = sorted(label for label, count in self._traces.items() if self._still[label] == count)
        if not labels:
            return []
        named = ", ".join(labels[:MOST_NAMED]) + (
            f" and {len(labels) - MOST_NAMED:,} more" if labels[MOST_NAMED:] else ""
        )
        return [f"all gaps are 0 (the source has no times) under {named}: a model learns that no time passes there"]
