"""A Parquet file that is written while its rows arrive: a thread encodes the previous ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import BinaryIO

import polars as pl
from polars.io.plugins import register_io_source

ROWS_IN_GROUP = 1 << 16
"""Row group size of a Parquet file: what a writer must hold at once, and a reader may skip."""


def sink(rows: pl.LazyFrame, file: BinaryIO) -> None:
    """Write a table of a dataset; row groups, and so the bytes, do not depend on the frames that rows came in."""
    rows.sink_parquet(
        file, compression="zstd", compression_level=1, statistics=False, row_group_size=ROWS_IN_GROUP,
        engine="streaming",
    )  # fmt: skip


def sink_marked(rows: pl.LazyFrame, file: BinaryIO, made_by: str) -> None:
    """Write a table that stands alone, with what it was made by in its metadata, as polars does by default."""
    rows.sink_parquet(file, metadata={"netdiffus": made_by}, row_group_size=ROWS_IN_GROUP, engine="streaming")


class ParquetStream:
    """Frames of one schema into the file at `path`; nothing is written before the first frame.

    Args:
        write: how they are written.

    One frame waits and one is being encoded: memory does not grow with the file. An error of the encoder, e.g. a full
    disk, is raised by the next `add` or by `close`.
    """

    def __init__(self, path: Path, write: Callable[[pl.LazyFrame, BinaryIO], None] = sink) -> None:
        self._path, self._sink = path, write
        self._frames: Queue[pl.DataFrame | None] = Queue(maxsize=1)
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def add(self, frame: pl.DataFrame) -> None:
        """The next rows."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, args=(frame.schema,), daemon=True)
            self._thread.start()
        self._frames.put(frame)
        if self._error is not None:
            self.close()

    def close(self) -> None:
        """Write the remaining rows."""
        if self._thread is not None and self._thread.is_alive():
            self._frames.put(None)
            self._thread.join()
        if self._error is not None:
            raise self._error

    def __bool__(self) -> bool:
        """Whether a frame, empty or not, was added."""
        return self._thread is not None

    def _write(self, schema: pl.Schema) -> None:
        ended = False

        def given(*_: object) -> Iterator[pl.DataFrame]:
            nonlocal ended
            while (frame := self._frames.get()) is not None:
                yield frame
            ended = True

        try:
            with self._path.open("wb") as file:
                self._sink(register_io_source(given, schema=schema), file)
        except BaseException as error:
            self._error = error
            while not ended and self._frames.get() is not None:  # nobody may wait for a slot
                pass
