"""The Gramian Angular Summation Field by hand, by pyts (fixtures), and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from netdiffus.errors import InputError
from netdiffus.imaging.gasf import from_diagonal, from_image, gasf
from shared_files import parity

unit_series = hnp.arrays(np.float64, st.integers(2, 24), elements=st.floats(0, 1))


def test_by_hand() -> None:
    # x = cos(theta): theta = 0, 60, 90 degrees
    expected = [[1, 0.5, 0], [0.5, -0.5, -np.sqrt(3) / 2], [0, -np.sqrt(3) / 2, -1]]
    assert np.allclose(gasf([1.0, 0.5, 0.0]), expected, atol=1e-15)


def test_what_lies_outside_is_clipped_and_what_is_missing_stays_missing() -> None:
    image = gasf([1.1, -0.1, np.nan])
    assert np.array_equal(image[:2, :2], gasf([1.0, 0.0]))
    assert np.isnan(image[2]).all()
    assert np.isnan(image[:, 2]).all()


def test_an_array_of_ones_own_takes_the_images_as_float32() -> None:
    x = np.random.default_rng(0).random((5, 2, 70))
    out = np.full((5, 2, 70, 70), np.nan, np.float32)
    assert gasf(x, out) is out
    assert np.abs(out - gasf(x)).max() < 1e-6
    assert gasf(np.zeros((0, 4))).shape == (0, 4, 4)


@pytest.mark.parametrize("out", [np.empty((3, 3)), np.empty((4, 4), np.int64), np.empty((4, 8))[:, ::2]])
def test_an_array_that_cannot_take_them_is_named(out) -> None:
    with pytest.raises(InputError, match=r"expected an array for images of shape \(4, 4\), C-contiguous, float64 or"):
        gasf(np.zeros(4), out)


@given(unit_series)
@settings(deadline=None)  # the first example compiles
def test_equals_the_cosine_of_the_sum_of_angles(x) -> None:
    theta = np.arccos(x)
    assert np.abs(gasf(x) - np.cos(theta[:, None] + theta)).max() < 1e-12


@given(unit_series)
@settings(deadline=None)  # the first example compiles
def test_round_trip_both_ways(x) -> None:
    image = gasf(x)
    assert np.array_equal(image, image.T)
    assert np.abs(from_diagonal(image) - x).max() < 1e-7
    assert np.abs(np.cos(from_image(image)) - x).max() < 1e-7


def test_the_whole_image_is_better_than_the_diagonal_under_noise() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((300, 16))
    noisy = gasf(x) + rng.normal(0, 0.05, (300, 16, 16))
    whole = np.abs(np.cos(from_image(noisy)) - x).mean()
    assert whole < 0.5 * np.abs(from_diagonal(noisy) - x).mean()


def test_no_restart_finds_a_better_minimum() -> None:
    rng = np.random.default_rng(1)
    noisy = gasf(rng.random((20, 8))) + rng.normal(0, 0.02, (20, 8, 8))
    theta = from_image(noisy)

    def objective(angles):
        return ((noisy - np.cos(angles[..., :, None] + angles[..., None, :])) ** 2).sum((1, 2))

    for _ in range(50):
        moved = np.clip(theta + rng.normal(0, 0.01, theta.shape), 0, np.pi / 2)
        assert (objective(moved) >= objective(theta) - 1e-12).all()


@pytest.mark.parametrize("n", [10, 24])
@pytest.mark.parametrize("kind", ["random", "edge"])
def test_equals_pyts(n, kind) -> None:
    fixture = parity("gasf_short.safetensors")
    assert np.abs(gasf(fixture[f"n{n}.{kind}.x"]) - fixture[f"n{n}.{kind}.gasf"]).max() < 1e-12


def test_equals_pyts_at_length_125() -> None:
    fixture = parity("gasf.safetensors")
    product = gasf(fixture["n125.random.x"]) @ fixture["n125.probe"]
    assert np.abs(product - fixture["n125.random.gasf_times_probe"]).max() < 1e-10


@pytest.mark.parametrize("kind", ["G", "G_sym"])
def test_least_squares_fixtures(kind) -> None:
    fixture = parity("gasf_mirage.safetensors")
    noisy, theta = fixture[f"noisy.{kind}"], from_image(fixture[f"noisy.{kind}"])
    size = np.cos(theta) * 2920 - 1460
    objective = ((noisy - np.cos(theta[:, :, None] + theta[:, None, :])) ** 2).sum((1, 2))
    assert np.abs(size - fixture[f"noisy.decode_ls.{kind}"]).max() < 0.01
    assert (objective <= fixture[f"noisy.decode_ls_objective.{kind}"] + 1e-9).all()
    assert np.abs(size - fixture["noisy.signed"]).mean() < 9.78
    assert np.abs(from_diagonal(noisy) * 2920 - 1460 - fixture[f"noisy.decode_diag.{kind}"]).max() < 1e-8
