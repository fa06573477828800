"""Traces to images and back: exact for every value that the scale knows, at any length."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from netdiffus.errors import InputError
from netdiffus.imaging.codec import ANGLES, GasfCodec, normal_quantile, uniform
from netdiffus.imaging.gasf import gasf
from netdiffus.imaging.range_scale import RangeScale
from shared_files import parity

CHANNELS = ("size", "direction", "gap_ns")


def random_traces(count: int, length: int, seed: int) -> np.ndarray:
    """Traces of mixed lengths with atoms, empty packets in both directions and gaps over eight decades."""
    rng = np.random.default_rng(seed)
    size = rng.choice([0, 0, 31, 64, 517, 1400, 1448, 1448], (count, length)).astype(float)
    direction = rng.integers(0, 2, (count, length)).astype(float)
    gap = np.floor(10 ** rng.uniform(1, 9, (count, length)))
    gap[:, 0] = 0
    series = np.stack([size, direction, gap], axis=1)
    ends = rng.integers(1, length + 1, count)
    series[np.broadcast_to(np.arange(length) >= ends[:, None, None], series.shape)] = np.nan
    return series


@pytest.mark.parametrize("length", [2, 10, 33, 200])
@pytest.mark.parametrize("draw", [False, True])
def test_round_trip_is_exact(length, draw) -> None:
    series = random_traces(40, length, seed=length)
    codec = GasfCodec.fit(series, CHANNELS)
    images = codec.encode(series, np.random.default_rng(0) if draw else None)
    assert images.shape == (40, 2, length, length)
    assert np.abs(images).max() <= 1
    decoded = codec.decode(images)
    assert np.array_equal(decoded, series, equal_nan=True)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(2, 20), st.integers(0, 10_000))
def test_round_trip_of_any_shape(count, length, seed) -> None:
    series = random_traces(count, length, seed)
    codec = GasfCodec.fit(series, CHANNELS)
    assert np.array_equal(codec.decode(codec.encode(series)), series, equal_nan=True)


def test_round_trip_survives_single_precision() -> None:
    series = random_traces(60, 32, seed=5)
    codec = GasfCodec.fit(series, CHANNELS)
    images = codec.encode(series, np.random.default_rng(0)).astype(np.float32)
    decoded = codec.decode(images)
    assert np.mean(np.isclose(decoded, series, rtol=0.01, equal_nan=True)) > 0.999


def test_an_image_is_the_gasf_of_a_series() -> None:
    series = random_traces(3, 8, seed=1)
    codec = GasfCodec.fit(series, CHANNELS)
    images = codec.encode(series)
    x = np.sqrt((np.diagonal(images, axis1=-2, axis2=-1) + 1) / 2)
    assert np.abs(images - gasf(x)).max() < 1e-12


def test_what_training_sees_is_normal() -> None:
    series = random_traces(2000, 10, seed=2)
    series = series[:, :, :1]  # one position that every trace has
    codec = GasfCodec.fit(series, CHANNELS)
    z = codec.quantiles(series, np.random.default_rng(0))[:, 0, 0]
    assert kstest(z, "norm").pvalue > 0.001


def test_quantiles_and_back() -> None:
    u = np.linspace(0, 1, 1001)
    z = normal_quantile(u)
    assert z[[0, -1]] == pytest.approx([-3.5, 3.5])
    assert np.abs(uniform(z) - u).max() < 1e-12
    assert uniform(np.array([-99.0, 99.0])).tolist() == [0, 1]


def test_length_of_a_trace_is_one_for_all_channels() -> None:
    series = random_traces(50, 16, seed=4)
    codec = GasfCodec.fit(series, CHANNELS)
    noise = np.random.default_rng(0).normal(0, 1.5, (200, 2, 16))
    absent = np.isnan(codec.from_quantiles(noise))
    assert (absent == absent[:, :1]).all()
    assert not absent[:, :, 0].any()
    assert (np.diff(absent.astype(int), axis=2) >= 0).all()


def test_wrong_shape_is_an_error() -> None:
    with pytest.raises(InputError, match=r"series of shape \(N, 3, n\); got \(5, 2, 8\)"):
        GasfCodec.fit(np.zeros((5, 2, 8)), CHANNELS)


@pytest.mark.parametrize("angle", list(ANGLES))
@pytest.mark.parametrize("scale", ["minmax", "log"])
def test_range_scales_give_sizes_back_exactly_and_gaps_nearly(scale, angle) -> None:
    series = random_traces(40, 16, seed=7)
    codec = GasfCodec.fit(series, CHANNELS, scale, angle)
    decoded = codec.decode(codec.encode(series))
    assert np.array_equal(decoded[:, :2], series[:, :2], equal_nan=True)
    most = 1e-6 * np.nanmax(series[:, 2]) if scale == "minmax" else 1e-4 * series[:, 2] + 1
    gap = np.abs(decoded[:, 2] - series[:, 2])
    assert np.array_equal(np.isnan(gap), np.isnan(series[:, 2]))
    assert (gap <= most)[~np.isnan(gap)].all()


def test_the_direct_angle_is_the_published_image() -> None:
    series = np.array([[[0, 517, 1448, 100]]], dtype=float)
    codec = GasfCodec.fit(series, ["size"], "minmax", "direct")
    assert np.abs(codec.encode(series)[0, 0] - gasf(series[0, 0] / 1448)).max() < 1e-12


def test_netdiffus_2_images_equal_the_fixtures() -> None:
    found = parity("gasf_mirage.safetensors")
    series = np.stack([np.abs(found["signed"]), found["signed"] >= 0], axis=1).astype(float)
    scale = RangeScale(-1460.0, 1460.0, absent=False)
    codec = GasfCodec(("size", "direction"), 10, (scale,), angle="direct", empty_up=False)
    images = codec.encode(series)
    assert np.abs(images[:, 0] - found["G"]).max() < 1e-12
    assert np.array_equal(codec.decode(images), series)
    errors = np.abs(codec.decode(found["noisy.G"][:, None])[:, 0] - np.abs(found["noisy.signed"]))
    assert errors.mean() < 9.76  # whole matrix, rounded
