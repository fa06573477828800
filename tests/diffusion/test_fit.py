"""Fitting: the loss falls, a known distribution is learned, and going on after a stop changes nothing."""

import math

import pytest
import torch
from netdiffus.diffusion.charts import Chart, GasfChart, SeriesChart
from netdiffus.diffusion.components import fit_mixtures
from netdiffus.diffusion.rows import RowDenoiser, draw_classes
from torch import Tensor

from netdiffus.diffusion import edm
from netdiffus.diffusion.average import PowerAverage
from netdiffus.diffusion.fit import Fit, TrainStep, Validation
from netdiffus.diffusion.samplers import heun
from netdiffus.imaging.codec import STEP

CHARTS: list[Chart] = [SeriesChart(), GasfChart(4, STEP)]
CENTRES = torch.linspace(-2, 2, 9)


def two_classes(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Label 0: every position the same class from 0 to 3; label 1: rising by one from a start of 0 to 5."""
    label = torch.randint(2, (64,), generator=generator)
    constant = torch.randint(4, (64, 1), generator=generator).expand(64, 4)
    rising = torch.randint(6, (64, 1), generator=generator) + torch.arange(4)
    return torch.where(label[:, None] == 0, constant, rising)[:, None], label


def new_fit(chart: Chart, seed: int = 0) -> Fit:
    torch.manual_seed(0)
    classes, label = two_classes(torch.Generator().manual_seed(0))
    network = RowDenoiser(
        [CENTRES],
        fit_mixtures(classes, label, 2, [CENTRES], torch.arange(64) % 2)[0],
        4,
        chart,
        width=32,
        depth=2,
        heads=2,
        patch=1,
    )
    return Fit(network, two_classes, learning_rate=2e-3, seed=seed)


def until(steps: int):
    def share(record: TrainStep) -> float:
        return record.step / steps

    return share


@pytest.mark.parametrize("chart", CHARTS)
def test_learns_two_classes(chart) -> None:
    fit = new_fit(chart)
    losses = [record.loss for record in fit.run(until(400))]
    assert sum(losses[-50:]) < 0.8 * sum(losses[:50])  # the rest is what the noise hides
    fit.network.load_state_dict(fit.result)
    label = torch.arange(2).repeat(200)
    sigmas = edm.sigmas(24)[:-1] * chart.noise_gain
    start = chart.noise(torch.zeros(400, 1, 4), torch.Generator().manual_seed(0)) * sigmas[0]
    with torch.inference_mode():
        x = heun(lambda x, sigma: fit.network.expected(fit.network(x, sigma.expand(400), label)), start, sigmas)
        drawn = draw_classes(fit.network(x, sigmas[-1].expand(400), label), torch.Generator().manual_seed(1))[:, 0]
    steps = drawn.diff(dim=1)
    assert (steps == label[:, None]).float().mean() > 0.75  # constant, and rising by one; by chance 0.25
    for kind, starts in ((0, 4), (1, 6)):
        shares = torch.bincount(drawn[label == kind, 0], minlength=9) / 200
        assert (shares[:starts] - 1 / starts).abs().max() < 0.12
        assert shares[starts:].sum() < 0.05


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


def test_the_loss_is_what_is_left_open() -> None:
    """0 for who knows, the entropy of a guess for who does not."""
    chart, classes = SeriesChart(), torch.randint(9, (64, 2, 4))
    known = torch.nn.functional.one_hot(classes, 9) * 1e4

    def loss(logits: Tensor) -> Tensor:
        answer = (logits[:, 0], logits[:, 1])
        generator = torch.Generator().manual_seed(0)
        return edm.loss(lambda *_: answer, chart, CENTRES[classes], classes, torch.zeros(64), generator)

    assert loss(known.float()).max() == 0
    assert torch.allclose(loss(torch.zeros(64, 2, 4, 9)), torch.full((64,), math.log(9)))


def test_training_noise_covers_the_sampling_levels_evenly() -> None:
    sigma = edm.draw_sigma(1000, torch.Generator().manual_seed(0)).log()
    assert float(sigma.mean()) == pytest.approx(edm.P_MEAN, abs=0.01)  # one from each share: hardly any scatter
    assert float(sigma.std()) == pytest.approx(edm.P_STD, rel=0.02)


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
    assert checks[83] < checks[5]
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
