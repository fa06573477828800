"""Tables as they lie in files: every form holds the same."""

import json

import numpy as np
import polars as pl
import pytest

from netdiffus.errors import InputError
from netdiffus.traffic.tables.columns import parse_columns
from netdiffus.traffic.tables.files import read_table
from netdiffus.traffic.tables.traces import traces_of_table

ROWS = {"LABEL": ["web", "dns"], "PL": [[517, 1448, 0, 0], [40, 0, 0, 0]], "DIR": [[0, 1, 0, 0], [0, 0, 0, 0]]}
ROWS |= {"IAT": [[0.0, 1.5, 0.0, 0.0], [0.0] * 4]}
COLUMNS = parse_columns("size=PL,direction=DIR,gap_us=IAT,label=LABEL")


def read(path, **options) -> pl.DataFrame:
    return traces_of_table(read_table(path), COLUMNS, **options).traces


def write(form: str, folder):
    path = folder / f"table.{form}"
    frame = pl.DataFrame(ROWS)
    if form == "parquet":
        frame.write_parquet(path)
    elif form == "jsonl":
        frame.write_ndjson(path)
    elif form == "csv":
        cells = {name: [json.dumps(v) if isinstance(v, list) else v for v in values] for name, values in ROWS.items()}
        pl.DataFrame(cells).write_csv(path)
    else:
        np.savez(path, **{name: np.array(values) for name, values in ROWS.items()})
    return path


@pytest.mark.parametrize("form", ["parquet", "jsonl", "csv", "npz"])
def test_every_form_gives_the_same_traces(form, tmp_path) -> None:
    traces = read(write(form, tmp_path), strip_padding=True)
    assert traces["label"].to_list() == ["web", "dns"]
    assert traces["size"].to_list() == [[517, 1448], [40]]
    assert traces["direction"].to_list() == [[0, 1], [0]]
    assert traces["gap_ns"].to_list() == [[0, 1500], [0]]
    assert traces["n_packets"].to_list() == [2, 1]
    assert read(write(form, tmp_path))["size"].to_list() == [[517, 1448, 0, 0], [40, 0, 0, 0]]


def test_npz_rows_may_end_earlier(tmp_path) -> None:
    sizes = np.array([[1.0, 2.0, 3.0], [4.0, np.nan, np.nan]])
    np.savez(tmp_path / "nan.npz", size=sizes, label=np.array(["a", "b"]))
    np.savez(tmp_path / "lengths.npz", size=np.nan_to_num(sizes), label=np.array(["a", "b"]), lengths=np.array([3, 1]))
    for name in ("nan", "lengths"):
        traces = traces_of_table(read_table(tmp_path / f"{name}.npz"), {}).traces
        assert traces["size"].to_list() == [[1, 2, 3], [4]], name


def test_files_that_are_no_tables(tmp_path) -> None:
    (tmp_path / "no.parquet").write_bytes(b"this is no parquet file")
    (tmp_path / "no.npz").write_bytes(b"nor this an npz")
    (tmp_path / "no.jsonl").write_bytes(b"{1")
    (tmp_path / "no.csv").write_bytes(b"")
    np.savez(tmp_path / "objects.npz", size=np.array([[1], [2, 3]], dtype=object))
    np.savez(tmp_path / "uneven.npz", size=np.zeros((2, 3)), label=np.array(["a"]))
    for name in ("no.parquet", "no.npz", "no.jsonl", "no.csv", "objects.npz"):
        with pytest.raises(InputError, match=rf"table; got .*{name}"):
            read_table(tmp_path / name)
    with pytest.raises(InputError, match=r"one row a trace; got first axes of \[1, 2\]"):
        read_table(tmp_path / "uneven.npz")
    with pytest.raises(InputError, match=r"none\.csv, which does not exist"):
        read_table(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("first", "names"),
    [
        ("1448,52.5", ["column_1", "column_2"]),
        ("-3,1e3", ["column_1", "column_2"]),
        ("0,1", ["0", "1"]),
        ("1,2", ["1", "2"]),
        ("size,0", ["size", "0"]),
        ("7", ["column_1"]),
    ],
)
def test_a_csv_without_names_has_numbered_columns(first, names, tmp_path) -> None:
    rest = ",".join("5" for _ in names)
    (tmp_path / "t.csv").write_text(f"{first}\n{rest}\n", encoding="utf-8")
    table = read_table(tmp_path / "t.csv")
    assert table.columns == names
    assert len(table) == (2 if names[0].startswith("column") else 1)
