"""Labels of captures and tables: by folder, by file name, or by a table of files, ends and times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from netdiffus.text import as_text
from netdiffus.traffic.labelmap import TUPLE, MapLabels
from netdiffus.traffic.sourcenames import bare_name, is_capture_name

__all__ = [
    "TUPLE", "UNLABELLED", "FileLabels", "FolderLabels", "Labels", "MapLabels", "OneLabel",
    "bare_name", "is_capture_name", "label_of_file", "label_rule",
]  # fmt: skip

UNLABELLED = "unlabelled"


@dataclass(frozen=True)
class FolderLabels:
    """The label is the name of the capture's parent folder."""

    def __call__(self, capture: Path, flows: pl.DataFrame) -> pl.Series:
        """One label a flow."""
        return _constant(as_text(capture.resolve().parent.name), flows)


@dataclass(frozen=True)
class FileLabels:
    """The label is the capture's file name without suffixes."""

    def __call__(self, capture: Path, flows: pl.DataFrame) -> pl.Series:
        """One label a flow."""
        return _constant(bare_name(capture), flows)


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


def label_rule(name: str) -> Labels:
    """The rule for --labels: "folder", "file", or the path of a CSV table."""
    named: dict[str, Labels] = {"folder": FolderLabels(), "file": FileLabels()}
    return named[name] if name in named else MapLabels.read(Path(name))


def _constant(label: str | None, flows: pl.DataFrame) -> pl.Series:
    return pl.Series("label", [label] * len(flows), dtype=pl.String)
