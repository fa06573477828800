"""Order, channels, bursts, totals and spectrum of traces that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from netdiffus.metrics import Traces, find, scores
from netdiffus.metrics.autocorrelation import autocorrelations
from netdiffus.metrics.bursts import lengths, run_sums
from netdiffus.metrics.correlation import correlations
from netdiffus.metrics.manifold import balls
from netdiffus.metrics.order import demeaned, shuffled
from netdiffus.metrics.spectrum import power
from netdiffus.metrics.totals import flow_totals

NAN = np.nan


def made(*traces: list[list[float]]) -> Traces:
    return Traces(np.array(traces, dtype=np.float64), np.repeat("a", len(traces)))


def test_demeaned_leaves_out_the_absent_and_keeps_the_sign() -> None:
    x = demeaned(made([[np.e - 1, 0, NAN]], [[-(np.e - 1), NAN, NAN]]))
    np.testing.assert_allclose(x[:, 0], [[0.5, -0.5, 0], [0, 0, 0]])


def test_shuffled_keeps_values_lengths_and_packets_together() -> None:
    series = np.array([[[1.0, 2, 3, 4, NAN], [10, 20, 30, 40, NAN]]] * 20)
    mixed = shuffled(Traces(series, np.repeat("a", 20)), np.random.default_rng(0)).series
    assert np.isnan(mixed[:, :, 4]).all()
    np.testing.assert_array_equal(mixed[:, 1, :4], 10 * mixed[:, 0, :4])
    np.testing.assert_array_equal(np.sort(mixed[:, 0, :4]), np.tile([1, 2, 3, 4], (20, 1)))
    assert len(np.unique(mixed[:, 0, :4], axis=0)) > 5
    alone = shuffled(Traces(series, np.repeat("a", 20)), np.random.default_rng(0), together=False).series
    assert (alone[:, 1, :4] != 10 * alone[:, 0, :4]).any()


def test_autocorrelation_of_an_alternating_series() -> None:
    found = autocorrelations(made([[0, 1, 0, 1]]))  # demeaned: -, +, -, +
    np.testing.assert_allclose(found, [[-3 / 4, 2 / 4, -1 / 4]])
    assert autocorrelations(made([[5, 5, 5]])).tolist() == [[0, 0]]


def test_correlation_at_each_shift() -> None:
    found = correlations(made([[0, 1, 0, 0], [0, 0, 1, 0]]))  # the second is the first, one later
    # demeaned in halves of log 2: 3/4 at the spike, -1/4 elsewhere; squares sum to 3/4
    assert found[2] == pytest.approx((3 / 4 * 3 / 4 + 2 * (-1 / 4) * (-1 / 4)) / (3 / 4))
    assert found[1] == pytest.approx((2 * 3 / 4 * (-1 / 4) + 2 / 16) / (3 / 4))


def test_runs_by_hand() -> None:
    state = np.array([[0, 0, 1, 0], [1, 1, 0, 0]])
    there = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], dtype=np.bool_)
    length, total = run_sums(state, there, np.array([[5.0, 6, 7, 8], [1, 2, 9, 9]]))
    assert length.tolist() == [2, 1, 1, 2]
    assert total.tolist() == [11, 7, 8, 3]


def test_bursts_and_idles_of_packets_and_of_bins() -> None:
    found = lengths(made([[100, 0, 50], [0, 0, 1], [0, 2e8, 5e7]]), ("size", "direction", "gap_ns"))
    assert {name: values.tolist() for name, values in found.items()} == {
        "bursts.length": [2, 1], "bursts.bytes": [100, 50], "idle.length": [2e8],
    }  # fmt: skip
    found = lengths(made([[5, 0, 0, 7], [0, 0, 0, 1]]), ("up_bytes", "down_bytes"))
    assert {name: values.tolist() for name, values in found.items()} == {
        "bursts.length": [1, 1], "bursts.bytes": [5, 8], "idle.length": [2],
    }  # fmt: skip


def test_totals_by_hand() -> None:
    found = flow_totals(made([[100, 20, NAN], [0, 5, NAN]]), ("size", "gap_ns"))
    assert {name: values.tolist() for name, values in found.items()} == {
        "packets": [2],
        "bytes": [120],
        "duration": [5],
    }
    found = flow_totals(made([[1, 0, 0], [0, 0, 4]]), ("up_bytes", "down_bytes"))
    assert {name: values.tolist() for name, values in found.items()} == {"packets": [2], "bytes": [5]}


def test_the_power_of_a_period_is_in_one_line() -> None:
    found = power(made([[0, 9, 0, 9, 0, 9, 0, 9]]))
    np.testing.assert_allclose(found, [[0, 0, 0, 1]], atol=1e-12)
    assert power(made([[3, 3, 3, 3]])).tolist() == [[0, 0]]


def test_spectrum_finds_bins_in_another_order() -> None:
    rng = np.random.default_rng(0)
    periodic = 100.0 * (np.arange(32) % 8 == 0) + rng.integers(0, 5, (120, 1, 32))
    labels = np.repeat("a", 40)
    train, test, good = (Traces(part, labels) for part in np.split(periodic, 3))
    bad = shuffled(good, rng)
    for made_part, flagged in ((good, False), (bad, True)):
        (score,) = scores(train, test, made_part, ["up_bytes"], only=["spectrum"])
        assert score.name == "spectrum.up_bytes"
        assert score.flagged is flagged


def test_balls_of_equal_and_of_far_points() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.standard_normal((2, 200, 3)).astype(np.float32)
    near, far = balls(one, two), balls(one, two + 100)
    assert near["precision"] > 0.9
    assert near["coverage"] > 0.9
    assert far == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}


def test_one_channel_has_no_correlation_and_says_so() -> None:
    part = made([[1, 2]], [[3, 4]])
    (score,) = scores(part, part, part, ["size"], only=["correlation"])
    assert (score.value, score.note) == (None, "the traces have one channel only")


def test_sets_without_a_label_in_common_are_not_compared_in_silence() -> None:
    real, other = made([[1, 2], [0, 1], [0, 5]]), Traces(np.ones((1, 3, 2)), np.array(["z"]))
    names = ["autocorrelation", "correlation", "bursts", "totals", "manifold", "mmd", "atoms", "detection", "lowdata"]
    found = list(scores(real, real, other, ["size", "direction", "gap_ns"], only=names))
    assert {score.name for score in found} >= {"autocorrelation.size", "totals.bytes", "mmd", "manifold.recall"}
    assert all(score.value is None and score.note for score in found)
    assert find(found, "mmd").note == "real and synthetic traces share no label"  # type: ignore[union-attr]
