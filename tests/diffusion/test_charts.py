"""Charts: the image of a series, the reading of a noisy image, and how much noise costs."""

import math

import numpy as np
import pytest
import torch

from netdiffus.diffusion.charts import GasfChart, SeriesChart
from netdiffus.imaging.codec import STEP, GasfCodec
from netdiffus.imaging.gasf import gasf


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).clamp(-3.4, 3.4)


def test_the_image_is_the_gasf_of_the_codec() -> None:
    z = normal(4, 2, 9)
    x = np.cos(math.pi / 4 - z.numpy() * STEP)
    assert np.abs(GasfChart(9, STEP).image(z).numpy() - gasf(x)).max() < 1e-12


@pytest.mark.parametrize("chart", [SeriesChart(), GasfChart(9, STEP)])
def test_the_reading_is_exact_without_noise(chart) -> None:
    z = normal(4, 2, 9)
    assert (chart.estimate(chart.image(z), torch.zeros(4, dtype=torch.float64)) - z).abs().max() < 1e-6


@pytest.mark.parametrize("chart", [SeriesChart(), GasfChart(30, STEP)])
def test_noise_gain_makes_unit_noise_of_the_reading(chart) -> None:
    z = normal(2000, 1, 30) * 0.3
    sigma = torch.full((2000,), 0.5 * chart.noise_gain, dtype=torch.float64)
    image = chart.image(z)
    generator = torch.Generator().manual_seed(1)
    noisy = image + chart.noise(z, generator) * sigma.view(-1, *[1] * (image.ndim - 1))
    error = chart.estimate(noisy, sigma) - z
    assert float(error.std()) == pytest.approx(0.5, rel=0.1)


def test_noise_is_symmetric_with_unit_deviation() -> None:
    noise = GasfChart(20, STEP).noise(torch.zeros(500, 2, 20), torch.Generator().manual_seed(0))
    assert torch.equal(noise, noise.mT)
    assert float(noise.std()) == pytest.approx(1, rel=0.02)
    assert float(noise.diagonal(dim1=-2, dim2=-1).std()) == pytest.approx(1, rel=0.02)


def test_pixel_gain_is_the_move_of_an_entry() -> None:
    chart = GasfChart(40, STEP)
    z, moved = normal(200, 1, 40) * 0.1, 1e-3 * torch.randn(200, 1, 40, generator=torch.Generator().manual_seed(2))
    rms = float((chart.image(z + moved) - chart.image(z)).square().mean().sqrt())
    assert rms == pytest.approx(1e-3 * chart.pixel_gain, rel=0.05)


def test_codec_and_chart_decode_alike() -> None:
    series = np.random.default_rng(0).integers(0, 5, (6, 1, 12)).astype(float)
    codec = GasfCodec.fit(series, ("size",))
    images = codec.encode(series)
    read = GasfChart(12, STEP).estimate(torch.from_numpy(images), torch.zeros(6, dtype=torch.float64))
    assert np.array_equal(codec.from_quantiles(read.numpy()), codec.decode(images))
