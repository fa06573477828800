"""Time lines, wavelet energies and look-ups, against what a plain loop finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.traffic.whole.arrivals import ArrivalCounts, Arrivals
from netdiffus.traffic.whole.haar import haar_energy
from netdiffus.traffic.whole.lookups import follows
from netdiffus.traffic.whole.timeline import SILENCE_MS, active, longest, windows
from shared_files import shared

RNG = np.random.default_rng(0)


def arrivals(*rows: tuple[int, int, int]) -> Arrivals:
    """Rows of capture, millisecond, packets; each packet has 100 bytes, 60 of them payload."""
    counts = ArrivalCounts()
    for capture, ms, packets in rows:
        one = np.ones(packets, np.int64)
        counts.add(capture, ms * 1_000_000 + np.arange(packets), 100 * one, 60 * one)
    return counts.result()


def test_packets_are_counted_by_capture_and_millisecond_in_any_order():
    found = arrivals((1, 5, 2), (0, 7, 1), (1, 5, 1), (0, 3, 4))
    assert found.capture.tolist() == [0, 0, 1]
    assert found.ms.tolist() == [3, 7, 5]
    assert found.packets.tolist() == [4, 1, 3]
    assert found.throughput.tolist() == [400, 100, 300]
    assert found.goodput.tolist() == [240, 60, 180]


def test_windows_begin_with_a_capture_and_silent_ones_count():
    found = windows(arrivals((0, 100, 1), (0, 101, 2), (0, 131, 3), (1, 7, 4)), 10, 100, RNG)
    assert found.capture.tolist() == [0, 0, 0, 0, 1]
    assert found.begin_ms.tolist() == [100, 110, 120, 130, 7]
    assert found.valid_ms.tolist() == [10, 10, 10, 2, 1]
    values, counts = found.binned(np.array([1, 2, 3, 4]), 1)
    assert counts.tolist() == [10, 10, 10, 2, 1]
    assert values.tolist() == [1, 2, *[0] * 28, 0, 3, 4]
    halves, counts = found.binned(np.array([1, 2, 3, 4]), 5)
    assert (halves.tolist(), counts.tolist()) == ([3, 0, 0, 0, 0, 0], [2, 2, 2, 0, 0])
    odd, counts = found.binned(np.array([1, 2, 3, 4]), 4)  # the last two milliseconds of a window are no bin
    assert (odd.tolist(), counts.tolist()) == ([3, 0, 0, 0, 0, 0], [2, 2, 2, 0, 0])


def test_an_interruption_is_no_silence():
    rows = (0, 0, 1), (0, SILENCE_MS, 1), (0, 3 * SILENCE_MS, 1)
    assert len(windows(arrivals(*rows[:2]), SILENCE_MS // 10, 100, RNG).begin_ms) == 11
    assert len(windows(arrivals(*rows), SILENCE_MS // 10, 100, RNG).begin_ms) == 12
    assert longest(arrivals(*rows)).valid_ms.tolist() == [SILENCE_MS + 1]


def test_of_many_windows_some_are_drawn():
    rows = [(0, 1000 * k, 1 + k % 3) for k in range(200)]
    every, some = (windows(arrivals(*rows), 1000, most, RNG) for most in (1000, 50))
    assert len(some.begin_ms) == 50
    assert np.isin(some.begin_ms, every.begin_ms).all()
    assert some.binned(arrivals(*rows).packets, 1000)[0].mean() == pytest.approx(2, abs=0.5)


def test_open_flows_in_a_second():
    start, end = np.array([0, 500, 2500]), np.array([999, 2100, 9000])
    assert active(start, end, np.arange(0, 5000, 1000), 1000).tolist() == [2, 1, 2, 1, 1]


def test_no_packets_no_windows():
    assert len(windows(arrivals(), 10, 100, RNG).begin_ms) == 0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 15), st.integers(1, 9)), max_size=30), st.integers(1, 16))
def test_haar_energies_are_those_of_a_plain_transform(rows: list[tuple[int, int, int]], valid: int):
    series = np.zeros((3, 16))
    for window, bin_, value in rows:
        if bin_ < valid:
            series[window, bin_] += value
    window, bin_ = np.nonzero(series)
    energy, pairs = haar_energy(window, bin_, series[window, bin_], np.full(3, valid), 4)
    for j in range(4):
        width = 2**j
        sums = series.reshape(3, -1, width).sum(axis=2)
        whole = valid // (2 * width)
        detail = (sums[:, : 2 * whole : 2] - sums[:, 1 : 2 * whole : 2]) / np.sqrt(2 * width)
        assert pairs[:, j].tolist() == [whole] * 3
        assert np.allclose(energy[:, j], (detail**2).sum(axis=1))


def test_energy_of_poisson_arrivals_is_the_rate_at_every_scale():
    rng = np.random.default_rng(1)
    series = rng.poisson(2.0, (64, 1 << 10))
    window, bin_ = np.nonzero(series)
    energy, pairs = haar_energy(window, bin_, series[window, bin_].astype(float), np.full(64, 1 << 10), 10)
    assert energy.sum(axis=0)[:6] / pairs.sum(axis=0)[:6] == pytest.approx(np.full(6, 2.0), rel=0.15)


def test_a_real_link_is_burstier_than_poisson_at_long_scales():
    table = np.genfromtxt(shared("data/isp_link/a5m_hourly_bits.csv"), delimiter=",", skip_header=1, usecols=1)
    series = table[: len(table) // 64 * 64].reshape(-1, 64)
    shuffled = np.random.default_rng(0).permutation(series.ravel()).reshape(series.shape)

    def level(values: np.ndarray) -> np.ndarray:
        window, bin_ = np.nonzero(values)
        energy, pairs = haar_energy(window, bin_, values[window, bin_], np.full(len(values), 64), 6)
        return np.log2(energy.sum(axis=0) / pairs.sum(axis=0))

    halves = np.abs(level(series[::2]) - level(series[1::2])).max()
    assert np.abs(level(series) - level(shuffled)).max() > 2 * halves


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60)), max_size=12),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60)), min_size=1, max_size=12),
)
def test_followers_are_those_that_a_loop_finds(answers: list[tuple[int, int]], flows: list[tuple[int, int]]):
    asked, answered = (np.array(column, np.int64) for column in zip(*answers, strict=True)) if answers else [
        np.zeros(0, np.int64)] * 2  # fmt: skip
    key, start = (np.array(column, np.int64) for column in zip(*flows, strict=True))
    expected = [any(k == a and 0 <= s - t <= 10 for a, t in answers) for k, s in flows]
    assert follows(asked, answered, key, start, 10).tolist() == expected
