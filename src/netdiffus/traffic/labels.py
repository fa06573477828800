"""Labels of captures: by folder, by file name, or by a table of files or 5-tuples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from netdiffus.errors import InputError

CAPTURE_SUFFIXES = (".pcap", ".pcapng", ".cap", ".dmp")
COMPRESSION_SUFFIXES = (".gz", ".xz", ".zst", ".lz4")
TUPLE = ("protocol", "client", "client_port", "server", "server_port")
UNLABELLED = "unlabelled"


def is_capture_name(path: Path) -> bool:
    """Whether a file name looks like a capture: its suffix, or the one before that of a compression."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSION_SUFFIXES:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in CAPTURE_SUFFIXES


def bare_name(path: Path) -> str:
    """A file's name without the suffixes of captures and compression."""
    name = path.name
    for suffix in (*COMPRESSION_SUFFIXES, *CAPTURE_SUFFIXES):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name


@dataclass(frozen=True)
class FolderLabels:
    """The label is the name of the capture's parent folder."""

    def __call__(self, capture: Path, flows: pl.DataFrame) -> pl.Series:
        """One label a flow."""
        return _constant(capture.resolve().parent.name, flows)


@dataclass(frozen=True)
class FileLabels:
    """The label is the capture's file name without suffixes."""

    def __call__(self, capture: Path, flows: pl.DataFrame) -> pl.Series:
        """One label a flow."""
        return _constant(bare_name(capture), flows)


@dataclass(frozen=True)
class OneLabel:
    """Everything has the same label: input without labels."""

    def __call__(self, capture: Path, flows: pl.DataFrame) -> pl.Series:
        """One label a flow."""
        return _constant(UNLABELLED, flows)


@dataclass(frozen=True)
class MapLabels:
    """Labels from a table with the columns file,label or protocol,client,client_port,server,server_port,label.

    Flows that the table does not name get null and are left out by whoever asked.
    """

    table: pl.DataFrame

    @classmethod
    def read(cls, path: Path) -> MapLabels:
        """The table in a CSV file.

        Raises:
            InputError: no such file, or it has neither set of columns.
        """
        if not path.is_file():
            raise InputError("'folder', 'file' or a CSV table for --labels", str(path), "name an existing table")
        table = pl.read_csv(path, infer_schema=False)
        if "label" not in table.columns or not ("file" in table.columns or set(TUPLE) <= set(table.columns)):
            raise InputError(
                f"the columns file,label or {','.join(TUPLE)},label in {path}",
                ",".join(table.columns),
                "add the header line",
            )
        return cls(table)

    def __call__(self, capture: Path, flows: pl.DataFrame) -> pl.Series:
        """One label a flow, or null."""
        if "file" in self.table.columns:
            found = self.table.filter(pl.col("file").is_in([capture.name, str(capture), bare_name(capture)]))
            return _constant(found["label"][0] if len(found) else None, flows)
        keys = flows.select(pl.col(name).cast(pl.String) for name in TUPLE)
        known = self.table.select(*TUPLE, "label").unique(TUPLE, keep="first", maintain_order=True)
        return keys.join(known, on=list(TUPLE), how="left", maintain_order="left")["label"]


Labels = FolderLabels | FileLabels | OneLabel | MapLabels


def label_rule(name: str) -> Labels:
    """The rule for --labels: "folder", "file", or the path of a CSV table."""
    named: dict[str, Labels] = {"folder": FolderLabels(), "file": FileLabels()}
    return named[name] if name in named else MapLabels.read(Path(name))


def _constant(label: str | None, flows: pl.DataFrame) -> pl.Series:
    return pl.Series("label", [label] * len(flows), dtype=pl.String)
