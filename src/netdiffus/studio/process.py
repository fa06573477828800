"""Processes that outlive the server: how they are started, told apart from later ones of the same number, and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SHELL = """
trap : INT TERM
"$@"
printf '%-4s\\n' $? 1<>"$EXIT_FILE"
"""
"""Runs a command and puts its exit code into a file that exists already, so that a full disk cannot lose it."""
BLANK = "    \n"
START_FIELD = 19
"""Of /proc/PID/stat behind the name: when the process began, in ticks since the machine was started (proc(5))."""


@dataclass(frozen=True)
class Process:
    """A process that was started once: its number, when it began, and since when the machine runs."""

    pid: int
    ticks: int
    boot: str

    @property
    def is_alive(self) -> bool:
        """Whether it still runs: that very process, not a later one with its number."""
        found = _ticks(self.pid)
        return found is not None and found == self.ticks and self.boot == boot_id()

    def interrupt(self) -> None:
        """Ctrl-C, for it and what it started: a training saves and ends."""
        if self.is_alive:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGINT)


def boot_id() -> str:
    """A number of this run of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def start(command: Sequence[str], folder: Path, log: Path, exit_file: Path) -> Process:
    """Start a command in a folder, in a session of its own; output goes to `log`, its exit code to `exit_file`."""
    exit_file.write_text(BLANK, encoding="ascii")
    with log.open("ab") as output:
        child = subprocess.Popen(
            ["/bin/sh", "-c", SHELL, "sh", *command], cwd=folder, env=os.environ | {"EXIT_FILE": str(exit_file)},
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    threading.Thread(target=child.wait, daemon=True).start()  # its end is noticed, so that it leaves no zombie
    return Process(child.pid, _ticks(child.pid) or 0, boot_id())


def exit_code(exit_file: Path) -> int | None:
    """The exit code in a file; None: the command has not ended, or its end was not seen."""
    try:
        text = exit_file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdigit() else None


def _ticks(pid: int) -> int | None:
    """When a process began; None: it is gone, or has ended and only its number is left."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[START_FIELD])
