"""Fitting: the loss falls, a known distribution is learned, and going on after a stop changes nothing."""

import math

import pytest
import torch
from torch import Tensor

from netdiffus.diffusion import edm
from netdiffus.diffusion.average import PowerAverage
from netdiffus.diffusion.charts import Chart, GasfChart, SeriesChart
from netdiffus.diffusion.fit import Fit, TrainStep, Validation
from netdiffus.diffusion.rows import RowDenoiser
from netdiffus.diffusion.samplers import heun
from netdiffus.imaging.codec import STEP

CHARTS: list[Chart] = [SeriesChart(), GasfChart(4, STEP)]


def two_classes(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Class 0: every position the same N(-1, .1²) value; class 1: rising by .5 from N(0, .1²)."""
    label = torch.randint(2, (64,), generator=generator)
    start = torch.randn(64, 1, 1, generator=generator) * 0.1
    constant, rising = start - 1 + torch.zeros(4), start + torch.arange(4) * 0.5
    return torch.where(label[:, None, None] == 0, constant, rising), label


def new_fit(chart: Chart, seed: int = 0) -> Fit:
    torch.manual_seed(0)
    rank = 0 if isinstance(chart, SeriesChart) else 2
    network = RowDenoiser(1, 4, 2, chart, width=32, depth=2, heads=2, rank=rank, patch=1)
    return Fit(network, two_classes, learning_rate=2e-3, seed=seed)


def until(steps: int):
    def share(record: TrainStep) -> float:
        return record.step / steps

    return share


@pytest.mark.parametrize("chart", CHARTS)
def test_learns_two_classes(chart) -> None:
    fit = new_fit(chart)
    losses = [record.loss for record in fit.run(until(400))]
    assert sum(losses[-50:]) < 0.5 * sum(losses[:50])
    fit.network.load_state_dict(fit.average.tensors)
    label = torch.arange(2).repeat(100)
    sigmas = edm.sigmas(18) * chart.noise_gain
    noise = chart.noise(torch.zeros(200, 1, 4), torch.Generator().manual_seed(0)) * sigmas[0]
    with torch.inference_mode():
        image = heun(lambda x, sigma: fit.network(x, sigma.expand(200), label), noise, sigmas)
        z = chart.estimate(image, torch.zeros(200))[:, 0]
    assert (z[label == 0].mean(dim=0) + 1).abs().max() < 0.15
    assert (z[label == 1].mean(dim=0) - torch.arange(4) * 0.5).abs().max() < 0.15
    assert float(z[label == 0].std(dim=1).mean()) < 0.2  # constant within a trace


@pytest.mark.parametrize("chart", CHARTS)
def test_going_on_is_bit_identical(chart) -> None:
    whole, first, second = new_fit(chart), new_fit(chart), new_fit(chart, seed=99)
    for _ in whole.run(until(30)):
        pass
    for record in first.run(until(30)):
        if record.step == 13:
            break
    second.restore(first.state())
    for _ in second.run(until(30)):
        pass
    ends = whole.state(), second.state()
    assert ends[0].keys() == ends[1].keys()
    for name in ends[0].keys() - {"seconds"}:
        assert torch.equal(ends[0][name], ends[1][name]), name


def test_the_loss_of_a_perfect_denoiser_is_zero_and_of_none_is_its_variance() -> None:
    chart = SeriesChart()
    z = torch.randn(64, 1, 4)

    def knows(image, sigma, label):
        return z

    assert edm.loss(knows, chart, z, torch.zeros(64), torch.Generator().manual_seed(0)).max() == 0
    generator = torch.Generator().manual_seed(0)
    sigma = edm.draw_sigma(64, torch.Generator().manual_seed(0))
    weight = (sigma**2 + 1) / sigma**2
    losses = edm.loss(lambda image, sigma, label: 0 * image, chart, z, torch.zeros(64), generator)
    assert torch.allclose(losses, weight * z.square().mean((1, 2)))


def test_average_spans_a_tenth_of_the_training() -> None:
    value = {"w": torch.zeros(1)}
    average = PowerAverage(value)
    for step in range(1, 1001):
        average.update({"w": torch.full((1,), float(step))}, step)
    # mean of the profile t^gamma: (gamma + 1) / (gamma + 2) of the steps so far
    assert float(average.tensors["w"]) == pytest.approx(1000 * 7.94 / 8.94, rel=0.01)
    assert not math.isnan(float(value["w"]))


def watched(patience: int | None = None) -> Fit:
    """A fit that is watched every 5 steps."""
    fit = new_fit(SeriesChart())
    fit.validation = Validation(two_classes, every=5, patience=patience)
    return fit


def test_validation_falls_is_logged_and_keeps_the_best_average() -> None:
    fit = watched()
    checks = {record.step: record.validation for record in fit.run(until(83)) if record.validation is not None}
    assert list(checks) == [*range(5, 81, 5), 83]
    assert checks[83] < 0.9 * checks[5]
    assert fit.best_loss == min(checks.values())
    assert checks[fit.best_step] == fit.best_loss
    fit.average.tensors = {name: torch.zeros_like(value) for name, value in fit.average.tensors.items()}
    assert any(value.any() for value in fit.result.values())  # the best ones are copies


def test_validation_changes_nothing_of_the_training() -> None:
    plain, seen = new_fit(SeriesChart()), watched()
    for fit in (plain, seen):
        for _ in fit.run(until(12)):
            pass
    assert all(torch.equal(plain.average.tensors[name], seen.average.tensors[name]) for name in plain.average.tensors)


def test_patience_ends_the_training() -> None:
    fit = watched(patience=2)
    fit.best_loss, fit.best_step, fit.best = -1.0, 0, {"none is better": torch.zeros(1)}
    assert [record.step for record in fit.run(until(100))][-1] == 10
    assert list(fit.run(until(100))) == []  # and it stays so


def test_going_on_keeps_the_best_weights() -> None:
    whole, first, second = watched(), watched(), watched()
    for _ in whole.run(until(22)):
        pass
    for record in first.run(until(22)):
        if record.step == 12:
            break
    second.restore(first.state())
    for _ in second.run(until(22)):
        pass
    ends = whole.state(), second.state()
    assert ends[0].keys() == ends[1].keys()
    assert any(name.startswith("best.") for name in ends[0])
    for name in ends[0].keys() - {"seconds"}:
        assert torch.equal(ends[0][name], ends[1][name]), name
