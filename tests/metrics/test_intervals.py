"""Intervals cover: what real traces get lies inside the 95 % interval, over thirty splits of the recordings."""

from __future__ import annotations

import numpy as np
import pytest

from bench.splits import inside
from netdiffus.metrics import Traces, comparison
from netdiffus.metrics.intervals import interval, logit_interval, share_interval
from netdiffus.metrics.null import resamples

FAST = ("marginal", "atoms", "autocorrelation", "correlation", "bursts", "totals", "copies")
SPLITS = 30


def test_real_traces_lie_inside(recorded: Traces) -> None:
    found = inside(recorded, range(SPLITS), FAST)
    shares = {name: float(np.mean(each)) for name, each in found.items() if len(each) == SPLITS}
    assert len(shares) > 25
    least = min(shares, key=shares.__getitem__)
    print(f"inside: {np.mean(list(shares.values())):.3f} of {len(shares)} scores; least {least} {shares[least]}")
    assert np.mean(list(shares.values())) >= 0.9
    assert min(shares.values()) >= 0.8, shares


def test_interval_by_hand() -> None:
    found = interval([1.0, 3.0])  # mean 2, deviation sqrt(2), Student's t with one degree 12.706
    assert found.middle == 2
    assert found.high == pytest.approx(2 + 12.7062 * 2**0.5 * 1.5**0.5, rel=1e-4)
    known = interval([2.0], sd=1.0, lowest=0.0)
    assert (known.low, known.high) == (0.0, pytest.approx(2 + 1.96 * 2**0.5))


def test_shares_near_one_have_more_room_below() -> None:
    found = logit_interval([0.96, 0.97, 0.98])
    assert found.middle == pytest.approx(0.97)
    assert 0.97 - found.low > found.high - 0.97 > 0
    assert logit_interval([1.0, 1.0]).high <= 1


def test_shares_of_nothing_have_some_width() -> None:
    found = share_interval(0.0, 96, 100)  # (0 + 2) / (96 + 4) = 0.02
    assert (found.middle, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(0.02 + 1.96 * (0.0196 * (1 / 96 + 1 / 100)) ** 0.5)


def test_resamples_have_the_sizes_of_test_part_and_synthetic_set_and_do_not_overlap() -> None:
    def made(text: str) -> Traces:
        return Traces(np.arange(len(text), dtype=np.float64)[:, None, None], np.array(list(text)))

    sets = comparison(made("aaaaaabbb"), made("aabb"), made("aaabbbbbb"), ["size"])
    drawn = resamples(sets, np.random.default_rng(0), 6)
    for first, second in drawn.rows:
        assert not np.intersect1d(first, second).size
        labels = drawn.pool.labels
        assert np.unique(labels[first], return_counts=True)[1].tolist() == [2, 2]
        assert np.unique(labels[second], return_counts=True)[1].tolist() == [3, 3]  # no more than there are
    assert all((first >= 9).all() for first, _ in drawn.rows[::2])
