"""Packed rows: plain numpy arrays that come back exactly, much smaller than the text; damage says so."""

import tracemalloc
import zipfile

import numpy as np
import pytest

from netdiffus import recordings
from netdiffus.errors import InputError
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.nprint.bits import BitRows, bit_rows, pack, unpack
from netdiffus.wire.nprint.capture import NO_TIMES, NprintCapture
from netdiffus.wire.nprint.columns import layout
from netdiffus.wire.nprint.packed import ROWS, PackedReader, PackedWriter
from netdiffus.wire.nprint.text import TextWriter

UDP = layout(["udp"], 1)


def rows_of(n: int, seed: int = 0, *, timed: bool = True) -> BitRows:
    rng = np.random.default_rng(seed)
    bits, present = pack(rng.integers(-1, 2, (n, len(UDP.columns))).astype(np.int8))
    times = rng.integers(0, 2**61, n) if timed else None
    return BitRows(UDP, bits, present, rng.integers(0, 2**63, (n, 2)).astype(np.uint64), times)


def write(path, *blocks: BitRows):
    with PackedWriter(path, blocks[0].layout) as writer:
        for rows in blocks:
            writer.add(rows)
        writer.finish()
    return path


def test_what_is_written_comes_back(tmp_path) -> None:
    blocks = [rows_of(ROWS - 1), rows_of(5, 1), rows_of(ROWS, 2)]
    again = list(PackedReader(write(tmp_path / "x.nprint.npz", *blocks)))
    assert [len(rows) for rows in again] == [ROWS, ROWS, 4]
    for name in ("bits", "present", "source", "time_ns"):
        before = np.concatenate([getattr(rows, name) for rows in blocks])
        assert (np.concatenate([getattr(rows, name) for rows in again]) == before).all(), name
    assert again[0].layout == UDP


def test_numpy_reads_it_and_the_same_rows_make_the_same_bytes(tmp_path) -> None:
    rows = rows_of(100)
    path = write(tmp_path / "x.nprint.npz", rows)
    with np.load(path, allow_pickle=False) as file:
        assert sorted(file) == ["bits", "columns", "headers", "payload_bytes", "present", "source", "time_ns"]
        matrix = unpack(file["bits"], file["present"])
        assert file["columns"].tolist() == UDP.columns
        assert (file["time_ns"] == rows.time_ns).all()
    assert (matrix == unpack(rows.bits, rows.present)).all()
    assert write(tmp_path / "again.nprint.npz", rows).read_bytes() == path.read_bytes()
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("tmp")] == []


def test_rows_without_times(tmp_path) -> None:
    path = write(tmp_path / "x.nprint.npz", rows_of(3, timed=False))
    (rows,) = PackedReader(path)
    assert rows.time_ns is None
    headed = BitRows(
        layout(["ipv4"]), np.zeros((1, 60), np.uint8), np.full((1, 60), 255, np.uint8), rows.source[:1], None
    )
    capture = NprintCapture(write(path, headed))
    assert [block.time_ns.tolist() for block in capture] == [[0]]
    assert capture.faults[NO_TIMES] == 1
    assert len(capture.sha256) == 64


def test_no_rows(tmp_path) -> None:
    assert list(PackedReader(write(tmp_path / "x.nprint.npz", rows_of(0)))) == []


def test_at_least_20_times_smaller_than_the_text(tmp_path) -> None:
    wanted = layout()
    writer, text, blocks = TextWriter(wanted), 0, []
    for label in ("web", "dns", "video-call", "attack-scan"):
        for block in read_capture(recordings.captures()[label][0]):
            blocks.append(bit_rows(block, dissect(block), wanted)[0])
            text += len(writer.lines(blocks[-1]))
    path = write(tmp_path / "x.nprint.npz", *blocks)
    assert text / path.stat().st_size > 20


def test_memory_does_not_grow_with_the_file(tmp_path) -> None:
    rows = rows_of(1000)
    peaks = []
    for n in (150, 450):
        tracemalloc.start()
        path = write(tmp_path / "x.nprint.npz", *[rows] * n)
        assert sum(len(block) for block in PackedReader(path)) == 1000 * n
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0] < 10_000_000


def _rewritten(path, name: str, array: np.ndarray) -> None:
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path.with_suffix(""), **(arrays | {name: array}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(b"PK, but not for long"), "File is not a zip file"),
        (lambda path: np.savez(path.with_suffix(""), size=np.arange(3)), "There is no item named 'headers.npy'"),
        (lambda path: _rewritten(path, "bits", np.zeros((3, 4), np.uint8)), r"arrays of shapes .*'bits': \(3, 4\)"),
        (lambda path: _rewritten(path, "bits", np.zeros((10, 9), np.int16)), "bits of type int16"),
        (lambda path: _rewritten(path, "headers", np.array(["arp"])), "got arp"),
        (lambda path: _rewritten(path, "payload_bytes", np.array("many")), "invalid literal"),
        (lambda path: _rewritten(path, "bits", np.asfortranarray(np.ones((10, 9), np.uint8))), "in column order"),
    ],
)
def test_what_are_no_packed_rows(tmp_path, damage, said) -> None:
    path = write(tmp_path / "x.nprint.npz", rows_of(10))
    damage(path)
    with pytest.raises(InputError, match="expected packed nPrint rows") as error:
        list(PackedReader(path))
    assert error.match(said)


def test_damaged_bytes(tmp_path) -> None:
    path = write(tmp_path / "x.nprint.npz", rows_of(5000))
    with zipfile.ZipFile(path) as file:
        place = file.getinfo("bits.npy").header_offset + 1000
    data = bytearray(path.read_bytes())
    data[place : place + 500] = bytes(500)
    path.write_bytes(data)
    with pytest.raises(InputError, match="expected packed nPrint rows"):
        list(PackedReader(path))
