"""Sessions end to end: prepared together, learned beside the flows, drawn to a capture of clients."""

from itertools import pairwise

import polars as pl
import pytest

from netdiffus import generate, prepare, recordings, train
from netdiffus.errors import InputError
from netdiffus.models.backends import load_model
from netdiffus.models.sampling import Sampling
from netdiffus.models.summary import draws_sessions
from netdiffus.store.cards import ModelCard
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.labels.rules import MapLabels
from netdiffus.traffic.whole.reader import whole_of_capture
from netdiffus.wire.conformance.check import check_capture

SESSIONS = 12


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return prepare(recordings.sessions()["mail"], tmp_path_factory.mktemp("data") / "dataset", packets="all")


@pytest.fixture(scope="module")
def model(dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("model") / "model"
    return train(dataset, out, image="fields", preset="tiny", steps=6, length=8, contexts=2)


@pytest.fixture(scope="module")
def capture(model, tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "made.pcapng"
    generate(model, out, sessions=SESSIONS, seed=4)
    return out


def table(capture) -> pl.DataFrame:
    return pl.read_csv(capture.with_name(capture.name + ".labels.csv"))


def test_flows_of_a_session_are_on_one_side_of_the_split(dataset) -> None:
    _, traces = read_dataset(dataset)
    sides = traces.group_by("session").agg(pl.col("split").n_unique())
    assert sides["split"].max() == 1
    assert sides.height > 100
    assert set(traces["split"]) == {"train", "test"}


def test_the_card_says_that_it_draws_sessions(model, small_model) -> None:
    assert draws_sessions(ModelCard.read(model))
    assert not draws_sessions(ModelCard.read(small_model))


def test_a_client_has_one_session_and_one_address(capture) -> None:
    rows = table(capture)
    assert rows.columns[-1] == "session"
    assert sorted(set(rows["session"])) == list(range(1, SESSIONS + 1))
    assert rows.group_by("session").agg(pl.col("client").n_unique())["client"].max() == 1
    assert rows["client"].n_unique() == SESSIONS
    ends = rows.select("client", "client_port", "server", "server_port", "protocol")
    assert ends.n_unique() == rows.height


def test_sessions_overlap_and_nothing_is_at_fault(capture) -> None:
    found = check_capture(capture)
    assert not found.faults
    assert found.flows == table(capture).height


def test_sessions_have_the_flows_that_were_drawn_and_begin_in_order(model, capture) -> None:
    drawn = load_model(model).sessions.draw(SESSIONS, Sampling(), 4, balance=False)
    sizes = pl.Series(drawn.slots.session).value_counts().sort("").get_column("count").to_list()
    rows = table(capture).sort("session", "start_ns")
    assert rows.group_by("session", maintain_order=True).len()["len"].to_list() == sizes
    starts = rows.group_by("session", maintain_order=True).agg(pl.col("start_ns").min())["start_ns"].to_list()
    assert all(one <= other for one, other in pairwise(starts))
    assert (drawn.slots.links.delay_ns >= 0).all()


def test_evaluate_reads_the_sessions_that_labels_name(capture) -> None:
    rule = MapLabels.read(capture.with_name(capture.name + ".labels.csv"))
    flows = whole_of_capture(capture, 0, rule).flows
    assert len(set(flows.session.tolist())) == SESSIONS


def test_a_seed_draws_the_same_capture(model, capture, tmp_path) -> None:
    again, other = tmp_path / "made.pcapng", tmp_path / "other.pcapng"
    generate(model, again, sessions=SESSIONS, seed=4)
    generate(model, other, sessions=SESSIONS, seed=5)
    assert again.read_bytes() == capture.read_bytes()
    assert other.read_bytes() != capture.read_bytes()


def test_sessions_begin_within_the_duration(model, tmp_path) -> None:
    out = tmp_path / "made.pcap"
    generate(model, out, sessions=5, duration=100.0, packets=1)
    rows = table(out)
    starts = rows.group_by("session").agg(pl.col("start_ns").min())["start_ns"]
    assert starts.max() - starts.min() == pytest.approx(100e9, rel=1e-6)
    assert set(rows["packets"]) == {1}


def test_counts_draw_flows_without_sessions_as_before(model, tmp_path) -> None:
    out = tmp_path / "made.pcap"
    generate(model, out, count=6)
    assert "session" not in table(out).columns


def test_what_cannot_be_is_said(model, dataset, tmp_path) -> None:
    with pytest.raises(InputError, match="--sessions or --count"):
        generate(model, tmp_path / "made.pcap", sessions=3, count=4)
    with pytest.raises(InputError, match=r"a capture .*for --sessions"):
        generate(model, tmp_path / "made.parquet", sessions=3)
    alone = prepare(recordings.captures()["dns"][0], tmp_path / "dns", packets="all")
    assert "session" not in read_dataset(alone)[1].columns
    assert "label 'dns' leads" in (alone / "dataset.json").read_text()
    without = train(alone, tmp_path / "model", image="fields", preset="tiny", steps=1, length=4, contexts=0)
    with pytest.raises(InputError, match=r"a model of sessions for --sessions.*prepare captures in which each label"):
        generate(without, tmp_path / "made.pcap", sessions=3)
