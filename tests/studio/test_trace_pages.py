"""A table of traces is read page by page, and what is read is what is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from netdiffus.errors import InputError
from netdiffus.studio.bars import large_bars, positions, seconds_text, small_bars
from netdiffus.studio.histograms import histograms
from netdiffus.studio.traces import TraceTables

ROWS = 30_000


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many traces of three labels in small row groups; one label is rare and spread over the file."""
    rng = np.random.default_rng(0)
    labels = np.where(np.arange(ROWS) < 20_000, "web", "dns").astype(object)
    labels[::7001] = "rare"
    path = tmp_path_factory.mktemp("traces") / "traces[1].parquet"
    frame = pl.DataFrame(
        {
            "trace_id": np.arange(ROWS),
            "label": pl.Series(labels, dtype=pl.String),
            "n_packets": np.full(ROWS, 3),
            "size": pl.Series(rng.integers(0, 1460, (ROWS, 3)).tolist(), dtype=pl.List(pl.Int32)),
            "direction": pl.Series(rng.integers(0, 2, (ROWS, 3)).tolist(), dtype=pl.List(pl.Int8)),
        }
    )
    with path.open("wb") as file:
        frame.write_parquet(file, row_group_size=1000)
    return path


@pytest.mark.parametrize("label", ["", "web", "dns", "rare"])
def test_pages_together_are_the_table(table: Path, label: str) -> None:
    read = TraceTables().open(table)
    whole = pl.read_parquet(table.read_bytes())
    wanted = whole.filter(pl.col("label") == label) if label else whole
    assert read.counts == dict(whole["label"].value_counts().sort("label").iter_rows())
    size = 2 if label == "rare" else 4096
    pages = [read.page(number, size, label) for number in range(-(-len(wanted) // size) + 1)]
    assert pl.concat([page.traces for page in pages]).equals(wanted.select(pages[0].traces.columns))
    assert [row for page in pages for row in page.rows] == wanted["trace_id"].to_list()
    assert {page.total for page in pages} == {len(wanted)}
    assert pages[-1].rows == []


@pytest.mark.parametrize("label", ["", "web", "dns", "rare"])
def test_parts_are_one_table(table: Path, label: str, tmp_path: Path) -> None:
    whole, begin = pl.read_parquet(table.read_bytes()), 0
    (tmp_path / "set[1]" / "traces").mkdir(parents=True)
    for number, rows in enumerate((7, 12_000, 1, ROWS)):
        with (tmp_path / "set[1]" / "traces" / f"part-{number:05}.parquet").open("wb") as file:
            whole[begin : begin + rows].write_parquet(file, row_group_size=1000)
        begin += rows
    tables = TraceTables()
    parts, one = tables.open(tmp_path / "set[1]"), TraceTables().open(table)
    assert (parts.counts, parts.total, parts.channels) == (one.counts, one.total, one.channels)
    for number in range(0, 8, 3):
        page, same = parts.page(number, 2500, label), one.page(number, 2500, label)
        assert (page.rows, page.total) == (same.rows, same.total)
        assert page.traces.equals(same.traces)
    assert parts.spread(2000).equals(one.spread(2000))
    assert tables.open(tmp_path / "set[1]") is parts
    (tmp_path / "set[1]" / "traces" / "part-00000.parquet").unlink()
    assert tables.open(tmp_path / "set[1]").total == ROWS - 7


def test_parts_of_other_columns(table: Path, tmp_path: Path) -> None:
    whole = pl.read_parquet(table.read_bytes())
    (tmp_path / "traces").mkdir()
    whole[:9].write_parquet(tmp_path / "traces" / "part-00000.parquet")
    whole[:9].drop("size").write_parquet(tmp_path / "traces" / "part-00001.parquet")
    with pytest.raises(InputError, match="parts with the same columns; got others in"):
        TraceTables().open(tmp_path)


def test_a_sample_comes_from_all_over_the_table(table: Path) -> None:
    sample = TraceTables().open(table).spread(2000)
    assert len(sample) <= 2000
    assert sample["trace_id"].n_unique() == len(sample)
    assert np.histogram(sample["trace_id"].to_numpy(), 10, (0, ROWS))[0].min() > 100


def test_a_table_that_changes_is_counted_again(tmp_path: Path) -> None:
    tables, path = TraceTables(), tmp_path / "t.parquet"
    for n in (3, 5):
        pl.DataFrame(
            {"label": ["x"] * n, "size": [[1]] * n}, schema_overrides={"size": pl.List(pl.Int32)}
        ).write_parquet(path)
        assert tables.open(path).total == n


@pytest.mark.parametrize("content", [b"", b"PAR1nonsensePAR1"])
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a Parquet file at t\.parquet"):
        TraceTables().open(path)
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(InputError, match="a table with labels and series"):
        TraceTables().open(path)
    with pytest.raises(InputError, match="a table of traces"):
        TraceTables().open(tmp_path / "none.parquet")


def test_bars_say_what_is_in_the_trace() -> None:
    trace = {"size": [100, 0, 1448], "direction": [0, 1, 1], "gap_ns": [0, 1_500_000, 2_000_000_000]}
    assert positions(trace) == [[(100, False)], [(0, True)], [(1448, True)]]
    small = small_bars(trace)
    assert (small.up.count("M"), small.down.count("M")) == (1, 2)
    assert small.words == "3 positions in 2 s, 100 bytes up, 1,448 bytes down"
    large = large_bars(trace)
    assert [bar.text for bar in large.bars] == [
        "1: 100 bytes client → server",
        "2: 0 bytes server → client, 1.5 ms after the one before",
        "3: 1,448 bytes server → client, 2 s after the one before",
    ]
    assert [bar.down for bar in large.bars] == [False, True, True]
    assert max(bar.height for bar in large.bars) == large.bars[2].height == 110
    binned = {"up_bytes": [5, 0, 7], "down_bytes": [0, 0, 9]}
    assert positions(binned) == [[(5, False)], [(0, False)], [(7, False), (9, True)]]
    empty = large_bars({"size": [], "direction": [], "gap_ns": []})
    assert empty.bars == []
    assert large_bars({"size": [1] * 600, "direction": [0] * 600}).left_out == 88


def test_histograms_count_every_value(table: Path) -> None:
    sizes = TraceTables().open(table).spread(1000).select("size", "direction")
    found = histograms(sizes)
    assert [each.title for each in found] == ["Payload bytes of a packet", "Positions of a trace"]
    assert sum(int(n.replace(",", "")) for _, _, n in found[0].outlines) == 3 * len(sizes)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (1.25, "1.25 s"), (0.0125, "12.5 ms"), (2e-6, "2 µs"), (5e-9, "5 ns"), (5000, "5,000 s")],
)
def test_times_are_said_for_people(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text
