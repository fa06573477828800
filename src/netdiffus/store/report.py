"""Report folders: scores.json, report.html, report.md and the overview picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from netdiffus.errors import InputError
from netdiffus.store.ownership import FolderKind, fixed
from netdiffus.store.publish import publish_folder
from netdiffus.store.stage import check_whole

SCORES, HTML, MARKDOWN, OVERVIEW = "scores.json", "report.html", "report.md", "overview.png"


def write_report(path: Path, scores: list[dict[str, Any]], html: str, markdown: str, overview: bytes) -> None:
    """Write a report folder, whole or not at all."""
    with publish_folder(path, REPORT) as folder:
        (folder / SCORES).write_text(json.dumps(scores, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        (folder / HTML).write_text(html, encoding="utf-8")
        (folder / MARKDOWN).write_text(markdown, encoding="utf-8")
        (folder / OVERVIEW).write_bytes(overview)


def read_scores(path: Path) -> list[dict[str, Any]]:
    """The scores of a report folder.

    Raises:
        InputError: it has none.
    """
    check_whole(path)
    try:
        scores: list[dict[str, Any]] = json.loads((path / SCORES).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise InputError(f"a report folder (with {SCORES})", str(path), "make one with 'netdiffus evaluate'") from None
    return scores


def _read_own(path: Path) -> None:
    """Raise InputError if the scores are not in the form in which they are written."""
    rows: Any = read_scores(path)
    keys = {"name", "value", "floor", "ceiling", "goal"}
    if not (isinstance(rows, list) and rows and all(isinstance(row, dict) and keys <= set(row) for row in rows)):
        raise InputError(f"a list of scores in {SCORES}", "something else", "make one with 'netdiffus evaluate'")


REPORT = FolderKind("report", SCORES, fixed((SCORES, HTML, MARKDOWN, OVERVIEW), _read_own))
