"""Jobs: commands of netdiffus that run as processes of their own, each with a folder that says all about it.

JOBS/ID/ holds `job.json` (what was started, and which process it is), `exit` (the exit code), `output.log` (what it
printed) and `progress.jsonl` (its progress records). A server that is started again finds them there.
"""

from __future__ import annotations

import json
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netdiffus.errors import InputError
from netdiffus.studio.process import Process, exit_code, start
from netdiffus.studio.workspace import JOBS, Workspace
from netdiffus.text import as_text, command

RUNNING, DONE, FAULTS, FAILED, STOPPED, LOST = "running", "done", "faults found", "failed", "stopped", "lost"
_STATES = {0: DONE, 1: FAULTS, 130: STOPPED}
RECORD, EXIT, LOG, PROGRESS = "job.json", "exit", "output.log", "progress.jsonl"
MOST_DRAWN = 12
"""Previews and samples that are kept."""
LOG_BYTES = 64_000
"""Of a log, its end, that a page shows."""


@dataclass(frozen=True)
class Job:
    """One command.

    Attributes:
        folder: its own, below the jobs of the workspace.
        arguments: the command line without the program, the verb first; paths are relative to the workspace.
        result: what it writes, relative to the workspace; "" for nothing.
        purpose: what a page started it for by itself, e.g. "preview"; "" for a job of the user's.
    """

    folder: Path
    arguments: tuple[str, ...]
    result: str
    began: float
    process: Process
    purpose: str = ""

    @property
    def id(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def verb(self) -> str:
        """The command."""
        return self.arguments[0]

    @property
    def command(self) -> str:
        """The same for a shell."""
        return command(*self.arguments)

    @property
    def state(self) -> str:
        """How it stands: running, done, faults found, failed, stopped, or lost (it ended and nobody saw how)."""
        code = exit_code(self.folder / EXIT)
        if code is None and not self.process.is_alive:
            code = exit_code(self.folder / EXIT)  # it may have ended in between
            return LOST if code is None else _STATES.get(code, FAILED)
        return RUNNING if code is None else _STATES.get(code, FAILED)

    @property
    def ended(self) -> float | None:
        """When it ended, in seconds since 1970; None: it runs."""
        return None if self.state == RUNNING else (self.folder / EXIT).stat().st_mtime

    @property
    def log(self) -> str:
        """The end of what it printed, as text."""
        try:
            with (self.folder / LOG).open("rb") as file:
                file.seek(0, 2)
                file.seek(max(file.tell() - LOG_BYTES, 0))
                return file.read().decode("utf-8", "backslashreplace")
        except OSError:
            return ""

    @property
    def complaint(self) -> str:
        """The last line that it printed, without the program's name: of a failed job, what was wrong."""
        lines = [line for line in self.log.splitlines() if line.strip()]
        return lines[-1].removeprefix("netdiffus: ") if lines else ""

    def record_to_json(self) -> dict[str, Any]:
        """Plain values for job.json."""
        return {
            "arguments": list(self.arguments), "result": self.result, "began": self.began, "purpose": self.purpose,
            "process": vars(self.process),
        }  # fmt: skip


def job_from_json(folder: Path, said: dict[str, Any]) -> Job:
    """The way back; KeyError, TypeError or ValueError if it is no such record."""
    process = said["process"]
    return Job(
        folder, tuple(map(str, said["arguments"])), str(said["result"]), float(said["began"]),
        Process(int(process["pid"]), int(process["ticks"]), str(process["boot"])), str(said["purpose"]),
    )  # fmt: skip


@dataclass
class Jobs:
    """The jobs of a workspace."""

    space: Workspace
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.space.state / JOBS

    def start(self, arguments: Sequence[str], result: str = "", *, beside: bool = False) -> Job:
        """Start a command, e.g. ["train", "dataset", "--out", "model"].

        Args:
            result: what it writes, relative to the workspace.
            beside: start a training although another one runs.

        Raises:
            InputError: another training runs, another job writes the same result, or there is no room for the job.
        """
        with self._lock:
            running = [job for job in self.all() if job.state == RUNNING]
            trains = [job for job in running if job.verb == "train" and arguments[0] == "train"]
            if trains and not beside:
                said = f"{as_text(trains[0].result)}, which is being trained"
                raise InputError("one training at a time", said, "stop that one, or ask for both")
            if result and any(job.result == result for job in running):
                raise InputError("a result that no job writes", f"{as_text(result)}, which one does", "wait for it")
            return self._started(self._new_folder(), arguments, result, "")

    def draw(self, arguments: Sequence[str], file: str, purpose: str) -> Job | None:
        """Start a short command that draws into a file of its own folder; None: one of that purpose still runs."""
        with self._lock:
            own = [job for job in self.all() if job.purpose]
            if any(job.purpose == purpose and job.state == RUNNING for job in own):
                return None
            for old in own[MOST_DRAWN:]:
                if old.state != RUNNING:
                    self.forget(old)
            folder = self._new_folder()
            out = self.space.name(folder / file)
            return self._started(folder, [*arguments, "--out", out], out, purpose)

    def _new_folder(self) -> Path:
        return self.folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"

    def _started(self, folder: Path, arguments: Sequence[str], result: str, purpose: str) -> Job:
        try:
            folder.mkdir(parents=True)
            (folder / PROGRESS).touch()
            program = [sys.executable, "-m", "netdiffus", "--progress", str(folder / PROGRESS)]
            process = start([*program, *arguments], self.space.root, folder / LOG, folder / EXIT)
            job = Job(folder, tuple(arguments), result, time.time(), process, purpose)
            (folder / RECORD).write_text(json.dumps(job.record_to_json()), encoding="utf-8")
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise InputError("room for a job", str(error.strerror), "free some room on the disk") from None
        return job

    def all(self) -> list[Job]:
        """The newest first; a folder that is not whole is passed over."""
        found = []
        for folder in self.folder.iterdir():
            try:
                found.append(job_from_json(folder, json.loads((folder / RECORD).read_text(encoding="utf-8"))))
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return sorted(found, key=lambda job: -job.began)

    def listed(self) -> list[Job]:
        """Those that a user started."""
        return [job for job in self.all() if not job.purpose]

    def job(self, name: str) -> Job:
        """One by its id.

        Raises:
            InputError: there is none.
        """
        for job in self.all():
            if job.id == name:
                return job
        raise InputError("a job in the list", repr(as_text(name)[:60]), "open the list of jobs")

    def of_purpose(self, purpose: str) -> list[Job]:
        """What a page started for a purpose, the newest first."""
        return [job for job in self.all() if job.purpose == purpose]

    def forget(self, job: Job) -> None:
        """Remove the folder of a job that has ended; its result stays.

        Raises:
            InputError: it runs.
        """
        if job.state == RUNNING:
            raise InputError("a job that has ended", "one that runs", "stop it first")
        shutil.rmtree(job.folder)
