"""Sessions: flows of one client without a long silence between them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.traffic.flow_sessions import SESSION_IDLE_NS, flow_sessions

S = 1_000_000_000


def sessions(*rows: tuple[str, float, float], idle_s: float = 60.0) -> list[int]:
    client, start, end = zip(*rows, strict=True)
    ns = [np.array([int(value * S) for value in times], np.int64) for times in (start, end)]
    return flow_sessions(np.array(client), *ns, int(idle_s * S)).tolist()


def test_a_silence_of_the_threshold_ends_a_session():
    assert sessions(("a", 0, 1), ("a", 60.9, 62), ("a", 122, 123)) == [0, 0, 1]


def test_the_silence_counts_from_the_end_of_all_flows_before():
    """The second flow ends early; the first goes on until just before the third begins."""
    assert sessions(("a", 0, 200), ("a", 1, 2), ("a", 230, 231)) == [0, 0, 0]


def test_clients_have_sessions_of_their_own_counted_by_their_beginning():
    assert sessions(("b", 5, 6), ("a", 0, 1), ("b", 7, 8), ("a", 500, 501), ("b", 100, 101)) == [1, 0, 1, 3, 2]


def test_a_late_end_of_one_client_does_not_hold_another_together():
    assert sessions(("a", 0, 1_000), ("b", 0, 1), ("b", 100, 101)) == [0, 1, 2]


def test_addresses_as_rows_of_a_structure():
    address = np.array([(1, 2), (1, 3), (1, 2)], dtype=[("high", "u8"), ("low", "u8")])
    assert flow_sessions(address, np.arange(3), np.arange(3)).tolist() == [0, 1, 0]


def test_no_flows():
    assert flow_sessions(np.zeros(0, "U1"), np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []
    assert SESSION_IDLE_NS == 60 * S


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 400), st.integers(-5, 150)), min_size=1, max_size=40),
    st.integers(1, 80),
)
def test_as_a_loop_over_each_client_finds_them(rows: list[tuple[int, int, int]], idle: int):
    client, start, length = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    found = flow_sessions(client, start, start + length, idle)
    expected = np.full(len(rows), -1)
    began = []
    for name in range(4):
        latest = None
        for row in sorted(np.flatnonzero(client == name), key=lambda row: start[row]):
            if latest is None or start[row] - latest >= idle:
                began.append(start[row])
                latest = start[row]
            expected[row] = len(began) - 1
            latest = max(latest, start[row], start[row] + length[row])
    assert len(np.unique(found)) == len(began) == found.max() + 1
    for number in range(len(began)):  # the same partition, in order of their beginnings
        assert len(np.unique(found[expected == number])) == 1
    first = [start[found == number].min() for number in range(len(began))]
    assert first == sorted(began)


def test_times_of_today_do_not_overflow():
    now = 1_790_000_000 * S
    start = np.array([now, now + 59 * S, now + 200 * S], np.int64)
    assert flow_sessions(np.array([7, 7, 7]), start, start).tolist() == [0, 0, 1]


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_flows_come_in_any_order(order: list[int]):
    start = np.array([0, 10, 500])[order] * S
    assert flow_sessions(np.zeros(3), start, start).tolist() == np.array([0, 0, 1])[order].tolist()
