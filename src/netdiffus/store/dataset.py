"""Dataset folders: dataset.json, traces.parquet and, from captures, packets.parquet; or both in parts (parted.py)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from netdiffus.errors import InputError
from netdiffus.spread import Spread
from netdiffus.store.account import sha256 as sha256
from netdiffus.store.cards import DatasetCard
from netdiffus.store.columns import read_packet_rows, read_traces
from netdiffus.store.objects import check_absent, is_object
from netdiffus.store.ownership import FolderKind
from netdiffus.store.parted import PACKETS as PACKETS
from netdiffus.store.parted import TRACES as TRACES
from netdiffus.store.parted import PartedWriter, hash_of, is_part
from netdiffus.store.parted import files_of as files_of
from netdiffus.store.parts import Parts
from netdiffus.store.publish import publish_folder
from netdiffus.store.sides import beside, sides_of
from netdiffus.store.stream import ParquetStream, sink


def _files(folder: Path) -> Callable[[str], bool]:
    DatasetCard.read(folder)
    return lambda name: name in (DatasetCard.FILE, TRACES, PACKETS) or is_part(name)


DATASET = FolderKind(DatasetCard.KIND, DatasetCard.FILE, _files)


class DatasetWriter:
    """A dataset folder in the making: traces and packets are added as they arrive, in bounded memory.

    Attributes:
        traces: rows of traces.parquet, still without a split.
        packets: rows of packets.parquet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._parts = folder, folder / "parts"
        self.traces, self.packets = Parts(self._parts), ParquetStream(folder / PACKETS)

    def finish(
        self, card: DatasetCard, split: pl.Series, group: pl.Series | None = None, session: pl.Series | None = None
    ) -> None:
        """Write the files; the card gets the hash of the traces.

        Args:
            split: "train" or "test" for each trace.
            group: a number for each trace, equal for traces that belong together; None: no groups.
            session: the number of the session that each flow is of; None: they are not known.
        """
        self.packets.close()
        traces = self.traces.rows()
        table = beside(traces, sides_of(split, group, session))
        with (self._folder / TRACES).open("wb") as file:
            sink(table, file)
        shutil.rmtree(self._parts, ignore_errors=True)
        card.model_copy(update={"hash": sha256(self._folder / TRACES)}).write(self._folder)


@contextmanager
def parted_writer(path: Path, inputs: Iterable[Path], spread: Spread) -> Iterator[PartedWriter]:
    """The same of a dataset in parts, which are read and written by a spread; in an object store each by its task."""
    if is_object(path):
        check_absent(path)
        writer = PartedWriter(path, spread)
        try:
            yield writer
        except BaseException:
            writer.abandon()
            raise
        return
    with publish_folder(path, DATASET, inputs) as folder:
        yield PartedWriter(folder, spread)


@contextmanager
def dataset_writer(path: Path, inputs: Iterable[Path] = ()) -> Iterator[DatasetWriter]:
    """A writer of the dataset folder `path`, which appears when the block succeeds, completely or not at all.

    Args:
        inputs: the sources of the dataset; none of them may lie in the folder.
    """
    with publish_folder(path, DATASET, inputs) as folder:
        writer = DatasetWriter(folder)
        try:
            yield writer
        finally:
            writer.packets.close()


def read_dataset(path: Path) -> tuple[DatasetCard, pl.DataFrame]:
    """The card and the traces of a dataset folder.

    Raises:
        InputError: the folder is not a dataset of this format, or its traces are not those of the card, or violate the
            format.
    """
    card = DatasetCard.read(path)
    files = files_of(path, TRACES)
    if not files:
        raise InputError(f"{TRACES} in the dataset {path}", "none", f"make it again with '{DatasetCard.MADE_BY}'")
    if hash_of(path) != card.hash:
        raise InputError(
            f"the {TRACES} that {DatasetCard.FILE} was written for"
            if files[0].name == TRACES
            else f"the {TRACES.removesuffix('.parquet')}/ that {DatasetCard.FILE} was written for",
            "a file with another hash",
            "prepare the dataset again",
        )
    names = [channel.name for channel in card.channels]
    return card, pl.concat([read_traces(file, names) for file in files])


def has_packets(path: Path) -> bool:
    """Whether a dataset folder has packets."""
    return bool(files_of(path, PACKETS))


def read_packets(path: Path) -> pl.DataFrame:
    """The packets of a dataset folder.

    Raises:
        InputError: there are none, or they violate the format.
    """
    files = files_of(path, PACKETS)
    if not files:
        raise InputError(
            f"a dataset of packets ({PACKETS})",
            f"{path} without, as it was made from tables or --bins",
            "prepare the dataset from captures, without --bins",
        )
    return pl.concat([read_packet_rows(file) for file in files])


def scan_packets(path: Path) -> pl.LazyFrame:
    """The packets of a dataset folder with packets, read on demand."""
    return scanned(files_of(path, PACKETS))


def scanned(files: Iterable[Path]) -> pl.LazyFrame:
    """The rows of Parquet files, one after the other, read on demand."""
    scans = []
    for file in files:
        with file.open("rb") as opened:  # of a path polars would take brackets and stars for a pattern
            scans.append(pl.scan_parquet(opened))  # polars keeps it open itself
    return pl.concat(scans)
