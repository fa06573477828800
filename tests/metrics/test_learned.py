"""The CNN learns, repeats itself, and its distances are those of the textbook."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from netdiffus.metrics import Imaged, Inputs, Traces, comparison, compute
from netdiffus.metrics.frechet import frechet, kernel_distance


def test_frechet_equals_the_formula_with_scipys_square_root() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((300, 4)), rng.standard_normal((200, 4)) @ rng.standard_normal((4, 4)) + 1
    A, B = np.cov(a.T), np.cov(b.T)
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(A + B - 2 * sqrtm(A @ B).real)
    assert frechet(a, b) == pytest.approx(expected)
    assert frechet(a, a) == pytest.approx(0, abs=1e-9)


def test_kernel_distance_by_hand() -> None:
    # kernel (xy + 1)³ in one dimension: within 1, within 8, between 1
    assert kernel_distance(np.array([[0.0], [0.0]]), np.array([[1.0], [1.0]])) == 1 + 8 - 2


def blocks(count: int, seed: int, high: float = 1.0) -> Traces:
    rng = np.random.default_rng(seed)
    labels = np.array(["a", "b"] * (count // 2))
    series = rng.random((count, 1, 8)) * 0.3
    series[labels == "b", :, 4:] += 0.6 * high
    return Traces(series, labels)


def image(series: np.ndarray) -> np.ndarray:
    angle = np.arccos(np.clip(series, 0, 1))
    return np.cos(angle[..., :, None] + angle[..., None, :])


def test_good_images_pass_and_bad_ones_are_flagged() -> None:
    for made, bad in ((blocks(400, 3), False), (blocks(400, 3, high=0.1), True)):
        inputs = Inputs(Imaged(comparison(blocks(400, 1), blocks(400, 2), made, ["size"]), image))
        found = {score.name: score for score in compute("fingerprinting", inputs, 0)}
        assert found["fingerprinting.trtr_accuracy"].value == 1
        names = ("fingerprinting.tstr_accuracy", "images.fid", "images.kid", "detection.cnn_auc")
        assert [found[name].flagged for name in names] == [bad] * 4, bad


def test_a_seed_repeats_them() -> None:
    inputs = Inputs(Imaged(comparison(blocks(60, 1), blocks(60, 2), blocks(60, 3), ["size"]), image))
    one, again = ({score.name: score.value for score in compute("fingerprinting", inputs, 0)} for _ in range(2))
    assert one == again
    assert None not in one.values()


def test_without_images_it_says_so() -> None:
    inputs = Inputs(comparison(blocks(40, 1), blocks(40, 2), blocks(40, 3), ["size"]))
    found = list(compute("fingerprinting", inputs, 0))
    assert {score.note for score in found} == {"no images were given"}
    assert all(score.value is None for score in found)
