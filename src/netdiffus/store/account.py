"""Accounts: FILE.json beside a generated capture, with the hashes of all files of one result.

A result is a capture FILE, its labels FILE.labels.csv and the account; with --per-label, these of all labels. Accounts
are published last: while they belong to another run than the rest, the files are a mixture of two results.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from netdiffus.errors import InputError
from netdiffus.manifest import JsonObject
from netdiffus.store.stage import sweep
from netdiffus.traffic.labels.names import labels_path

ACCOUNT, LABELS = ".json", ".labels.csv"


def sha256(path: Path) -> str:
    """The hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def account_path(capture: Path) -> Path:
    """The path of a capture's account."""
    return capture.with_name(capture.name + ACCOUNT)


def names_of_result(captures: Sequence[Path]) -> list[str]:
    """The names of all files of a result in the order of publishing: accounts last."""
    names = [path.name for capture in captures for path in (capture, labels_path(capture))]
    return names + [account_path(capture).name for capture in captures]


def write_accounts(captures: Sequence[Path], said: JsonObject) -> None:
    """Write the account of each capture: the shared content `said`, the hashes of its files, and one of all files."""
    hashes = {path.name: sha256(path) for capture in captures for path in (capture, labels_path(capture))}
    result = hashlib.sha256(json.dumps(sorted(hashes.items())).encode("ascii")).hexdigest()
    for capture in captures:
        own = {path.name: hashes[path.name] for path in (capture, labels_path(capture))}
        text = json.dumps(dict(said) | {"sha256": own, "result": result}, indent=1, allow_nan=False)
        account_path(capture).write_text(text + "\n", encoding="utf-8")


class Account(NamedTuple):
    """What an account says of its result: the hash of all its files, those of its own files, its captures, whether
    flows carry what a protocol says, and the hash of the model that drew them."""

    result: str
    sha256: Mapping[str, object]
    files: Sequence[str]
    speaks: bool
    model: str


def _read(path: Path, capture: str) -> Account | None:
    """The account of a capture; None: there is none, or netdiffus did not write it."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not all(isinstance(said.get(name), str) for name in ("netdiffus", "result")):
        return None
    hashes, files = said.get("sha256"), said.get("files")
    if not isinstance(files, dict) or any(Path(name).name != name for name in files):
        return None
    if not isinstance(hashes, dict) or set(hashes) != {capture, capture + LABELS}:
        return None
    return Account(said["result"], hashes, list(files), bool(said.get("payload_by_protocol")), str(said.get("model")))


def speaks(capture: Path) -> bool:
    """Whether netdiffus generated a capture with payload of protocols."""
    said = _read(account_path(capture), capture.name)
    return said is not None and said.speaks


def maker(capture: Path) -> str:
    """The hash of the model that drew an unchanged capture of ours; empty: none is known."""
    said = _read(account_path(capture), capture.name)
    return said.model if said is not None and is_accounted(capture) else ""


def is_accounted(path: Path) -> bool | None:
    """Whether a file is an unchanged capture, label table or account of ours; None: no account mentions it."""
    capture = path.name.removesuffix(LABELS) if path.name.endswith(LABELS) else path.name
    said = _read(path.with_name(capture + ACCOUNT), capture)
    if said is not None and path.name in said.sha256:
        return path.is_file() and said.sha256[path.name] == sha256(path)
    if path.name.endswith(ACCOUNT) and _read(path, path.name.removesuffix(ACCOUNT)) is not None:
        return True
    return None


def check_result(path: Path) -> None:
    """Raise InputError if a capture, or a table FILE.labels.csv, belongs to a mixture of files of two results.

    A capture without an account of ours passes. Publishing interrupted by a kill is finished first, where possible.
    """
    name = path.name.removesuffix(LABELS)
    capture = path.resolve().with_name(name) if path.name.endswith(LABELS) else path.resolve()
    if _read(account_path(capture), capture.name) is None:
        return
    with suppress(OSError):  # not writable: the hashes decide
        sweep(capture.parent, committed_only=True)
    said = _read(account_path(capture), capture.name)
    if said is None:
        return
    for file, digest in said.sha256.items():
        beside = capture.with_name(file)
        if beside.is_file() and sha256(beside) != digest:
            _refuse(capture, file)
    for other in said.files:
        sibling = capture.with_name(other)
        theirs = _read(account_path(sibling), other) if other != capture.name and sibling.is_file() else None
        if theirs is not None and theirs.result != said.result:
            _refuse(capture, other)


def _refuse(capture: Path, file: str) -> None:
    raise InputError(
        f"files of one result of 'netdiffus generate' at {capture.parent}",
        f"a mixture: {file} is not the one that {account_path(capture).name} was written with",
        f"generate them again; if you changed it on purpose, remove {account_path(capture).name}",
    )
