"""Packets in the order of their times: what a window sorts, what it leaves, and clocks that were set back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.wire.files import order
from netdiffus.wire.files.order import LATE, MOVED, STEPPED, InOrder
from netdiffus.wire.headers.packets import Packet
from wire_packets import ACK, Talk, block_of, udp

MS = 1_000_000
SECOND = 1_000_000_000
FRAME = udp(b"x")


def read(packets: list[Packet], size: int = 7) -> tuple[list[Packet], dict[str, int], list[bool]]:
    """The packets in order, the faults, and whether time stepped back before each block."""
    ordered = InOrder(block_of(packets[k : k + size]) for k in range(0, len(packets), size))
    blocks = list(ordered)
    numbers = [number for timed in blocks for number in timed.number.tolist()]
    out = [packet for timed in blocks for packet in timed.block.packets()]
    assert [packets[number - 1] for number in numbers] == out
    return out, dict(ordered.faults), [timed.stepped for timed in blocks]


def at(*times_ms: int) -> list[Packet]:
    return [Packet(t * MS, FRAME + t.to_bytes(8, "big"), 99) for t in times_ms]


@pytest.fixture
def small_window(monkeypatch):
    monkeypatch.setattr(order, "PIECE_PACKETS", 8)


def talk(seconds: float = 20.0, step: float = 0.1) -> list[Packet]:
    """A TCP conversation, question and answer in turn."""
    made = Talk(step_ns=round(step * SECOND)).open()
    for k in range(round(seconds / step / 2)):
        made.send(0, ACK, b"question %d" % k).send(1, ACK, b"answer %d" % k)
    return made.packets


def test_what_is_in_order_is_handed_on_without_a_copy():
    blocks = [block_of(at(*range(k, k + 5))) for k in range(0, 50, 5)]
    out = list(InOrder(blocks))
    assert [timed.block.data is block.data for timed, block in zip(out, blocks, strict=True)] == [True] * 10
    assert not any(timed.earlier.any() or timed.moved.any() for timed in out)


def test_a_late_packet_is_put_in_its_place_and_counted_once():
    packets = at(1, 2, 3, 7, 8, 4, 5, 9)
    out, faults, _ = read(packets)
    assert out == sorted(packets)
    assert faults == {MOVED: 2}
    (timed,) = InOrder([block_of(packets)])
    assert timed.number.tolist() == [1, 2, 3, 6, 7, 4, 5, 8]
    assert timed.number[timed.earlier].tolist() == [6]
    assert int(timed.moved.sum()) == 2


def test_equal_times_keep_the_order_of_the_file():
    packets = [Packet(t * MS, bytes([k]), 1) for k, t in enumerate((5, 5, 4, 5, 4))]
    out, faults, _ = read(packets, 2)
    assert [packet.data[0] for packet in out] == [2, 4, 0, 1, 3]
    assert faults == {MOVED: 2}


def test_one_direction_after_the_other_is_sorted():
    packets = talk()
    by_side = [p for p in packets if p.data[:6] < p.data[6:12]] + [p for p in packets if p.data[:6] > p.data[6:12]]
    out, faults, _ = read(by_side)
    assert out == packets
    assert set(faults) == {MOVED}


def test_files_of_a_rotation_joined_the_wrong_way_round_are_sorted():
    packets = talk()
    out, faults, _ = read(packets[100:] + packets[:100])
    assert out == packets
    assert faults == {MOVED: 100}


@pytest.mark.parametrize("back_s", [1.5, 5, 15, 3600])
def test_a_clock_that_was_set_back_keeps_the_order_of_the_file(back_s):
    packets = talk()
    set_back = [p._replace(time_ns=p.time_ns - round(back_s * SECOND * (k >= 150))) for k, p in enumerate(packets)]
    out, faults, stepped = read(set_back)
    assert out == set_back
    assert faults == {STEPPED: 1}
    assert sum(stepped) == 1


def test_a_clock_that_was_set_back_twice_in_one_piece():
    packets = talk()
    set_back = [p._replace(time_ns=p.time_ns - 3 * SECOND * ((k >= 60) + (k >= 140))) for k, p in enumerate(packets)]
    out, faults, stepped = read(set_back)
    assert (out, faults, sum(stepped)) == (set_back, {STEPPED: 2}, 2)


def test_without_tcp_both_directions_of_the_flows_tell_a_clock_that_was_set_back():
    frames = [udp(b"a"), udp(b"b", 1)] * 40
    packets = [Packet(100 * SECOND + (k * 100 - 3000 * (k >= 60)) * MS, f, len(f)) for k, f in enumerate(frames)]
    assert read(packets)[:2] == (packets, {STEPPED: 1})
    apart = packets[:60:2] + [p._replace(time_ns=p.time_ns) for p in packets[1:60:2]]  # one direction, then the other
    assert read(apart)[:2] == (packets[:60], {MOVED: 29})


def test_captures_of_different_years_are_not_mixed():
    years = [talk(2.0), [p._replace(time_ns=p.time_ns - 10**17) for p in talk(2.0)], at(1, 2, 3)]
    packets = [packet for year in years for packet in year]
    assert read(packets)[:2] == (packets, {STEPPED: 2})


@pytest.mark.parametrize("odd_ns", [0, 1 << 62])
def test_one_odd_time_is_no_step(odd_ns):
    packets = talk(4.0)
    packets[20] = packets[20]._replace(time_ns=odd_ns)
    out, faults, stepped = read(packets)
    assert (out, faults, any(stepped)) == (sorted(packets, key=lambda p: p.time_ns), {MOVED: 1}, False)


def test_beyond_the_window_packets_are_left_and_counted(small_window):
    times = list(range(10, 110))
    late = at(*times[:20], times[5] - 1, *times[20:])  # 15 packets late; 8 are always put right
    out, faults, _ = read(late)
    assert faults == {LATE: 1}
    assert sorted(out) == sorted(late)
    assert [p for p in out if p.time_ns != 14 * MS] == [p for p in late if p.time_ns != 14 * MS]
    assert read(at(*times[:20], times[13] - 1, *times[20:]))[1] == {MOVED: 1}


def test_a_direction_that_comes_after_more_than_the_window_is_counted_whole(small_window):
    packets = talk(0.3, 0.0001)
    by_side = [p for p in packets if p.data[:6] < p.data[6:12]] + [p for p in packets if p.data[:6] > p.data[6:12]]
    out, faults, _ = read(by_side)
    assert sorted(out) == sorted(packets)
    assert faults[LATE] > 1400


def test_a_long_second_direction_is_not_mixed_with_the_first(small_window):
    packets = talk(3.0, 0.01)
    by_side = [p for p in packets if p.data[:6] < p.data[6:12]] + [p for p in packets if p.data[:6] > p.data[6:12]]
    assert read(by_side)[:2] == (by_side, {STEPPED: 1})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=60), st.integers(1, 9), st.integers(1, 9), st.integers(2, 20))
def test_the_cut_into_blocks_makes_no_difference(times, size, other, window):
    packets = at(*times)
    before = order.PIECE_PACKETS
    order.PIECE_PACKETS = window
    try:
        out, faults, stepped = read(packets, size)
        again, same, _ = read(packets, other)
    finally:
        order.PIECE_PACKETS = before
    assert (out, faults) == (again, same)
    assert sorted(out) == sorted(packets)
    assert not any(stepped)
    if all(times[k] <= min(times[k + window :], default=99) for k in range(len(times))):
        assert [p.time_ns for p in out] == sorted(p.time_ns for p in packets)


def test_the_bytes_of_the_window_are_bounded_too(monkeypatch):
    monkeypatch.setattr(order, "PIECE_BYTES", 4 * len(at(1)[0].data))
    out, _, _ = read(at(*range(20, 40), 1, *range(40, 60)))
    assert np.argmin([p.time_ns for p in out]) > 10
