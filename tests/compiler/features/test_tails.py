"""Last packets of flows that go on: what was under way when a reset came, and the time of a round trip."""

import numpy as np

from netdiffus.compiler.features.tails import UNDER_WAY, round_trips, under_way
from netdiffus.compiler.specs import CLIENT, FLOW, ROW, SERVER, FlowRows

ACK, SYN = 16, 2


def flows(*packets: list[tuple[int, int, int]]) -> FlowRows:
    """Flows of (direction, flags, gap) of each packet."""
    rows = np.zeros(sum(map(len, packets)), ROW)
    for row, (direction, flags, gap) in zip(rows, [one for flow in packets for one in flow], strict=True):
        row["direction"], row["flags"], row["gap_ns"] = direction, flags, gap
    counts = np.array([len(flow) for flow in packets])
    return FlowRows(np.zeros(len(packets), FLOW), rows, counts, (b"",), ("a",) * len(packets))


def test_a_round_trip_is_from_the_syn_to_the_clients_next_segment() -> None:
    shaken = [(CLIENT, SYN, 0), (SERVER, SYN | ACK, 70), (CLIENT, ACK, 5), (CLIENT, ACK, 400)]
    alone, middle = [(CLIENT, SYN, 0), (SERVER, SYN | ACK, 9)], [(CLIENT, ACK, 0), (CLIENT, ACK, 8)]
    assert round_trips(flows(shaken, alone, middle)).tolist() == [75, 0, 0]


def test_what_comes_after_a_reset_was_under_way() -> None:
    flow, far = np.array([0, 0, 0, 1, 1]), np.array([2, 1, 0, 1, 0])
    resets = np.array([True, False, True, False, False])
    gaps = np.array([500.0, 300.0, 100.0, 700.0, 900.0])
    found = under_way(flow, far, resets, gaps, np.array([200, 200]))
    assert found.tolist() == [500, UNDER_WAY * 150, UNDER_WAY * 50, 700, 900]
    assert under_way(flow, far, resets, gaps, np.array([1000, 0])).tolist() == gaps.tolist()
