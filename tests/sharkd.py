"""Wireshark as one process that reads many captures: tshark takes a quarter of a second to start for each."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

GRAVE = {"Warning", "Error"}


class Sharkd:
    """A running sharkd (JSON-RPC 2.0 over its standard input and output; wiki.wireshark.org/sharkd)."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self._asked = process, 0

    def ask(self, method: str, **params: str) -> dict[str, Any]:
        """What it answers to one request."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked += 1
        request = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        assert answer["id"] == self._asked
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def expert(self, path: Path) -> dict[int, list[str]]:
        """{packet number: what Wireshark's expert says of it at warning or above}."""
        self.ask("load", file=str(path))
        (tap,) = self.ask("tap", tap0="expert")["taps"]
        said: dict[int, list[str]] = {}
        for found in tap["details"]:
            if found["s"] in GRAVE:
                said.setdefault(found["f"], []).append(found["m"])
        return said

    def columns(self, path: Path, *fields: str) -> list[list[str]]:
        """The first value of each field for every packet, empty where it has none."""
        self.ask("load", file=str(path))
        asked = {f"column{place}": f"{field}:1" for place, field in enumerate(fields)}
        return [frame["c"] for frame in self.ask("frames", **asked)]


@contextmanager
def sharkd(environment: Mapping[str, str] | None = None) -> Iterator[Sharkd]:
    """Start one, or skip."""
    if not shutil.which("sharkd"):
        pytest.skip("sharkd, which comes with Wireshark, is not installed")
    pipe = subprocess.PIPE
    command = ["sharkd", "-"]
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        yield Sharkd(process)
        assert process.stdin is not None
        process.stdin.close()
