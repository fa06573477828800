"""Tables of series: forms, names, units, padding, errors."""

import json

import numpy as np
import polars as pl
import pytest

from netdiffus.errors import InputError
from netdiffus.traffic.tables import parse_columns, read_table, traces_of_table
from shared_files import shared

ROWS = {"LABEL": ["web", "dns"], "PL": [[517, 1448, 0, 0], [40, 0, 0, 0]], "DIR": [[0, 1, 0, 0], [0, 0, 0, 0]]}
ROWS |= {"IAT": [[0.0, 1.5, 0.0, 0.0], [0.0] * 4]}
COLUMNS = parse_columns("size=PL,direction=DIR,gap_us=IAT,label=LABEL")


def read(path, **options) -> pl.DataFrame:
    return traces_of_table(read_table(path), COLUMNS, **options)[0]


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


@pytest.mark.parametrize(("unit", "factor"), [("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9)])
def test_units_of_time(unit, factor) -> None:
    gaps = pl.DataFrame({"label": ["a"], f"gap_{unit}": [[0.0, 250.0]]})
    times = pl.DataFrame({"label": ["a"], f"time_{unit}": [[1000.0, 1250.0]]})
    for table in (gaps, times):
        assert traces_of_table(table, {})[0]["gap_ns"].to_list() == [[0, int(250 * factor)]]


def test_signed_sizes() -> None:
    traces, _ = traces_of_table(pl.DataFrame({"label": ["a"], "signed_size": [[-517, 1448, 0]]}), {})
    assert traces["size"].to_list() == [[517, 1448, 0]]
    assert traces["direction"].to_list() == [[0, 1, 1]]


def test_lists_in_csv_may_be_written_in_several_ways() -> None:
    cells = ["[1, 2]", "1 2", "1;2", "(1,2)", "[1.0  2.0]"]
    traces, _ = traces_of_table(pl.DataFrame({"label": ["a"] * 5, "size": cells}), {})
    assert traces["size"].to_list() == [[1, 2]] * 5


def test_groups_come_along() -> None:
    _, groups = traces_of_table(
        pl.DataFrame({"label": ["a", "b"], "size": [[1], [2]], "SESSION": [7, 8]}), {"group": "SESSION"}
    )
    assert groups is not None
    assert groups.to_list() == [7, 8]


def test_errors_name_what_is_there(tmp_path) -> None:
    with pytest.raises(InputError, match=r"the column 'XX' .*; got the columns LABEL, PL"):
        traces_of_table(pl.DataFrame(ROWS), {"size": "XX"})
    with pytest.raises(InputError, match="pass --unlabelled"):
        traces_of_table(pl.DataFrame(ROWS), {"size": "PL"})
    with pytest.raises(InputError, match="at least one of the columns"):
        traces_of_table(pl.DataFrame(ROWS), {"label": "LABEL"})
    with pytest.raises(InputError, match=r"--columns NAME=COLUMN"):
        parse_columns("sise=PL")
    with pytest.raises(InputError, match="lists of numbers"):
        traces_of_table(pl.DataFrame({"label": ["a"], "size": ["[x, y]"]}), {})
    with pytest.raises(InputError, match="a list column for size"):
        traces_of_table(pl.DataFrame({"label": ["a"], "size": [3]}), {})
    (tmp_path / "no.parquet").write_bytes(b"this is no parquet file")
    (tmp_path / "no.npz").write_bytes(b"nor this an npz")
    for name in ("no.parquet", "no.npz"):
        with pytest.raises(InputError, match=rf"table; got .*{name}"):
            read_table(tmp_path / name)


def test_unlabelled_tables_get_one_label() -> None:
    traces, _ = traces_of_table(pl.DataFrame({"size": [[1], [2]]}), {}, unlabelled="unlabelled")
    assert traces["label"].to_list() == ["unlabelled"] * 2


def test_mirage() -> None:
    traces = read(shared("data/mirage_appxact/test.parquet"), strip_padding=True)
    assert len(traces) == 3267
    assert traces["label"].n_unique() == 14
    assert traces["size"].list.len().max() == 10
    assert traces["gap_ns"].list.max().max() <= 99_946_980
