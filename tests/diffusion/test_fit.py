"""Fitting: a known distribution is learned, going on after a stop changes nothing, and validation touches nothing."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch.nn import functional

from netdiffus.diffusion.average import PowerAverage
from netdiffus.diffusion.causal import CausalDenoiser, Codebook
from netdiffus.diffusion.fit import Fit, Sample, TrainStep
from netdiffus.diffusion.forcing import Rows
from netdiffus.diffusion.forcing_recipe import ForcingRecipe
from netdiffus.diffusion.observation import GasfRows, Observation, SeriesRows
from netdiffus.diffusion.staircase import Drawing
from netdiffus.diffusion.validation import Validation
from netdiffus.errors import InputError
from netdiffus.imaging.codec import STEP

OBSERVATIONS: list[Observation] = [SeriesRows(4), GasfRows(4, STEP)]
CENTRES = torch.linspace(-2, 2, 9)


def two_kinds(generator: torch.Generator) -> Sample:
    """Label 0: every position the same code from 0 to 3; label 1: rising by one from a start of 0 to 5."""
    label = torch.randint(2, (64,), generator=generator)
    constant = torch.randint(4, (64, 1), generator=generator).expand(64, 4)
    rising = torch.randint(6, (64, 1), generator=generator) + torch.arange(4)
    return Sample(torch.where(label[:, None] == 0, constant, rising)[:, None], label)


def new_fit(observation: Observation, seed: int = 0, dropout: float = 0.0) -> Fit:
    torch.manual_seed(0)
    even = torch.full((2, 4, 9), -math.log(9))
    network = CausalDenoiser([Codebook(CENTRES, False)], [even], None, width=32, depth=2, heads=2, dropout=dropout)
    recipe = ForcingRecipe(network, Rows.of(observation, [CENTRES]))
    return Fit(network, two_kinds, learning_rate=1e-2, seed=seed, recipe=recipe)


def until(steps: int):
    def share(record: TrainStep) -> float:
        return record.step / steps

    return share


def test_learns_two_kinds() -> None:
    fit = new_fit(GasfRows(4, STEP))
    losses = [record.loss for record in fit.run(until(200))]
    left = (math.log(4) + math.log(6)) / 2 / 4  # the first code alone is open
    assert losses[0] == pytest.approx(math.log(9), rel=1e-4)
    assert sum(losses[-20:]) / 20 < 2 * left
    fit.network.load_state_dict(fit.result)
    fit.network.eval()
    label = torch.arange(2).repeat(200)
    rows, generator = Rows.of(GasfRows(4, STEP), [CENTRES]), torch.Generator().manual_seed(0)
    with torch.inference_mode():
        drawn = Drawing(fit.network, rows, label, generator).draw()[:, 0]
    assert (drawn.diff(dim=1) == label[:, None]).float().mean() > 0.95  # constant, and rising by one
    for kind, starts in ((0, 4), (1, 6)):
        shares = torch.bincount(drawn[label == kind, 0], minlength=9) / 200
        assert (shares[:starts] - 1 / starts).abs().max() < 0.12
        assert shares[starts:].sum() < 0.05


@pytest.mark.parametrize("observation", OBSERVATIONS)
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_going_on_is_bit_identical(observation: Observation, dropout: float) -> None:
    whole, first, second = (new_fit(observation, seed, dropout) for seed in (0, 0, 99))
    for _ in whole.run(until(10)):
        pass
    for record in first.run(until(10)):
        if record.step == 4:
            break
    second.restore(first.state())
    for _ in second.run(until(10)):
        pass
    ends = whole.state(), second.state()
    assert ends[0].keys() == ends[1].keys()
    for name in ends[0].keys() - {"seconds"}:
        assert torch.equal(ends[0][name], ends[1][name]), name


def test_the_state_of_another_training_is_an_error() -> None:
    fit = new_fit(SeriesRows(4))
    state = fit.state()
    del state["weights.norm.weight"]
    with pytest.raises(InputError, match=r"expected weights.norm.weight of \(32,\).*got none; train again without"):
        fit.restore(state)


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
    fit = new_fit(SeriesRows(4))
    fit.validation = Validation(two_kinds, every=5, patience=patience)
    return fit


def test_validation_falls_is_logged_and_keeps_the_best_average() -> None:
    fit = watched()
    checks = {record.step: record.validation for record in fit.run(until(33)) if record.validation is not None}
    assert list(checks) == [*range(5, 31, 5), 33]
    assert checks[33] < checks[5]
    assert fit.best_loss == min(checks.values())
    assert checks[fit.best_step] == fit.best_loss
    fit.average.tensors = {name: torch.zeros_like(value) for name, value in fit.average.tensors.items()}
    assert any(value.any() for value in fit.result.values())  # the best ones are copies


def test_validation_changes_nothing_of_the_training() -> None:
    plain, seen = new_fit(SeriesRows(4)), watched()
    for fit in (plain, seen):
        for _ in fit.run(until(12)):
            pass
    assert all(torch.equal(plain.average.tensors[name], seen.average.tensors[name]) for name in plain.average.tensors)


def test_patience_ends_the_training() -> None:
    fit = watched(patience=2)
    fit.best_loss, fit.best_step = -1.0, 0
    fit.best = {name: value.clone() for name, value in fit.average.tensors.items()}
    assert [record.step for record in fit.run(until(100))][-1] == 10
    assert list(fit.run(until(100))) == []  # and it stays so


def test_no_better_validation_goes_back_and_lowers_the_rate() -> None:
    fit = watched()
    for _ in fit.run(until(5)):
        pass
    known = {name: value.clone() for name, value in fit.best.items()}
    fit.best_loss = -1.0
    for record in fit.run(until(100)):
        if record.step in (10, 15):
            assert fit.optimisers[0].param_groups[0]["lr"] <= fit.peaks[0] * 0.5 ** (record.step // 5 - 2)
            for name, weight in fit.network.named_parameters():
                assert torch.equal(weight, known[name])
                assert torch.equal(fit.average.tensors[name], known[name])
    assert fit.coolings == 9
    assert fit.step == 50, "a rate of 2^-9 changes nothing any more"
    assert list(fit.run(until(200))) == []


def test_a_recipe_that_does_not_cool_keeps_its_rate() -> None:
    fit = watched()
    fit.recipe.cooling = 1.0
    for _ in fit.run(until(5)):
        pass
    fit.best_loss = -1.0
    for _ in fit.run(until(60)):
        pass
    assert (fit.coolings, fit.step) == (0, 60)


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


def test_validation_is_the_loss_of_the_averaged_weights_and_leaves_the_weights_as_they_are() -> None:
    fit, sample = new_fit(SeriesRows(4)), two_kinds(torch.Generator().manual_seed(7))
    list(fit.run(until(3)))
    with torch.no_grad():
        fit.average.tensors["label.weight"].add_(1.0)
    weights = {name: weight.detach().clone() for name, weight in fit.network.named_parameters()}
    average = {name: weight.clone() for name, weight in fit.average.tensors.items()}
    found = fit._check(Validation(lambda generator: sample, every=1))
    assert all(torch.equal(weight, weights[name]) for name, weight in fit.network.named_parameters())
    assert all(torch.equal(weight, average[name]) for name, weight in fit.average.tensors.items())
    fit.network.load_state_dict(fit.network.state_dict() | average)
    with torch.no_grad():
        before = functional.pad(fit.network.fine.embed(sample.traces)[:, :-1], (0, 0, 1, 0))
        logits = fit.network.fine.logits(fit.network.hidden(before, sample.label), sample.traces)[0]
        wanted = functional.cross_entropy(logits.flatten(0, 1), sample.traces[:, 0].flatten())  # the prior is even
    assert found == pytest.approx(float(wanted), rel=1e-5)
    assert fit.best_loss == found
    assert torch.equal(fit.result["label.weight"], average["label.weight"])


class Squares:
    """The squares of what a network says of its traces, by plain gradient descent."""

    clip, cooling = None, 1.0

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network

    def loss(self, sample: Sample, generator: torch.Generator) -> torch.Tensor:
        return self.network(sample.traces).square().flatten(1).mean(1)

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        return [torch.optim.SGD(self.network.parameters(), lr=learning_rate)]

    def rate(self, step: int, done: float) -> float:
        return 1.0

    def average(self, tensors: dict[str, torch.Tensor]) -> PowerAverage:
        return PowerAverage(tensors)


def test_accumulated_batches_make_the_step_of_one_large_batch() -> None:
    """Gradients are means: two batches of four and one of eight move the weights alike."""
    drawn = torch.randn(8, 1, 3, generator=torch.Generator().manual_seed(0))
    ends = []
    for size in (8, 4):
        network = torch.nn.Linear(3, 1)
        torch.nn.init.ones_(network.weight)
        torch.nn.init.zeros_(network.bias)
        place = iter(range(0, 8, size))

        def batch(generator: torch.Generator, size: int = size, place: Iterator[int] = place) -> Sample:
            start = next(place)
            return Sample(drawn[start : start + size], torch.zeros(size, dtype=torch.int64))

        fit = Fit(network, batch, learning_rate=0.1, seed=0, recipe=Squares(network), accumulate=8 // size)
        (record,) = fit.run(until(1))
        ends.append((record.loss, network.weight.detach().clone()))
    assert ends[0][0] == pytest.approx(ends[1][0], rel=1e-6)
    assert torch.allclose(ends[0][1], ends[1][1], atol=1e-7)
    assert not torch.allclose(ends[0][1], torch.ones(1, 3))
