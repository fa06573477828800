"""What a small file may declare: refused before memory is taken, with the option that allows it."""

import io
import zipfile

import numpy as np
import polars as pl
import pytest

from netdiffus.errors import InputError
from netdiffus.traffic.tables.files import read_table
from netdiffus.traffic.tables.npz import read_arrays
from netdiffus.traffic.tables.parquet_size import parquet_size, size_of_footer


def npz_that_declares(path, shape: tuple[int, ...], kind: str = "<f8", stored: bytes = b"") -> None:
    """An npz file with one array whose header says something else than what is stored."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": kind, "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("size.npy", header.getvalue() + stored)


@pytest.mark.parametrize(
    ("shape", "kind", "words"),
    [
        (
            (10**12, 10),
            "<f8",
            r"array of shape \(1000000000000, 10\) is longer than what is stored of it \(128 bytes\); check the file",
        ),
        ((10**12, 0, 10**12), "|i1", "one row a trace|a .npz table"),
        ((10**9,), "<U0", "t.npz with an array of 1,000,000,000; .* .*--max-values 1000000000"),
        ((2,), "|S1000000000", "array of shape"),
        ((2,), "<U900000000", "not a valid dtype"),
        ((1000, 10), "<f8", "array of shape .1000, 10. is longer than what is stored of it"),
        ((-1, 10), "<f8", "negative"),
        ((2,), "|O", "Object arrays"),
    ],
)
def test_arrays_that_declare_more_than_there_is(shape, kind, words, tmp_path) -> None:
    npz_that_declares(tmp_path / "t.npz", shape, kind)
    with pytest.raises(InputError, match=words):
        read_table(tmp_path / "t.npz")


def test_many_values_in_a_small_file(tmp_path) -> None:
    np.savez_compressed(tmp_path / "t.npz", size=np.zeros((1000, 300), np.int8), label=np.array(["a"] * 1000))
    with pytest.raises(InputError, match=r"at most 100,000 values; got t.npz with an array of 1,000 x 300; .* 300000"):
        read_table(tmp_path / "t.npz", 100_000)
    assert len(read_table(tmp_path / "t.npz", 310_000)) == 1000
    assert read_arrays(tmp_path / "t.npz")["size"].shape == (1000, 300)


def test_parquet_of_empty_rows_and_of_long_lists(tmp_path) -> None:
    rows = 300_000
    empty = {
        "label": pl.repeat("a", rows, eager=True),
        "size": pl.repeat([], rows, dtype=pl.List(pl.Int64), eager=True),
    }
    pl.DataFrame(empty).write_parquet(tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 30_000
    with pytest.raises(
        InputError, match=r"at most 500,000 values; got t.parquet with 300,000 rows of 2 columns; if that"
    ):
        read_table(tmp_path / "t.parquet", 500_000)
    assert len(read_table(tmp_path / "t.parquet", 600_000)) == rows
    pl.DataFrame({"label": ["a"], "size": [[0] * rows]}).write_parquet(tmp_path / "l.parquet")
    assert parquet_size(tmp_path / "l.parquet")[:2] == (1, rows + 1)
    with pytest.raises(InputError, match=r"l.parquet with 300,001 values; if that is right and fits into memory, run"):
        read_table(tmp_path / "l.parquet", 200_000)


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_text_whose_rows_are_short_for_its_columns(name, tmp_path) -> None:
    keys = [f"k{n}" for n in range(1000)]
    first = ",".join(keys) if name == "t.csv" else "{" + ", ".join(f'"{key}": 1' for key in keys) + "}"
    (tmp_path / name).write_text(first + ("\n" if name == "t.csv" else "\n{}") * 2000)
    with pytest.raises(InputError, match=rf"{name} with more than .* rows of 1,000 columns; .* .*--max-values"):
        read_table(tmp_path / name, 1000)
    assert read_table(tmp_path / name).shape[1] == 1000


@pytest.mark.parametrize(
    "data",
    [b"", b"\x15", b"\xff" * 40, b"\x19\xfc\xff\xff\xff\xff\x0f", b"\x1c" * 100, b"\x19" * 100, b"\x18\xff\xff\x7f"],
)
def test_footers_that_are_none(data) -> None:
    with pytest.raises(ValueError, match="footer"):
        size_of_footer(data)
