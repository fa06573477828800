"""The published training: three steps equal the reference's, and going on after a stop changes nothing."""

import fixtures
import pytest
import torch
from test_discrete import close
from test_fit import until

from netdiffus.diffusion import discrete
from netdiffus.diffusion.average import ExponentialAverage
from netdiffus.diffusion.discrete_recipe import DiscreteRecipe
from netdiffus.diffusion.fit import Fit, Sample
from netdiffus.diffusion.observation import GasfRows
from netdiffus.diffusion.schedule import Schedule
from netdiffus.diffusion.unet import UNet, UNetShape
from netdiffus.imaging.codec import STEP


class Replayed(DiscreteRecipe):
    """The recipe with recorded images, steps and noise in place of drawn ones."""

    def __init__(self, network: UNet, found: dict[str, torch.Tensor], ema: float) -> None:
        super().__init__(network, GasfRows(10, STEP), Schedule.named("cosine", 100), ema)
        self.found, self.seen = found, []

    def loss(self, sample: Sample, generator: torch.Generator) -> torch.Tensor:
        x0, k, noise = (self.found[f"train.{name}"][len(self.seen)] for name in ("x0", "t", "noise"))
        losses = discrete.losses(self.schedule, lambda x, t: self.network(x, t, sample.label), x0, k, noise)
        self.seen.append(torch.stack([losses.mse, losses.vb, losses.loss]).detach())
        return losses.loss


@pytest.mark.parametrize("rate", [0.9, 0.9999])
def test_three_steps_equal_the_reference(rate) -> None:
    found = fixtures.tensors(fixtures.PROCESS["s10"])
    network = fixtures.network("s10")
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    recipe = Replayed(network, found, rate)
    labels = iter(found["train.y"])
    fit = Fit(
        network, lambda generator: Sample(torch.empty(0), next(labels)), learning_rate=1e-4, seed=0, recipe=recipe
    )
    assert len(list(fit.run(until(3)))) == 3
    close(torch.stack(recipe.seen), found["train.losses"], 0, 1e-4)
    after = dict(network.named_parameters())
    names = [key.removeprefix("train.param.") for key in found if key.startswith("train.param.")]
    assert len(names) == 6
    for name in names:
        close(after[name].detach(), found[f"train.param.{name}"], 2e-6)
        close(fit.average.tensors[name], found[f"train.ema_{rate}.{name}"], 2e-6)
    for k, name in enumerate(fixtures.parameter_order("s10")):
        if found["s10.grad.norms_f64"][k] >= 1e-8 and not name.endswith("qkv.bias"):
            moved = (after[name] - before[name]).norm().detach()
            close(moved, found["train.delta_norms"][k], 0, 1e-3)


def small_fit(seed: int = 0, ema: float | None = None) -> Fit:
    torch.manual_seed(0)
    network = UNet(UNetShape(1, 2, 32, (1, 2), 1, frozenset({2}), 2, 3))

    def batch(generator: torch.Generator) -> Sample:
        label = torch.randint(3, (4,), generator=generator)
        return Sample(torch.randn(4, 1, 4, generator=generator) + label[:, None, None], label)

    recipe = DiscreteRecipe(network, GasfRows(4, STEP), Schedule.named("cosine", 20), ema)
    return Fit(network, batch, learning_rate=1e-3, seed=seed, recipe=recipe)


def test_going_on_is_bit_identical() -> None:
    whole, first, second = small_fit(), small_fit(), small_fit(seed=5)
    list(whole.run(until(6)))
    for record in first.run(until(6)):
        if record.step == 2:
            break
    second.restore(first.state())
    list(second.run(until(6)))
    ends = whole.state(), second.state()
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0].keys() - {"seconds"})


def test_the_exponential_average_by_hand() -> None:
    average = ExponentialAverage({"w": torch.zeros(1)}, 0.75)
    for step in (1, 2):
        average.update({"w": torch.ones(1)}, step)
    assert float(average.tensors["w"]) == pytest.approx(1 - 0.75**2)
