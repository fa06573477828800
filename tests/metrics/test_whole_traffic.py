"""Whole traffic: real traffic is as real, and each wrong generator is found by the scores that are for it.

The traffic is a process that one can check by hand: a client looks a name up, connects, and opens more connections to
the same server, whose packets come in bursts.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from netdiffus.metrics import Inputs, Missing, Score, WholeSets, compute
from netdiffus.metrics.connections import records
from netdiffus.metrics.sessions import NO_SESSIONS
from netdiffus.metrics.whole import second_half
from netdiffus.traffic.whole.arrivals import ArrivalCounts, Arrivals
from netdiffus.traffic.whole.flows import Delays, Whole, WholeFlows, joined, sessions_of
from netdiffus.traffic.whole.kernel import ACK_SEEN, DATA_SEEN, FIN_SEEN, SYN_ACK_SEEN, SYN_SEEN

S = 1_000_000_000
NAMES = ("flows", "delays", "load", "wavelet", "sessions", "connections")
DNS, TLS = 53, 443


def traffic(seed: int, count: int = 150, pause_s: float = 4.0) -> Whole:
    """`count` sessions, one a client and every `pause_s` seconds: a look-up, then two to five connections."""
    rng = np.random.default_rng(seed)
    rows, times, sizes = [], [], []
    for session in range(count):
        at = int((session + rng.random()) * pause_s * S)
        end = at + int(rng.lognormal(16.5, 0.5))
        rows.append((session, 0, DNS, 17, at, end, 1, 1, 40, 120))
        times.append(np.array([at, end]))
        sizes.append(np.array([68, 148]))
        for _ in range(int(rng.integers(2, 6))):
            start = end + int(rng.lognormal(17, 1))
            bursts = np.cumsum(rng.lognormal(18, 1.5, int(rng.integers(1, 6))))
            packets = start + np.sort((bursts[:, None] + np.cumsum(rng.exponential(2e5, (len(bursts), 20)), 1)).ravel())
            packets = packets.astype(np.int64)
            size = rng.choice([52, 1500], len(packets), p=[0.4, 0.6])
            payload = int((size - 52).sum())
            up = int(rng.choice([517, 1034, 1448]))
            rows.append(
                (session, 1, TLS, 6, start, int(packets[-1]), len(packets) // 3, 2 * len(packets) // 3, up, payload)
            )
            times.append(packets)
            sizes.append(size)
            end = start
    return whole_of(np.array(rows), times, sizes, rng)


def whole_of(rows: np.ndarray, times: list[np.ndarray], sizes: list[np.ndarray], rng: np.random.Generator) -> Whole:
    client, label, port, protocol, start, end = rows.T[:6]
    zeros, pair = np.zeros_like(client), np.ones((len(rows), 2), np.int64)
    tcp = SYN_SEEN | ACK_SEEN | DATA_SEEN | FIN_SEEN, SYN_ACK_SEEN | ACK_SEEN | DATA_SEEN | FIN_SEEN
    flows = WholeFlows(
        np.array(["lookup", "web"])[label], zeros, client, 1000 + client, protocol, port, start, end, rows[:, 6:8],
        rows[:, 6:8] * 52 + rows[:, 8:10], rows[:, 8:10], np.where(protocol[:, None] == 6, tcp, DATA_SEEN * pair),
        zeros - 1, sessions_of(zeros, client, start, end), zeros - 1,
    )  # fmt: skip
    counts = ArrivalCounts()
    size = np.concatenate(sizes)
    counts.add(0, np.concatenate(times), size, size - 52)
    owner = np.repeat(np.arange(len(rows)), 2)
    delays = [Delays(owner, rng.lognormal(mean, 0.4, len(owner)).astype(np.int64)) for mean in (17.5, 16.5)]
    return Whole(flows, counts.result(), *delays)


REAL = traffic(0, 300)


def scored(synthetic: Whole, names: tuple[str, ...] = NAMES, test: Whole | None = None) -> list[Score]:
    inputs = Inputs(WholeSets(REAL, test, synthetic))
    return [score for name in names for score in compute(name, inputs, 0)]


def flagged(found: list[Score]) -> set[str]:
    return {score.name for score in found if score.flagged and score.label is None}


@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_no_false_alarm(seed: int) -> None:
    assert flagged(scored(traffic(seed), NAMES[:-1])) == set()


def test_other_traffic_of_the_same_process_is_as_real() -> None:
    found = scored(traffic(1))
    assert flagged(found) == set()
    assert all(score.value is not None and score.floor is not None for score in found)
    assert {score.name.split(".")[0] for score in found} == set(NAMES)
    by_name = {score.name: score for score in found if score.label is None}
    assert len([name for name in by_name if name.startswith("wavelet.")]) == 30
    for name, score in by_name.items():
        if not name.startswith("wavelet"):
            assert score.value == pytest.approx(score.floor, abs=0.1), name


def test_given_test_traffic_takes_the_place_of_a_half() -> None:
    assert flagged(scored(traffic(1), NAMES[:-1], traffic(4))) == set()


def spread(whole: Whole) -> Whole:
    """As many packets at the times of a Poisson process, spread over all of the time."""
    rng = np.random.default_rng(0)
    was, counts = whole.arrivals, ArrivalCounts()
    packets = np.repeat(np.arange(len(was.ms)), was.packets)
    time = rng.integers(was.ms[0], was.ms[-1], len(packets)) * 1_000_000
    counts.add(0, time, (was.throughput // was.packets)[packets], (was.goodput // was.packets)[packets])
    return replace(whole, arrivals=counts.result())


def changed(whole: Whole, **columns: np.ndarray) -> Whole:
    return replace(whole, flows=replace(whole.flows, **columns))


def shuffled(whole: Whole) -> Whole:
    """Flows with their kind, drawn anew for every place in every session."""
    flows, order = whole.flows, np.random.default_rng(0).permutation(len(whole.flows))
    same = {"client", "capture", "session", "start_ns", "end_ns"}
    columns = {f.name: getattr(flows, f.name)[order] for f in fields(WholeFlows) if f.name not in same}
    return changed(whole, **columns)


def one_by_one(whole: Whole) -> Whole:
    """Every flow from a client of its own."""
    alone = np.arange(len(whole.flows))
    return changed(whole, client=alone, session=alone)


def exponential(whole: Whole) -> Whole:
    """Payload of exponential size with the same mean."""
    rng = np.random.default_rng(0)
    payload = rng.exponential(whole.flows.payload.mean(axis=0), whole.flows.payload.shape).astype(np.int64)
    return changed(whole, payload=payload, ip_bytes=whole.flows.packets * 52 + payload)


def unpaced(whole: Whole) -> Whole:
    """Connections begin at any time within a minute of their look-up."""
    flows, rng = whole.flows, np.random.default_rng(0)
    later = np.where(flows.server_port == TLS, rng.integers(-25 * S, 35 * S, len(flows)), 0)
    return changed(whole, start_ns=flows.start_ns + later, end_ns=flows.end_ns + later)


def unanswered(whole: Whole) -> Whole:
    """Connections that are never closed, as a cut leaves them, and delays without spread."""
    flows = whole.flows
    even = Delays(whole.responses.owner, np.full_like(whole.responses.ns, 4 * S // 100))
    cut = replace(whole, responses=even, round_trips=Delays(even.owner, even.ns // 3))
    return changed(cut, history=flows.history & ~FIN_SEEN)


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        (spread, {"wavelet.packets.mean", "wavelet.bytes.mean", "wavelet.packets.64ms", "load.arrivals"}),
        (shuffled, {"sessions.order", "sessions.lookups"}),
        (one_by_one, {"sessions.flows", "sessions.lookups", "sessions.order"}),
        (exponential, {"flows.bytes", "connections.auc"}),
        (unpaced, {"sessions.gaps", "sessions.lookups"}),
        (unanswered, {"connections.auc", "delays.response", "delays.round_trip"}),
        (lambda whole: traffic(1, pause_s=1.0), {"load.active", "load.throughput", "load.goodput"}),
    ],
    ids=["poisson", "shuffled", "one by one", "exponential", "unpaced", "unanswered", "rate"],
)
def test_a_wrong_generator_is_found(spoil, names: set[str]) -> None:
    needed = tuple(name for name in NAMES if any(each.startswith(name + ".") for each in names))
    assert names <= flagged(scored(spoil(traffic(1)), needed))


def test_flows_cut_at_64_packets_are_found() -> None:
    whole = traffic(1)
    cut = np.minimum(whole.flows.packets, 12)
    end = whole.flows.start_ns + (whole.flows.end_ns - whole.flows.start_ns) // 10
    found = scored(changed(whole, packets=cut, end_ns=end), ("flows",))
    assert {"flows.packets", "flows.duration"} <= flagged(found)
    assert {score.label for score in found} == {None, "lookup", "web"}


def test_followers_by_name_where_all_answers_are_known() -> None:
    def known(whole: Whole, share: float) -> Whole:
        named = (np.arange(len(whole.flows)) % 100 < 100 * share).astype(np.int64)
        return changed(whole, named=named)

    inputs = Inputs(WholeSets(known(REAL, 0.9), None, known(traffic(1), 0.2)))
    (score,) = [score for score in compute("sessions", inputs, 0) if score.name == "sessions.lookups"]
    assert score.value == pytest.approx(0.7, abs=0.05)
    assert score.flagged
    assert "an answer named the server" in score.note
    one_side = Inputs(WholeSets(known(REAL, 0.9), None, traffic(1)))
    (score,) = [score for score in compute("sessions", one_side, 0) if score.name == "sessions.lookups"]
    assert "a look-up of the client had ended" in score.note


def notes(sets: WholeSets, *names: str) -> dict[str, str]:
    return {score.name: score.note for name in names for score in compute(name, Inputs(sets), 0) if score.value is None}


def test_what_cannot_be_computed_says_why() -> None:
    alone = one_by_one(REAL)
    assert set(notes(WholeSets(alone, None, traffic(1)), "sessions").values()) == {NO_SESSIONS}
    few = traffic(5, 3)
    said = notes(WholeSets(REAL, None, few), "load", "sessions")
    assert said["load.active"].startswith("needs 8 windows of ten seconds of real and 4 of synthetic traffic; got")
    assert said["sessions.flows"] == "needs 20 sessions of real and 10 of synthetic traffic; got 300 and 3"
    nothing = Inputs(Missing(WholeSets, "synthetic traffic: it has no packets"))
    found = [score for name in NAMES for score in compute(name, nothing, 0)]
    assert {score.note for score in found} == {"synthetic traffic: it has no packets"}
    assert {"flows.bytes", "wavelet.bytes.mean", "connections.auc"} < {score.name for score in found}
    assert all(score.note.startswith("needs captures") for name in NAMES for score in compute(name, Inputs(), 0))


def test_traffic_without_packets_is_told_from_traffic() -> None:
    empty = Whole(REAL.flows.take(np.zeros(0, np.intp)), Arrivals(*[np.zeros(0, np.int64)] * 5), *[
        Delays(np.zeros(0, np.int64), np.zeros(0, np.int64))] * 2)  # fmt: skip
    found = scored(empty)
    assert all(score.value is None and score.note for score in found)


def test_halves_and_joins() -> None:
    labels = np.repeat(["a", "b"], [10, 3])
    chosen = second_half(labels, np.random.default_rng(0))
    assert (chosen[:10].sum(), chosen[10:].sum()) == (5, 2)
    both = joined([REAL, REAL])
    assert len(both.flows) == 2 * len(REAL.flows)
    assert len(np.unique(both.flows.session)) == 2 * len(np.unique(REAL.flows.session))
    assert both.responses.owner.max() == len(both.flows) - 1
    assert records(REAL.flows).shape == (len(REAL.flows), 26)
