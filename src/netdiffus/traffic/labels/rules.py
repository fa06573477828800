"""Labels of captures and tables: by folder, by file name, or by a table of files, ends and times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from netdiffus.text import as_text
from netdiffus.traffic.labels.columns import TUPLE
from netdiffus.traffic.labels.names import bare_name, is_capture_name
from netdiffus.traffic.labels.table import MapLabels
from netdiffus.traffic.labels.times import TimeFormat

__all__ = [
    "TUPLE", "UNLABELLED", "FileLabels", "FolderLabels", "Labels", "MapLabels", "OneLabel",
    "TimeFormat", "bare_name", "blank_names", "is_capture_name", "label_of_file", "label_rule",
]  # fmt: skip

UNLABELLED = "unlabelled"


@dataclass(frozen=True)
class FolderLabels:
    """The label is the name of the capture's parent folder."""

    def __call__(self, capture: Path, flows: pl.DataFrame) -> pl.Series:
        """One label a flow."""
        return _constant(self.name(capture), flows)

    @staticmethod
    def name(capture: Path) -> str:
        """The label as it is written, which may have blanks at its ends."""
        return as_text(capture.resolve().parent.name)


@dataclass(frozen=True)
class FileLabels:
    """The label is the capture's file name without suffixes."""

    def __call__(self, capture: Path, flows: pl.DataFrame) -> pl.Series:
        """One label a flow."""
        return _constant(self.name(capture), flows)

    @staticmethod
    def name(capture: Path) -> str:
        """The label as it is written, which may have blanks at its ends."""
        return bare_name(capture)


@dataclass(frozen=True)
class OneLabel:
    """Everything has the same label: input without labels."""

    def __call__(self, capture: Path, flows: pl.DataFrame) -> pl.Series:
        """One label a flow."""
        return _constant(UNLABELLED, flows)


Labels = FolderLabels | FileLabels | OneLabel | MapLabels


def label_of_file(rule: Labels, path: Path) -> str | None:
    """The label of all that is in a file, for sources without 5-tuples; None: the rule has none for it."""
    one = pl.DataFrame({"flow": [0]})
    label: str | None = rule(path, one)[0]
    return label


def label_rule(name: str, times: TimeFormat | None = None) -> Labels:
    """The rule for --labels: "folder", "file", or the path of a CSV table, whose times are written as `times` says."""
    named: dict[str, Labels] = {"folder": FolderLabels(), "file": FileLabels()}
    return named[name] if name in named else MapLabels.read(Path(name), times)


def blank_names(rule: Labels, sources: Iterable[Path]) -> list[str]:
    """Notes on labels that folders or files give with blanks at their ends."""
    if not isinstance(rule, FolderLabels | FileLabels):
        return []
    written = {rule.name(source) for source in sources}
    return [
        f"label {name!r} has blanks at its ends; it is taken as {name.strip()!r}"
        for name in sorted(written)
        if name.strip() not in ("", name)
    ]


def _constant(label: str, flows: pl.DataFrame) -> pl.Series:
    """The same label, without blanks at its ends, for every flow; null where it is blank."""
    return pl.Series("label", [label.strip() or None] * len(flows), dtype=pl.String)
