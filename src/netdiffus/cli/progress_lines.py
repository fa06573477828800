"""Progress for programs: each record of a step as a line of JSON in a file, for all commands alike."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netdiffus.steps.progress import ProgressRecord

EVERY_S = 0.25
"""Records in between are left out, but for those with a validation and the last."""

_path: Path | None = None


def write_progress_to(path: Path | None) -> None:
    """Append the records that are shown from now on to a file; None: to none."""
    global _path
    _path = path


class ProgressLines:
    """The lines of one step: {"what": "training", "share": 0.5, "note": "...", and the record's own values}."""

    def __init__(self, what: str) -> None:
        self.what, self.last = what, -EVERY_S
        self.show({"share": 0.0, "note": "begins"})

    def record(self, record: ProgressRecord, note: str) -> None:
        """Write a record, unless it follows the one before too soon."""
        own = {name: value for name, value in vars(record).items() if isinstance(value, int | float | str)}
        share = min(record.share or 0.0, 1.0)
        if share >= 1 or "validation" in own or time.monotonic() - self.last >= EVERY_S:
            self.show(own | {"share": share, "note": note})

    def show(self, line: dict[str, float | str]) -> None:
        """Write one line; a disk that is full must not end the work that is shown."""
        if _path is None:
            return
        self.last = time.monotonic()
        with suppress(OSError), _path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"what": self.what, "time": round(time.time(), 3), **line}) + "\n")
