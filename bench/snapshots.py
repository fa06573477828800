"""What is in the files of a result, to compare two results by."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from safetensors.numpy import load_file

from netdiffus.cli import demo  # noqa: F401 - all that the commands import
from netdiffus.store.stage import PREFIX

Snapshot = dict[str, str]


def snapshot(out: Path) -> Snapshot:
    """What is in the files of a result; the user's own and stages left out."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file() and path.name != "notes.txt"]
    return {name: _content(path) for path in files if not (name := path.relative_to(out).as_posix()).startswith(PREFIX)}


def _content(path: Path) -> str:
    """The hash of a file; the seconds of a training do not count."""
    if path.name == "README.md":
        return "written"
    data = path.read_bytes()
    if path.name == "model.json":
        data = json.dumps(json.loads(data) | {"seconds": 0}).encode()
    if path.name == "log.jsonl":
        data = json.dumps([json.loads(line)["step"] for line in data.decode().splitlines()]).encode()
    if path.name == "state.safetensors":
        tensors = load_file(path)
        data = b"".join(name.encode() + tensors[name].tobytes() for name in sorted(tensors) if name != "seconds")
    return hashlib.sha256(data).hexdigest()
