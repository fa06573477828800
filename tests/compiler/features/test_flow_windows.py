"""Windows of packets: a side offers another one after it has received data, and takes nothing back."""

from dataclasses import replace

import numpy as np

from netdiffus.compiler import FlowRows, Packets, compile_rows, fresh_endpoints
from netdiffus.compiler.features.windows import STEPS, count_received, draw_windows
from netdiffus.wire.headers.fields import ACK, RST, SYN, TCP
from real_sessions import recorded

LEVELS = np.linspace(1000, 64000, STEPS).astype(np.int64)


def anywhere() -> tuple[np.ndarray, np.ndarray]:
    """Levels and moves of one class whose sides offer any window after any."""
    moves = np.ones((1, 2, STEPS, STEPS + 1), np.int64)
    return np.tile(LEVELS, (1, 2, 1)), moves


def drawn(direction: np.ndarray, size: np.ndarray, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows as in the header of one flow's packets, and what each sender had received since its packet before."""
    owner, received, windows = np.zeros((3, len(direction)), np.int64)
    count_received(owner, direction, size, received)
    latest = np.full((1, 2), 32_000 >> shift)
    draw_windows(
        np.zeros(1, np.int64), np.array([7]), owner, np.stack([direction, received]), latest,
        np.full((1, 2), shift), anywhere(), windows,
    )  # fmt: skip
    return windows, received


def test_bytes_are_counted_until_the_receiver_sends() -> None:
    direction, size = np.array([0, 1, 1, 0, 1, 0, 0, 1]), np.array([5, 100, 50, 0, 0, 7, 8, 1])
    received = np.full(8, -1)
    count_received(np.array([0, 0, 0, 0, 0, 0, 0, 1]), direction, size, received)
    assert received.tolist() == [0, 5, 0, 150, 0, 0, 0, 0], "another flow begins with nothing received"


def test_a_window_moves_after_data_alone_and_its_right_edge_never_to_the_left() -> None:
    rng = np.random.default_rng(0)
    for shift in (0, 7, 10):
        direction, size = rng.integers(0, 2, 4000), rng.choice([0, 0, 100, 1448], 4000)
        windows, received = drawn(direction, size, shift)
        moved = 0
        for side in (0, 1):
            offered, since = windows[direction == side] << shift, received[direction == side]
            steps = np.diff(offered)
            assert not steps[since[1:] == 0].any()
            assert (steps + since[1:] >= 0).all()
            moved += int((steps != 0).sum())
        assert moved > 500


def taken_back(packets: Packets) -> int:
    """How many segments of connections with both SYNs move their window's right edge left by a scaled unit or more."""
    found = 0
    segments = packets.segments
    for flow in range(len(packets.flows)):
        scale, far = dict[int, int](), dict[int, int]()
        for one in segments[packets.owner == flow]:
            side, flags = int(one["direction"]), int(one["flags"])
            if flags & SYN:
                scale[side] = int(one["wscale"])
            if flags & (SYN | ACK | RST) != ACK or len(scale) < 2:
                continue
            ack = (int(one["ack"]) - int(packets.flows["isn"][flow, 1 - side])) & 0xFFFFFFFF
            edge = ack + (int(one["window"]) << scale[side])
            found += edge <= far.get(side, 0) - (1 << scale[side])
            far[side] = max(far.get(side, 0), edge)
    return found


def test_compiled_connections_never_take_back_what_they_have_offered() -> None:
    rng = np.random.default_rng(0)
    rows, _ = recorded("api")
    wild, tcp = rows.rows.copy(), (rows.flows["protocol"] == TCP)[rows.owner]
    opened = tcp & (wild["flags"] & SYN == 0)
    wild["window"][opened] = rng.integers(1, 500, int(opened.sum()))
    made = compile_rows(fresh_endpoints(FlowRows(rows.flows, wild, rows.counts, rows.layouts, rows.labels), rng))
    assert not taken_back(made)
    assert made.changes.by_rule["window"] > 1000
    asked = made.segments.copy()
    opened = asked["flags"] & SYN == 0
    asked["window"][opened] = rng.integers(1, 500, int(opened.sum()))
    assert taken_back(replace(made, segments=asked)) > 1000, "windows at random do"
