"""Load over the day."""

import numpy as np

from netdiffus.compiler.daily import DAY_NS, HOUR_NS, Day


def test_captures_of_less_than_a_day_have_none() -> None:
    assert Day.fit(np.arange(100) * HOUR_NS // 10) is None


def test_times_follow_the_day_that_was_learned() -> None:
    """Sessions of three days, all but a tenth of them from 9 to 17 o'clock."""
    rng = np.random.default_rng(0)
    hours = np.where(rng.random(6000) < 0.9, rng.integers(9, 17, 6000), rng.integers(0, 24, 6000))
    starts = rng.integers(0, 3, 6000) * DAY_NS + hours * HOUR_NS + rng.integers(0, HOUR_NS, 6000)
    day = Day.fit(starts)
    even = np.linspace(5 * DAY_NS, 7 * DAY_NS, 4000).astype(np.int64)
    spread = day.spread(even)
    assert (spread[0], spread[-1]) == (even[0], even[-1])
    assert (np.diff(spread) >= 0).all()
    assert np.isin(spread // HOUR_NS % 24, np.arange(9, 17)).mean() > 0.85
