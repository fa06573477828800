"""The demo's capture: commands that learn, draw and evaluate sessions of clients while the demo works on traces.

A training of so small a network hardly gains by a second core, so both run at once, each on half of the cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from threading import Thread

from netdiffus.models.device import cores

THREADS = "OMP_NUM_THREADS"
POLL_S = 0.1


class Beside:
    """Commands of netdiffus that run one after another, in processes of their own, while the block runs.

    The block ends when the last command has; if it fails, or a command does, all end.

    Attributes:
        seconds: that each finished command took, by its name.
    """

    def __init__(self, commands: Sequence[Sequence[str]]) -> None:
        self.seconds: dict[str, float] = {}
        self._commands, self._said = commands, ""
        self._failed: tuple[str, int] | None = None
        self._stopped = False
        self._thread = Thread(target=self._run, daemon=True)
        self._threads = os.environ.get(THREADS)

    def __enter__(self) -> Beside:
        if self._threads is None:
            os.environ[THREADS] = str(max(1, cores() // 2))
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the commands, or end them.

        Raises:
            RuntimeError: one of them failed; with what it printed.
        """
        self._stopped = kind is not None
        try:
            self._thread.join()
        except BaseException:
            self._stopped = True
            raise
        finally:
            if self._threads is None:
                os.environ.pop(THREADS, None)
        if kind is None and self._failed:
            name, status = self._failed
            raise RuntimeError(f"netdiffus {name}, which works on the capture, ended with {status}: {self._said}")

    def __str__(self) -> str:
        return ", ".join(f"{name} {seconds:.0f}" for name, seconds in self.seconds.items())

    def _run(self) -> None:
        for command in self._commands:
            began, line = time.monotonic(), [sys.executable, "-m", "netdiffus", *command]
            with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
                while not self._stopped:
                    try:
                        self._said = process.communicate(timeout=POLL_S)[0]
                        break
                    except subprocess.TimeoutExpired:
                        continue
                if self._stopped:
                    process.terminate()
                    return
            if process.returncode:
                self._failed = command[0], process.returncode
                return
            self.seconds[command[0]] = time.monotonic() - began
