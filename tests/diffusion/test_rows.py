"""The row-token denoiser: shapes, symmetry, limits, labels."""

import pytest
import torch

from netdiffus.diffusion.charts import Chart, GasfChart, SeriesChart
from netdiffus.diffusion.rows import RowDenoiser
from netdiffus.imaging.codec import STEP


def network(chart: Chart, rank: int = 3, patch: int = 1) -> RowDenoiser:
    torch.manual_seed(0)
    made = RowDenoiser(2, 7, 5, chart, width=16, depth=2, heads=2, rank=rank, patch=patch)
    for parameter in made.parameters():  # nothing is zero, as after training
        torch.nn.init.normal_(parameter, std=0.2)
    return made.eval()


@pytest.mark.parametrize(("chart", "rank"), [(SeriesChart(), 0), (GasfChart(7, STEP), 3)])
@pytest.mark.parametrize("patch", [1, 3])
def test_shape_label_and_noise_level_matter(chart, rank, patch) -> None:
    denoise = network(chart, rank, patch)
    image = chart.image(torch.randn(4, 2, 7))
    sigma, label = torch.full((4,), 0.3), torch.zeros(4, dtype=torch.int64)
    clean = denoise(image, sigma, label)
    assert clean.shape == image.shape
    assert not torch.allclose(clean, denoise(image, sigma, label + 1))
    assert not torch.allclose(clean, denoise(image, 2 * sigma, label))


def test_a_denoised_gasf_is_symmetric() -> None:
    chart = GasfChart(7, STEP)
    clean = network(chart)(torch.randn(3, 2, 7, 7), torch.full((3,), 1.0), torch.zeros(3, dtype=torch.int64))
    assert torch.allclose(clean, clean.mT, atol=1e-6)


@pytest.mark.parametrize(("chart", "rank"), [(SeriesChart(), 0), (GasfChart(7, STEP), 3)])
def test_without_noise_the_image_stays(chart, rank) -> None:
    image = chart.image(torch.randn(3, 2, 7).clamp(-3, 3))
    clean = network(chart, rank)(image, torch.full((3,), 1e-4 * chart.noise_gain), torch.zeros(3, dtype=torch.int64))
    assert (clean - image).abs().max() < 5e-3


def test_fresh_networks_answer_with_the_preconditioning_alone() -> None:
    chart = SeriesChart()
    fresh = RowDenoiser(2, 7, 5, chart, width=16, depth=2, heads=2, rank=0, patch=2)
    z = torch.randn(3, 2, 7)
    sigma = torch.tensor([0.5, 1.0, 2.0])
    expected = z / (1 + sigma**2)[:, None, None]  # the best guess for a unit normal prior
    assert torch.allclose(fresh(z, sigma, torch.zeros(3, dtype=torch.int64)), expected, atol=1e-6)


def test_labels_outside_the_table_are_errors() -> None:
    with pytest.raises(IndexError):
        network(SeriesChart(), 0)(torch.randn(1, 2, 7), torch.ones(1), torch.tensor([5]))
