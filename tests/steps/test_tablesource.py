"""Tables as sources of prepare: their own test parts, labels from file names, bins, sums and windows."""

import polars as pl
import pytest

from netdiffus import recordings
from netdiffus.api.verbs import prepare
from netdiffus.cli.main import run
from netdiffus.errors import InputError
from netdiffus.store.cards import DatasetCard
from netdiffus.store.dataset import read_dataset

PACKETS = {"label": ["a", "b"] * 10, "size": [[5, 0, n] for n in range(20)], "direction": [[0, 1, 1]] * 20}
PACKETS |= {"gap_ms": [[0, 30, 30]] * 20}


@pytest.fixture
def table(tmp_path):
    def written(columns: dict, name: str = "t.parquet"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        frame = pl.DataFrame(columns)
        frame.write_csv(path) if path.suffix == ".csv" else frame.write_parquet(path)
        return path

    return written


def test_a_source_of_its_own_is_the_test_part(table, tmp_path) -> None:
    train, test = table(PACKETS, "train.parquet"), table({name: v[:4] for name, v in PACKETS.items()}, "test.parquet")
    card, traces = read_dataset(prepare(train, tmp_path / "out", test=str(test)))
    assert traces.group_by("source", "split").len().sort("source").rows() == [
        ("test.parquet", "test", 4), ("train.parquet", "train", 20),
    ]  # fmt: skip
    assert (card.split.rule, card.split.test) == ("as the sources say", 0.1667)
    assert card.test_duplicates == 4
    with pytest.raises(InputError, match=r"other files for --test than for training; got test\.parquet as both"):
        prepare([train, test], tmp_path / "both", test=str(test))
    web, dns = (recordings.captures()[label][0] for label in ("web", "dns"))
    card, traces = read_dataset(prepare(web, tmp_path / "captures", test=str(dns), packets=4))
    assert set(traces.group_by("source", "split").len().select("source", "split").rows()) == {
        (web.name, "train"), (dns.name, "test"),
    }  # fmt: skip
    assert card.faults == {"label has no test part, its traces are of one group or in one source": 1}


def test_a_column_split_is_kept_and_the_rest_is_drawn(table, tmp_path) -> None:
    parts = ["valid"] * 10 + ["test"] * 4 + [None] * 6
    card, traces = read_dataset(prepare(table(PACKETS | {"split": parts}), tmp_path / "out", test=0.5))
    assert traces["split"].to_list()[:14] == ["train"] * 10 + ["test"] * 4
    assert set(traces["split"].to_list()[14:]) == {"train", "test"}
    assert card.split.rule.startswith("as the sources say; elsewhere stratified by label")
    generated = table(PACKETS | {"split": ["synthetic"] * 20}, "generated.parquet")
    assert set(DatasetCard.read(prepare(generated, tmp_path / "again")).labels["a"]) == {"train", "test"}


def test_a_label_without_a_test_part_is_reported(table, tmp_path) -> None:
    card = DatasetCard.read(prepare(table(PACKETS | {"group": [1] * 20}), tmp_path / "out"))
    assert card.faults == {"label has no test part, its traces are of one group or in one source": 2}
    assert DatasetCard.read(prepare(table(PACKETS), tmp_path / "two")).faults == {}


def test_bins_of_packets_and_bins_that_a_table_has(table, tmp_path) -> None:
    card, traces = read_dataset(prepare(table(PACKETS), tmp_path / "a", bins=40))
    assert card.bin_ns == 40_000_000
    assert traces["up_bytes"].to_list()[7] == [5, 0]
    assert traces["down_bytes"].to_list()[7] == [0, 7]
    assert traces["n_packets"].to_list() == [3] * 20
    given = table({"label": ["a"] * 4, "up_bytes": [[1, 2, 3, 4]] * 4})
    card, traces = read_dataset(prepare(given, tmp_path / "b", bins=100, sum=2))
    assert card.bin_ns == 200_000_000
    assert traces["up_bytes"].to_list() == [[3, 7]] * 4
    assert DatasetCard.read(prepare(given, tmp_path / "c")).bin_ns is None
    with pytest.raises(InputError, match="for --bins; got the channels size"):
        prepare(table({"label": ["a"], "size": [[1]]}, "sizes.parquet"), tmp_path / "d", bins=5)


def test_windows_of_one_long_series(table, tmp_path) -> None:
    path = table({"time": [f"2005-06-{n:02}" for n in range(1, 31)], "bits": [8 * n for n in range(30)]}, "link.csv")
    options = {"columns": "down_bits=bits", "unlabelled": True, "window": 5, "bins": 1000.0}
    card, traces = read_dataset(prepare(path, tmp_path / "out", **options))
    assert traces["down_bytes"].to_list() == [list(range(first, first + 5)) for first in range(0, 30, 5)]
    assert traces["split"].to_list() == ["train"] * 5 + ["test"]
    assert traces["start_ns"].to_list() == [5 * n * 10**9 for n in range(6)]
    assert card.split.rule == "the last windows of a single series are for testing"
    later = table({"bits": [8 * n for n in range(30, 40)]}, "later.csv")
    _, traces = read_dataset(prepare(path, tmp_path / "two", test=str(later), **options))
    assert traces.group_by("source", "split").len().sort("source").rows() == [
        ("later.csv", "test", 2), ("link.csv", "train", 6),
    ]  # fmt: skip
    with pytest.raises(InputError, match="--stride together with --window"):
        prepare(path, tmp_path / "other", stride=3)


def test_windows_of_a_trace_stay_on_one_side(table, tmp_path) -> None:
    path = table({"label": ["a"] * 10, "up_bytes": [[n, n, n, n] for n in range(10)]})
    _, traces = read_dataset(prepare(path, tmp_path / "out", window=2, stride=1))
    assert len(traces) == 30
    sides = (
        traces.with_columns(pl.col("up_bytes").list.first().alias("n")).group_by("n").agg(pl.col("split").n_unique())
    )
    assert set(sides["split"]) == {1}
    assert (traces["split"] == "test").sum() == 6


def test_a_folder_of_one_table_a_trace(table, tmp_path) -> None:
    for label in ("vid1", "vid2"):
        for number in range(5):
            steps = {"time": [0.25, 0.5, 0.75, 1.0], " addr2_bytes": [number, 2, None, 4]}
            table(steps, f"Youtube/{label}/{label}_{number}.csv")
    options = {"columns": "down_bytes=addr2_bytes", "sum": 2, "bins": 250}
    card, traces = read_dataset(prepare(tmp_path / "Youtube", tmp_path / "out", labels="folder", **options))
    assert card.labels == {"vid1": {"train": 4, "test": 1}, "vid2": {"train": 4, "test": 1}}
    assert card.bin_ns == 500_000_000
    assert traces["down_bytes"].to_list()[:5] == [[n + 2, 4] for n in range(5)]
    assert card.sources[0].faults == {"bytes of a bin are missing, taken as 0": 1}
    by_file = prepare(tmp_path / "Youtube" / "vid1", tmp_path / "files", labels="file", **options)
    assert sorted(DatasetCard.read(by_file).labels) == [f"vid1_{n}" for n in range(5)]
    (tmp_path / "map.csv").write_text("file,label\nvid1_3,web\nvid1_4.csv,chat\n")
    some = prepare(tmp_path / "Youtube" / "vid1", tmp_path / "some", labels=str(tmp_path / "map.csv"), **options)
    assert [source.faults for source in DatasetCard.read(some).sources][:2] == [
        {"bytes of a bin are missing, taken as 0": 1, "trace has no label, left out": 1}
    ] * 2
    none = tmp_path / "Youtube" / "vid1" / "vid1_0.csv"
    with pytest.raises(InputError, match="got trace has no label: 1"):
        prepare(none, tmp_path / "none", labels=str(tmp_path / "map.csv"), **options)
    named = prepare(
        [tmp_path / "Youtube" / "vid1" / f"vid1_{n}.csv" for n in (3, 4)],
        tmp_path / "named", labels=str(tmp_path / "map.csv"), **options,
    )  # fmt: skip
    assert sorted(DatasetCard.read(named).labels) == ["chat", "web"]
    with pytest.raises(InputError, match="or choose --labels folder, --labels file or --unlabelled"):
        prepare(tmp_path / "Youtube", tmp_path / "refused", **options)


def test_faults_of_a_table_are_on_the_card(table, tmp_path) -> None:
    rows = {"label": ["a", "a", None, "a", "a"], "size": [[1], [2, 3], [4], [-5], [6, 7]]}
    card, traces = read_dataset(prepare(table(rows), tmp_path / "out", min_packets=2))
    assert traces["size"].to_list() == [[2, 3], [6, 7]]
    assert (card.sources[0].flows, card.sources[0].short_flows) == (2, 1)
    assert card.sources[0].faults == {
        "trace has no label, left out": 1,
        "trace in which a size or a number of bytes is negative, left out": 1,
    }


def test_what_a_card_says_of_how_tables_were_read(table, tmp_path) -> None:
    rows = "flow;app;when;bytes\n" + "".join(f"{n};web ;{n};{5 + n}\n{n};web;{n},5;7\n" for n in range(9))
    (tmp_path / "t.csv").write_bytes((rows + "9;dns;1;-\n9;dns;1;3\n").encode("utf-16"))
    columns = "trace_id=flow,label=app,time_s=when,size=bytes"
    card, traces = read_dataset(prepare(tmp_path / "t.csv", tmp_path / "out", columns=columns, test=0.0))
    assert card.notes == [
        "t.csv: read as UTF-16, cells separated by semicolons, decimal commas",
        "t.csv: the first cell that cannot be used is in line 20: bytes is '-'",
        "t.csv: label 'web ' has blanks at its ends; it is taken as 'web', 9 times",
    ]
    assert card.sources[0].faults == {"row without a number in every series, left out": 1}
    assert card.warnings == [
        "label 'dns' has a single training trace; a model can only repeat it: add traces, or leave the label out"
    ]
    assert traces.filter(pl.col("label") == "dns")["size"].to_list() == [[3]]
    with pytest.raises(InputError, match=r"without faults \(--strict\); got .*row without a number in every series"):
        prepare(tmp_path / "t.csv", tmp_path / "strict", columns=columns, strict=True)
    good = table(PACKETS | {"label": ["web ", "dns"] * 10})
    assert DatasetCard.read(prepare(good, tmp_path / "good", strict=True)).labels.keys() == {"web", "dns"}


def test_tables_without_a_usable_trace_beside_others(table, tmp_path) -> None:
    bad = table({"label": ["c"], "size": [[-5]], "direction": [[1]], "gap_ms": [[0]]}, "bad.parquet")
    for options in ({}, {"bins": 10}, {"window": 2}):
        card = DatasetCard.read(prepare([table(PACKETS), bad], tmp_path / f"out{len(options)}{options}", **options))
        assert card.sources[1].faults == {"trace in which a size or a number of bytes is negative, left out": 1}
    with pytest.raises(InputError, match=r"at least one usable trace; got trace in which a size .* negative: 1; mend"):
        prepare(bad, tmp_path / "alone")


def test_traces_shorter_than_a_window_are_counted(table, tmp_path) -> None:
    rows = {"label": ["a", "a", "b", "b"], "size": [[1, 2, 3, 4]] * 3 + [[5]]}
    card = DatasetCard.read(prepare(table(rows), tmp_path / "out", window=2))
    assert card.sources[0].faults == {"trace is shorter than --window, left out": 1}


def test_how_much_a_table_may_declare(table, tmp_path) -> None:
    path = table({"label": ["a"] * 90_000, "size": [[]] * 90_000})
    with pytest.raises(
        InputError, match=r"at most .* values; got t.parquet with 90,000 rows of 2 columns; .*--max-values"
    ):
        prepare(path, tmp_path / "out", max_values=1000)


def test_options_of_times_want_a_table_of_labels(table, tmp_path) -> None:
    for options in ({"time_format": "%d"}, {"utc_offset": "-03:00", "labels": "folder"}):
        with pytest.raises(InputError, match=r"together with --labels TABLE; got --.* alone"):
            prepare(table(PACKETS), tmp_path / "out", **options)


def test_every_label_of_a_table_is_on_the_card_with_what_became_of_it(table, tmp_path, capsys) -> None:
    rows = {"label": ["dns"] * 6 + ["web"] * 4, "size": [[5, -7]] * 6 + [[1, 2]] * 3 + [[3, -4]]}
    card = DatasetCard.read(prepare(table(rows), tmp_path / "out", test=0.0))
    assert card.labels == {"dns": {"train": 0, "test": 0}, "web": {"train": 3, "test": 0}}
    reason = "trace in which a size or a number of bytes is negative"
    left_out = {name: [(o.unit, o.count, o.of, o.reason) for o in left] for name, left in card.left_out.items()}
    assert left_out == {
        "dns": [("rows", 6, 6, reason)], "web": [("rows", 1, 4, reason)],
    }  # fmt: skip
    assert run(["info", str(tmp_path / "out")]) == 0
    assert f"dns: 6 of 6 rows left out: {reason}" in capsys.readouterr().out
    bad, good = table({"label": ["c"], "size": [[-5]]}, "bad.csv.parquet"), table(rows, "good.parquet")
    card = DatasetCard.read(prepare([bad, good], tmp_path / "two", test=0.0, min_packets=2))
    assert card.labels["c"] == {"train": 0, "test": 0}
