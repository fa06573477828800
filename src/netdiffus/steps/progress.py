"""The shape that all progress records share, whatever else each says."""

from __future__ import annotations

from typing import Protocol


class ProgressRecord(Protocol):
    """How far a step is: enough for a bar, a log line or a web page."""

    @property
    def share(self) -> float | None:
        """The part of the work that is done, from 0 to 1; None: not known."""

    @property
    def note(self) -> str:
        """The newest figure in a few words."""
