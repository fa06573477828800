"""Recordings of other years in one file: their breaks are no gaps, and --start says when a capture begins."""

import json

import numpy as np
import polars as pl
import pytest

from netdiffus import generate, train
from netdiffus.cli.show import print_breaks
from netdiffus.compiler import compile_rows, fresh_endpoints, write_packets
from netdiffus.errors import InputError
from netdiffus.steps.prepare import prepare
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.store.cards import ModelCard
from real_sessions import recorded

SECOND = 10**9
YEARS = (0, 946_684_800, 1_500_000_000, 4_070_908_800)
"""1 January 1970, 2000, a day of 2017, and 1 January 2099."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of a capture that holds ten flows, three seconds apart, of each year."""
    folder = tmp_path_factory.mktemp("years")
    rows = recorded("dns")[0]
    rows = fresh_endpoints(rows.select(np.arange(len(rows)) < 40), np.random.default_rng(0))
    rows.flows["start_ns"] = [SECOND * (year + 3 * k) for year in YEARS for k in range(10)]
    (folder / "dns").mkdir()
    with open(folder / "dns" / "years.pcap", "wb") as file:
        write_packets(file, compile_rows(rows))
    list(prepare([folder / "dns"], folder / "dataset", PrepareConfig.of(packets=4, test=0.2)))
    return train(folder / "dataset", folder / "model", image="fields", preset="tiny", steps=2, batch=8)


def starts(out) -> np.ndarray:
    return pl.read_csv(f"{out}.labels.csv")["start_ns"].to_numpy()


def test_the_breaks_are_counted_and_not_learned(model, tmp_path, capsys) -> None:
    card = ModelCard.read(model)
    assert card.codec["gap_breaks"] == 3
    assert max(card.codec["gaps_ns"]) < 60 * SECOND
    said = "3 gaps between flows were left out: the recording broke off there, or its clock was set."
    assert said in (model / "README.md").read_text()
    print_breaks(model)
    assert capsys.readouterr().out == f"arrivals: {said}\n"
    out = tmp_path / "made.pcap"
    generate(model, out, count=50)
    found = starts(out)
    assert found[0] == 1_767_225_600 * SECOND
    assert 0 < found[-1] - found[0] < 50 * 60 * SECOND
    generate(model, out, count=50, rate=100.0)
    found = starts(out)
    assert found[-1] - found[0] == pytest.approx(0.49 * SECOND, rel=1e-6)
    assert np.count_nonzero(np.diff(found) < 1000) <= 1


def test_start_holds_for_captures_and_tables(model, tmp_path) -> None:
    out = tmp_path / "made.pcapng"
    generate(model, out, count=10, start="2200-06-01T12:00:00.000000001Z")
    begin = starts(out)[0]
    assert begin == 7_271_208_000 * SECOND + 1
    assert json.loads((tmp_path / "made.pcapng.json").read_text())["capture"]["start"] == begin
    for start, ns in (("1900-01-01", -2_208_988_800 * SECOND), (7, 7 * SECOND)):
        generate(model, tmp_path / "made.parquet", count=10, start=start)
        assert pl.read_parquet(tmp_path / "made.parquet")["start_ns"].min() == ns


@pytest.mark.parametrize(
    ("name", "start", "words"),
    [
        ("x.pcap", "1969-12-31", r"--start from 1970 to 2105 for x\.pcap; got -86400000000000 ns; choose another"),
        ("x.pcap", "2107-01-01", "--start from 1970 to 2105"),
        ("x.nprint", "2107-01-01", "--start from 1970 to 2105"),
        ("x.pcapng", -1, "--start from 1970 to 2261"),
        ("x.parquet", 2**63 - 1, "--start from 1678 to 2261"),
        ("x.pcap", "soon", "a time such as"),
        ("x.pcap", 1.5, "start a valid integer"),
    ],
)
def test_a_start_that_does_not_fit_is_refused_before_the_work(name, start, words, model, tmp_path) -> None:
    with pytest.raises(InputError, match=words):
        generate(model, tmp_path / name, count=10, start=start, on_progress=lambda _: pytest.fail("it was drawing"))
    assert not list(tmp_path.iterdir())
