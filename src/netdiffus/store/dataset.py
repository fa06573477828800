"""Dataset folders: dataset.json, traces.parquet and, from captures, packets.parquet."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl

from netdiffus.errors import InputError
from netdiffus.store.atomic import atomic_folder
from netdiffus.store.cards import DatasetCard

TRACES, PACKETS = "traces.parquet", "packets.parquet"


def sha256(path: Path) -> str:
    """The hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_dataset(path: Path, card: DatasetCard, traces: pl.DataFrame, packets: pl.DataFrame | None) -> DatasetCard:
    """Write a dataset folder, whole or not at all; returns the card with the hash of its traces."""
    with atomic_folder(path, DatasetCard.FILE) as folder:
        traces.write_parquet(folder / TRACES)
        if packets is not None:
            packets.write_parquet(folder / PACKETS)
        card = card.model_copy(update={"hash": sha256(folder / TRACES)})
        card.write(folder)
    return card


def read_dataset(path: Path) -> tuple[DatasetCard, pl.DataFrame]:
    """The card and the traces of a dataset folder.

    Raises:
        InputError: it is no dataset of this format, or its traces are not those that the card was written for.
    """
    card = DatasetCard.read(path)
    file = path / TRACES
    if not file.is_file():
        raise InputError(f"{TRACES} in the dataset {path}", "none", f"make it again with '{DatasetCard.MADE_BY}'")
    if sha256(file) != card.hash:
        raise InputError(
            f"the {TRACES} that {DatasetCard.FILE} was written for",
            "a file with another hash",
            "prepare the dataset again",
        )
    return card, pl.read_parquet(file)
