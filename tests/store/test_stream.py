"""Parquet while rows come: the file is that of all rows at once, and an error of the disk reaches whoever writes."""

import threading

import polars as pl
import pytest

from netdiffus.store import stream
from netdiffus.store.stream import ParquetStream, sink


def test_the_file_is_that_of_all_rows_at_once(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(stream, "ROWS_IN_GROUP", 1000)
    frames = [pl.DataFrame({"n": range(k), "bytes": [b"x" * (i % 9) for i in range(k)]}) for k in (1, 700, 2500, 3)]
    frames.insert(2, frames[0].clear())
    file = ParquetStream(tmp_path / "a.parquet")
    assert not file
    for frame in frames:
        file.add(frame)
    file.close()
    file.close()
    assert file
    whole = pl.concat(frames)
    assert pl.read_parquet(tmp_path / "a.parquet").equals(whole)
    with (tmp_path / "b.parquet").open("wb") as beside:
        sink(whole.lazy(), beside)
    assert pl.scan_parquet(tmp_path / "b.parquet").collect().equals(whole)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_no_frame_no_file(tmp_path) -> None:
    ParquetStream(tmp_path / "a.parquet").close()
    assert list(tmp_path.iterdir()) == []


def test_frames_wait_for_a_place(tmp_path, monkeypatch) -> None:
    gate = threading.Event()

    class Slow:
        def __init__(self, given, schema) -> None:
            self.frames = given()

        def sink_parquet(self, path, **form) -> None:
            for _ in self.frames:
                gate.wait()

    monkeypatch.setattr(stream, "register_io_source", Slow)
    file = ParquetStream(tmp_path / "a.parquet")
    adding = threading.Thread(target=lambda: [file.add(pl.DataFrame({"n": [k]})) for k in range(5)])
    adding.start()
    adding.join(0.3)
    assert adding.is_alive()
    gate.set()
    adding.join(5)
    assert not adding.is_alive()
    file.close()


def test_an_error_of_the_disk_is_raised(tmp_path) -> None:
    (tmp_path / "a.parquet").mkdir()  # a folder where the file should be
    file = ParquetStream(tmp_path / "a.parquet")
    with pytest.raises(OSError, match="directory"):  # noqa: PT012
        for k in range(100):
            file.add(pl.DataFrame({"n": [k]}))
        file.close()
    with pytest.raises(OSError, match="directory"):
        file.close()
