"""Report folders: scores.json, report.html, report.md and the overview picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from netdiffus.errors import InputError
from netdiffus.manifest import Count, JsonObject, Manifest, Text, read_manifest, shown
from netdiffus.store.ownership import FolderKind, fixed
from netdiffus.store.publish import publish_folder
from netdiffus.store.stage import check_whole

SCORES, HTML, MARKDOWN, OVERVIEW = "scores.json", "report.html", "report.md", "overview.png"


ACTION = "make one with 'netdiffus evaluate'"


class ConfusionManifest(Manifest):
    """A confusion matrix in a report."""

    labels: list[Text]
    counts: list[list[Count]]

    @model_validator(mode="after")
    def _is_square(self) -> ConfusionManifest:
        n = len(self.labels)
        if len(self.counts) != n or any(len(row) != n for row in self.counts):
            raise ValueError("with a count of every label for every label")
        return self


class ScoreManifest(Manifest):
    """An entry of scores.json."""

    name: Text
    value: float | None
    floor: float | None
    ceiling: float | None
    low: float | None = None
    high: float | None = None
    goal: Literal["min", "max"]
    unit: Text
    label: Text | None
    note: str
    confusion: ConfusionManifest | None = None


def write_report(path: Path, scores: Sequence[JsonObject], html: str, markdown: str, overview: bytes) -> None:
    """Write a report folder, completely or not at all."""
    with publish_folder(path, REPORT) as folder:
        (folder / SCORES).write_text(json.dumps(list(scores), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        (folder / HTML).write_text(html, encoding="utf-8")
        (folder / MARKDOWN).write_text(markdown, encoding="utf-8")
        (folder / OVERVIEW).write_bytes(overview)


def read_scores(path: Path) -> list[JsonObject]:
    """The scores of a report folder.

    Raises:
        InputError: there are none, or others than `netdiffus evaluate` writes.
    """
    check_whole(path)
    if not (path / SCORES).is_file():
        raise InputError(f"a report folder (with {SCORES})", str(path), ACTION)
    return parse_scores(read_manifest(path / SCORES, ACTION))


def parse_scores(data: object) -> list[JsonObject]:
    """The scores in plain values.

    Raises:
        InputError: the values are not scores.
    """
    if not isinstance(data, list):
        raise InputError(f"a list of scores in {SCORES}", shown(data), ACTION)
    found = [ScoreManifest.of(entry, f"{SCORES} {place}", ACTION) for place, entry in enumerate(data)]
    return [score.model_dump(exclude=None if score.confusion else {"confusion"}) for score in found]


def _read_own(path: Path) -> None:
    """Raise InputError unless the scores are such as `write_report` writes."""
    if not read_scores(path):
        raise InputError(f"a list of scores in {SCORES}", "an empty one", ACTION)


REPORT = FolderKind("report", SCORES, fixed((SCORES, HTML, MARKDOWN, OVERVIEW), _read_own))
