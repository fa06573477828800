"""Which parts of an old result may be replaced: files listed by a manifest of ours, and files marked as ours."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from netdiffus.errors import InputError
from netdiffus.store.account import is_accounted
from netdiffus.store.stage import PREFIX

_MADE_BY = re.compile(r"(netdiffus \S+ model|images [0-9a-f]{16}$|images of|bit images of) ?")
"""Prefix of the column `source` in tables written by netdiffus (steps/outputs/traces.py and its callers)."""


@dataclass(frozen=True)
class FolderKind:
    """A kind of result folder.

    Attributes:
        name: how messages call it.
        manifest: the file that identifies a folder of this kind; it is published last.
        files: reads the manifest of a folder and returns the test for names (a/b) of files that belong to it; raises
            InputError if netdiffus did not write the manifest.
    """

    name: str
    manifest: str
    files: Callable[[Path], Callable[[str], bool]]


def fixed(names: Collection[str], read: Callable[[Path], object]) -> Callable[[Path], Callable[[str], bool]]:
    """`FolderKind.files` of a kind whose files always have the same names."""

    def files(folder: Path) -> Callable[[str], bool]:
        read(folder)
        return names.__contains__

    return files


def contents(folder: Path) -> tuple[list[str], list[str]]:
    """Names below a folder: of plain files, and of everything else (links, devices, empty folders) with its type.

    Stages, and the `lost+found` of a mounted file system, are ignored.
    """
    files, others = [], []
    for place, folders, names in os.walk(folder):
        here = Path(place)
        if here == folder:
            folders[:] = [name for name in folders if not _is_passed_over(here / name)]
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(set(folders) - set(links))
        if here != folder and not (folders or names or links):
            others.append(f"{here.relative_to(folder)} (an empty folder)")
        others += [f"{(here / name).relative_to(folder)} (a link)" for name in links]
        for name in sorted(names):
            path = here / name
            if path.is_file() and not path.is_symlink():
                files.append(path.relative_to(folder).as_posix())
            else:
                others.append(str(path.relative_to(folder)))
    return files, others


def _is_passed_over(path: Path) -> bool:
    return path.name.startswith(PREFIX) or (path.name == "lost+found" and os.path.ismount(path.parent))


def owned(folder: Path, kind: FolderKind) -> tuple[list[str], list[str]]:
    """The files of a folder that belong to an old result of this kind, and everything else.

    Raises:
        InputError: there is a manifest, but netdiffus did not write it.
    """
    files, others = contents(folder)
    if kind.manifest not in files:
        return [], [*files, *others]
    is_ours = kind.files(folder)
    return [name for name in files if is_ours(name)], [*(name for name in files if not is_ours(name)), *others]


def is_ours(path: Path) -> bool:
    """Whether a file is marked, by itself or by the account beside it, as written by netdiffus.

    A generated capture, its labels and its account are recognised by the account (store/account.py) as long as nobody
    has changed them. Parquet, CSV, npz and pcapng carry a mark themselves. A pcap and nPrint text cannot.
    """
    accounted = is_accounted(path)
    if accounted is not None:
        return accounted
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            with path.open("rb") as file:
                return "netdiffus" in pl.read_parquet_metadata(file)
        if name.endswith(".csv"):
            with path.open("rb") as file:
                row = pl.read_csv(file, n_rows=1, infer_schema=False)
            return "trace_id" in row.columns and bool(_MADE_BY.match(row["source"][0] or ""))
        if name.endswith(".npz"):
            return _is_our_npz(path)
        return name.endswith(".pcapng") and _is_our_pcapng(path)
    except (OSError, ValueError, LookupError, pl.exceptions.PolarsError, zipfile.BadZipFile):
        return False


def _is_our_npz(path: Path) -> bool:
    """Traces and stacks of images have an array `provenance`; packed nPrint rows are our own format."""
    with zipfile.ZipFile(path) as file:
        names = set(file.namelist())
    return "provenance.npy" in names or {"bits.npy", "present.npy", "headers.npy", "payload_bytes.npy"} <= names


def _is_our_pcapng(path: Path) -> bool:
    """The section header names the application."""
    with path.open("rb") as file:
        head = file.read(1 << 17)
    size = int.from_bytes(head[4:8], "little")
    return head[:4] == b"\x0a\x0d\x0d\x0a" and b"netdiffus" in head[24 : max(size - 4, 24)]


def refuse_others(path: Path, kind: FolderKind, others: list[str]) -> None:
    """Raise an InputError that names the obstacle to a result folder."""
    if others:
        shown = ", ".join(others[:3]) + (f" and {len(others) - 3:,} more" if len(others) > 3 else "")
        raise InputError(
            f"a new or empty folder, or a {kind.name} of netdiffus and nothing else, for --out",
            f"{path}, which holds other files: {shown}",
            "move them away, or name another --out",
        )
