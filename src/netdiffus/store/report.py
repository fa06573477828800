"""Report folders: scores.json, report.html, report.md and the overview picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from netdiffus.errors import InputError
from netdiffus.store.atomic import atomic_folder

SCORES, HTML, MARKDOWN, OVERVIEW = "scores.json", "report.html", "report.md", "overview.png"


def write_report(path: Path, scores: list[dict[str, Any]], html: str, markdown: str, overview: bytes) -> None:
    """Write a report folder, whole or not at all."""
    with atomic_folder(path, SCORES) as folder:
        (folder / SCORES).write_text(json.dumps(scores, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        (folder / HTML).write_text(html, encoding="utf-8")
        (folder / MARKDOWN).write_text(markdown, encoding="utf-8")
        (folder / OVERVIEW).write_bytes(overview)


def read_scores(path: Path) -> list[dict[str, Any]]:
    """The scores of a report folder.

    Raises:
        InputError: it has none.
    """
    try:
        scores: list[dict[str, Any]] = json.loads((path / SCORES).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        raise InputError(f"a report folder (with {SCORES})", str(path), "make one with 'netdiffus evaluate'") from None
    return scores
