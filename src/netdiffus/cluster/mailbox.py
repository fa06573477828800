"""Mailbox: what the workers of a training say to the command's process, and whether it wants them to stop."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from netdiffus.errors import NetdiffusError

EVERY_S = 0.5
"""Between two messages of a worker."""


@dataclass(frozen=True)
class Mail:
    """What came since it was last asked for.

    Attributes:
        records: of the first worker. lines: for the user to read. failed: why a worker gave up, if one did.
        speeds: steps a second that each worker of now would take without waiting for the others, and its host.
    """

    records: tuple[Any, ...]
    lines: tuple[str, ...]
    failed: NetdiffusError | OSError | None
    speeds: tuple[tuple[str, float], ...]


@dataclass
class Mailbox:
    """An actor's state; its methods are called by the workers (put, fail) and by the command (take, stop)."""

    records: list[Any] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    speeds: dict[int, tuple[str, float]] = field(default_factory=dict)
    failed: NetdiffusError | OSError | None = None
    stopped: bool = False

    def begin(self, size: int, step: int) -> None:
        """So many workers begin, after a step."""
        self.speeds = {}
        if step:
            self.lines.append(f"goes on after step {step} with {size} worker{'s' * (size != 1)}")

    def put(self, rank: int, host: str, speed: float, records: Sequence[Any], lines: Sequence[str]) -> bool:
        """Takes what a worker says; returns whether it should stop."""
        self.records += records
        self.lines += lines
        self.speeds[rank] = (host, speed)
        return self.stopped

    def fail(self, error: NetdiffusError | OSError) -> None:
        """Takes why a worker gives up, which another try would not change."""
        self.failed = self.failed or error

    def has_failed(self) -> bool:
        """Whether a worker gave up."""
        return self.failed is not None

    def take(self) -> Mail:
        """What came since the last call."""
        mail = Mail(tuple(self.records), tuple(self.lines), self.failed, tuple(self.speeds.values()))
        self.records, self.lines = [], []
        return mail

    def stop(self) -> None:
        """Let the workers stop after their step."""
        self.stopped = True


class Reporter:
    """A worker's side: sends now and then, and keeps whether to stop."""

    def __init__(self, ray: Any, box: Any, rank: int) -> None:
        self.ray, self.box, self.rank, self.host = ray, box, rank, os.uname().nodename
        self.records: list[Any] = []
        self.lines: list[str] = []
        self.steps, self.began, self.sent, self.stopped = 0, time.monotonic(), 0.0, False

    def record(self, record: Any, waited: float) -> None:
        """A step was taken; so many seconds of all were spent waiting for others."""
        self.steps += 1
        if not self.rank:
            self.records.append(record)
        if time.monotonic() - self.sent > EVERY_S:
            self.send(waited)

    def send(self, waited: float) -> None:
        """Send what there is."""
        busy = max(time.monotonic() - self.began - waited, 1e-9)
        said = self.box.put.remote(self.rank, self.host, self.steps / busy, self.records, self.lines)
        self.stopped = self.ray.get(said)
        self.records.clear()
        self.lines.clear()
        self.sent = time.monotonic()
