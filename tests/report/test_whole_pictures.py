"""Whole traffic in the report: the table, the load over time, sessions as Gantt charts; reasons where it is missing."""

import numpy as np
import pytest

from netdiffus.metrics import Score, WholeSets
from netdiffus.report.gantt import MOST_FLOWS, chart, leading, session_rows
from netdiffus.report.whole import energy_svg, load_rows, whole_missing, whole_rows
from netdiffus.traffic.whole.arrivals import ArrivalCounts
from netdiffus.traffic.whole.flows import Delays, Whole, WholeFlows

S = 1_000_000_000


def whole(*sessions: list[str]) -> Whole:
    """A flow each second, of one client a session, with a packet of 100 bytes every 100 ms for two seconds."""
    labels = np.array([label for session in sessions for label in session])
    number = np.repeat(np.arange(len(sessions)), [len(session) for session in sessions])
    start = np.arange(len(labels)) * S
    pair = np.ones((len(labels), 2), np.int64)
    flows = WholeFlows(
        labels, 0 * number, number, number, 0 * number + 6, 0 * number + 443, start, start + 2 * S, 10 * pair,
        1000 * pair, 480 * pair, pair, 0 * number - 1, number, 0 * number - 1,
    )  # fmt: skip
    counts = ArrivalCounts()
    times = (start[:, None] + np.arange(20) * S // 10).ravel()
    counts.add(0, times, np.full(len(times), 100), np.full(len(times), 48))
    none = Delays(np.zeros(0, np.int64), np.zeros(0, np.int64))
    return Whole(flows, counts.result(), none, none)


REAL = whole(["dns", "web", "web"], ["web"], ["mail", "dns", "mail"])
SETS = WholeSets(REAL, None, whole(["web", "web"], ["ntp", "ntp"]))


def test_the_leading_label_of_sessions() -> None:
    assert {label: [len(rows) for rows in found] for label, found in leading(REAL.flows).items()} == {
        "web": [3], "mail": [3]}  # fmt: skip
    assert [row.label for row in session_rows(SETS)] == ["web"]
    assert session_rows(None) == []


@pytest.mark.filterwarnings("error")
def test_a_chart_has_a_bar_a_flow_and_says_how_many_are_left_out() -> None:
    row = session_rows(SETS)[0]
    assert 'aria-label="a real session of web"' in row.real
    assert "var(--real)" in row.real
    assert "var(--synthetic)" in row.synthetic
    long = chart(whole(["web"] * 60).flows, "#0067a8", "a session", "g")
    assert f'aria-label="a session, its first {MOST_FLOWS} of 60 flows"' in long
    one = chart(whole(["web"]).flows.take(np.zeros(1, np.intp)), "#0067a8", "a session", "g")
    assert one.startswith("<svg")


def test_the_load_is_drawn_as_long_as_the_shorter_side() -> None:
    titles = [row.title for row in load_rows(SETS)]
    assert titles == ["IP bytes a second", "Packets a second", "Open flows"]
    assert "var(--synthetic)" in load_rows(SETS)[0].synthetic
    assert energy_svg(SETS, 0).startswith("<svg")
    assert (load_rows(None), energy_svg(None, 0)) == ([], "")


def test_rows_and_reasons() -> None:
    found = [
        Score("flows.bytes", 0.3, 0.1, 1.0, "min", low=0.05, high=0.15),
        Score("flows.bytes", 0.7, 0.1, 1.0, "min", label="web"),
        Score("flows.bytes", 0.2, 0.1, 1.0, "min", label="dns"),
        Score("wavelet.bytes.1ms", 0.3, 0.1, None, "min"),
        Score("sessions.flows", None, None, 1.0, "min", note="too few"),
        Score("sessions.gaps", None, None, 1.0, "min", note="too few"),
        Score("fields.ttl.ks", None, None, 1.0, "min", note="no packets"),
    ]
    (row,) = whole_rows(found)
    assert (row.name, row.value, row.reading, row.worst) == ("flows.bytes", "0.300", "worse", "web 0.700 (real 0.100)")
    assert whole_missing(found) == ["too few"]
