"""Arrivals: gaps are those within a recording, and flows that must come faster do not come within nanoseconds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from netdiffus.compiler import arrival_gaps, draw_starts
from netdiffus.compiler.arrivals import BREAK_NS, LATEST_NS
from netdiffus.errors import InputError

SECOND = 10**9
HOUR, YEAR = 3600 * SECOND, 365 * 86_400 * SECOND
BURSTS = np.sort(np.random.default_rng(9).lognormal(np.log(2e8), 2.5, 1000).astype(np.int64))
"""Gaps of which the middle one is 0.2 seconds and the longest some minutes, as of people who browse."""


def at(*gaps: int) -> np.ndarray:
    """Starts that are so far apart."""
    return 1_500_000_000 * SECOND + np.cumsum([0, *gaps], dtype=np.int64)


def test_gaps_are_taken_within_a_source() -> None:
    found = arrival_gaps([at(3, 1), at(7) + 20 * YEAR, at()])
    assert (found.gaps.tolist(), found.breaks) == ([1, 3, 7], 0)
    assert arrival_gaps([]).gaps.tolist() == []


@pytest.mark.parametrize(
    ("gaps", "kept", "breaks"),
    [
        ([3 * SECOND, 30 * YEAR, 3 * SECOND, 17 * YEAR, 2 * SECOND], [2, 3, 3], 2),  # files of other years, merged
        ([30 * YEAR], [], 1),  # one flow of each
        ([SECOND, 23 * HOUR, SECOND, 23 * HOUR, SECOND], [1, 1, 1], 2),  # some minutes each day
        ([SECOND, 11 * HOUR, SECOND], [1, 1, 11 * 3600], 0),  # a night
        ([HOUR, 5 * HOUR, 20 * HOUR, 90 * HOUR], [3600, 5 * 3600, 20 * 3600, 90 * 3600], 0),  # sparse traffic
    ],
)
def test_breaks_between_recordings_are_no_gaps(gaps, kept, breaks) -> None:
    found = arrival_gaps([np.random.default_rng(0).permutation(at(*gaps))])
    assert (found.gaps // SECOND).tolist() == kept
    assert found.breaks == breaks


@settings(deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20), st.integers(0, 2**32))
def test_any_times_are_counted_and_drawn_without_overflow(starts, seed) -> None:
    found = arrival_gaps([np.array(starts, np.int64)])
    assert len(found.gaps) + found.breaks == max(len(starts) - 1, 0)
    assert (found.gaps >= 0).all()
    for options in ({"rate": 5.0}, {"duration_s": 100.0}):
        drawn = draw_starts(found.gaps, 30, np.random.default_rng(seed), begin_ns=-YEAR, **options)
        assert drawn[0] == -YEAR
        assert (np.diff(drawn) >= 0).all()
        assert drawn[-1] <= -YEAR + 100 * SECOND


def test_learned_gaps_come_again() -> None:
    gaps = np.array([10**6] * 5 + [10**9] * 5)
    rng = np.random.default_rng(0)
    drawn = draw_starts(gaps, 5000, rng, begin_ns=10**18)
    assert set(np.diff(drawn)) == {10**6, 10**9}
    assert drawn[0] == 10**18
    assert np.diff(draw_starts(np.zeros(0, np.int64), 3, rng, begin_ns=0)).tolist() == [10**9, 10**9]
    assert np.diff(draw_starts(np.zeros(4, np.int64), 3, rng, begin_ns=0)).tolist() == [10**9, 10**9]
    assert draw_starts(gaps, 0, rng, begin_ns=0, rate=2.0).tolist() == []
    assert draw_starts(gaps, 1, rng, begin_ns=7, duration_s=2.0).tolist() == [7]


@pytest.mark.parametrize("rate", [0.01, 0.3, 1.0, 7.0, 100.0, 1000.0])
@pytest.mark.parametrize("gaps", [BURSTS, np.full(30, 3 * SECOND), np.array([10**6] * 50 + [YEAR // 2])])
def test_any_rate_is_met_and_nearly_no_gap_is_below_a_microsecond(rate, gaps) -> None:
    drawn = draw_starts(gaps, 1000, np.random.default_rng(1), begin_ns=0, rate=rate)
    assert drawn[-1] / SECOND == pytest.approx(999 / rate, rel=1e-6)
    between = np.diff(drawn)
    by_chance = 1000 * rate * 1e-6  # of a Poisson process
    assert np.count_nonzero(between < 1000) <= 3 + 3 * by_chance
    assert np.median(between) > 0.01 * between.mean() or gaps[-1] > HOUR


def test_the_learned_rate_keeps_the_shape_and_a_much_higher_one_is_poisson() -> None:
    rng = np.random.default_rng(2)
    same = np.diff(draw_starts(BURSTS, 3000, rng, begin_ns=0, rate=SECOND / BURSTS.mean()))
    assert ks_2samp(same, BURSTS).statistic < 0.1
    many = np.diff(draw_starts(BURSTS, 3000, rng, begin_ns=0, rate=1000.0))
    assert ks_2samp(many, rng.exponential(1e6, 3000)).statistic < 0.05


def test_what_is_refused() -> None:
    gaps, rng = np.array([BREAK_NS * 100]), np.random.default_rng(0)
    with pytest.raises(InputError, match="--rate or --duration; got both"):
        draw_starts(gaps, 5, rng, begin_ns=0, rate=1, duration_s=1)
    for rate in (0, -1, np.nan, np.inf, 1e9):
        with pytest.raises(InputError, match="above 0 and below 1,000,000,000"):
            draw_starts(gaps, 5, rng, begin_ns=0, rate=rate)
    words = (
        r"flows that all begin before the year 2262; got 5,000 flows within 2\d,\d{3},\d{3},\d{3} seconds; set --rate"
    )
    with pytest.raises(InputError, match=words):
        draw_starts(gaps, 5000, rng, begin_ns=0)
    with pytest.raises(InputError, match="before the year 2262"):
        draw_starts(gaps, 2, rng, begin_ns=LATEST_NS)
