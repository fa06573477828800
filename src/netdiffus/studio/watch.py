"""What a job reports while it runs: its newest progress, and the points of its curve, read bit by bit."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field

from netdiffus.studio.jobs import PROGRESS, Job

MOST_POINTS = 1500
"""Of a curve; when there are more, every other one goes."""
READ_BYTES = 1 << 22
JOBS_KNOWN = 64


@dataclass
class Progress:
    """What was read of one job's progress so far.

    Attributes:
        share: the part that is done, 0 to 1.
        points: (number, step, loss, validation or None), the number counting up.
    """

    share: float = 0.0
    note: str = ""
    what: str = ""
    first_time: float = 0.0
    last_time: float = 0.0
    points: list[tuple[int, float, float, float | None]] = field(default_factory=list)
    number: int = 0
    offset: int = 0
    thinned: int = 1

    @property
    def seconds_left(self) -> float | None:
        """By the speed so far; None: not known yet."""
        if not 0.0 < self.share < 1.0 or self.last_time <= self.first_time:
            return 0.0 if self.share >= 1.0 else None
        return (self.last_time - self.first_time) * (1 - self.share) / self.share

    def take(self, line: bytes) -> None:
        """One record; what is none is passed over."""
        try:
            said = json.loads(line)
            share, time_s = float(said["share"]), float(said["time"])
        except (ValueError, KeyError, TypeError):
            return
        if said.get("what") != self.what:
            self.what, self.first_time, self.points, self.thinned = str(said.get("what")), time_s, [], 1
        self.share, self.last_time, self.note = share, time_s, str(said.get("note", ""))
        if "loss" in said and "step" in said:
            validation = said.get("validation")
            self.number += 1
            if validation is None and self.number % self.thinned:
                return
            self.points.append((self.number, float(said["step"]), float(said["loss"]), validation))
            if len(self.points) > MOST_POINTS:
                self.points = [p for k, p in enumerate(self.points) if k % 2 or p[3] is not None]
                self.thinned *= 2


class Watch:
    """The progress of the jobs that pages look at."""

    def __init__(self) -> None:
        self._known: dict[str, Progress] = {}
        self._lock = threading.Lock()

    def of(self, job: Job) -> Progress:
        """The progress of a job up to now."""
        with self._lock:
            progress = self._known.pop(job.id, None) or Progress(first_time=job.began)
            self._known[job.id] = progress
            while len(self._known) > JOBS_KNOWN:
                del self._known[next(iter(self._known))]
            try:
                with (job.folder / PROGRESS).open("rb") as file:
                    file.seek(progress.offset)
                    while read := file.read(READ_BYTES):
                        whole = read.rpartition(b"\n")[0]
                        if not whole:
                            break
                        progress.offset += len(whole) + 1
                        file.seek(progress.offset)
                        for line in whole.split(b"\n"):
                            progress.take(line)
            except OSError:
                pass  # the job's folder was removed meanwhile
            return progress
