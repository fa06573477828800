"""What of an old result is ours to replace: files that a manifest of ours lists, and files that say who wrote them."""

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
"""How the column `source` of the tables that netdiffus writes begins (steps/outputs/traces.py and its callers)."""


@dataclass(frozen=True)
class FolderKind:
    """A kind of result folder.

    Attributes:
        name: what it is called in messages.
        manifest: the file that makes a folder one of this kind; it is published last.
        files: reads the manifest of a folder and returns the test for names (a/b) of files that belong to it; raises
            InputError if the manifest is none of ours.
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
    """Names below a folder: of plain files, and of all else (links, devices, empty folders) with what it is.

    Stages, and the `lost+found` of a mounted file system, do not count.
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
    """The files of a folder that belong to an old result of this kind, and all that does not.

    Raises:
        InputError: the manifest is there and none of ours.
    """
    files, others = contents(folder)
    if kind.manifest not in files:
        return [], [*files, *others]
    is_ours = kind.files(folder)
    return [name for name in files if is_ours(name)], [*(name for name in files if not is_ours(name)), *others]


def is_ours(path: Path) -> bool:
    """Whether a file was written by netdiffus, as far as it or the account beside it says so.

    A generated capture, its labels and its account are known by the account (store/account.py) as long as nobody has
    changed them. Parquet, CSV, npz and pcapng say themselves who wrote them. A pcap and nPrint text cannot.
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
    """Traces and stacks of images have an array `provenance`; packed nPrint rows are a form of ours."""
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
    """Raise InputError that names what is in the way of a result folder."""
    if others:
        shown = ", ".join(others[:3]) + (f" and {len(others) - 3:,} more" if len(others) > 3 else "")
        raise InputError(
            f"a new or empty folder, or a {kind.name} of netdiffus and nothing else, for --out",
            f"{path}, which holds other files: {shown}",
            "move them away, or name another --out",
        )
