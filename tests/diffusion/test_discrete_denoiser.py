"""A discrete network as a denoiser: the same trajectories as the published loop, and every sampler ends at the data."""

import fixtures
import pytest
import torch

from netdiffus.diffusion import discrete
from netdiffus.diffusion.discrete_denoiser import DiscreteDenoiser, descending_sigmas
from netdiffus.diffusion.samplers import SAMPLERS
from netdiffus.diffusion.schedule import Schedule

IMAGES = torch.stack([torch.linspace(-1, 1, 16), torch.linspace(1, -0.5, 16)]).view(2, 1, 4, 4)
SCHEDULE = Schedule.named("cosine", 1000)


def knows(x: torch.Tensor, t: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """The noise in x if the image is the label's."""
    noise = discrete.noise_of_x0(SCHEDULE, x.double(), t, IMAGES[label].double()).float()
    return torch.cat([noise, torch.zeros_like(noise)], dim=1)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_ends_at_the_label_s_image(name) -> None:
    sigmas = descending_sigmas(Schedule.named("cosine", 1000, "30"))
    assert sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()
    denoise, label = DiscreteDenoiser(knows, SCHEDULE), torch.tensor([0, 1, 1])
    noise = torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * (1 + sigmas[0] ** 2).sqrt()
    drawn = SAMPLERS[name](lambda x, sigma: denoise(x, sigma.expand(3), label), noise, sigmas)
    assert (drawn - IMAGES[label]).abs().max() < 0.02


def test_the_nearest_step_is_asked() -> None:
    denoise = DiscreteDenoiser(knows, SCHEDULE)
    k = torch.tensor([0, 17, 500, 999])
    assert torch.equal(denoise.step(SCHEDULE.sigmas[k].float()), k)
    assert denoise.step(torch.tensor([1e-9, 1e9])).tolist() == [0, 999]


@pytest.mark.parametrize("kind", ["rgb", "s10"])
def test_ddim_equals_the_published_loop(kind) -> None:
    found = {key[4:]: value for key, value in fixtures.tensors(fixtures.PROCESS[kind]).items() if key[:3] == kind}
    T, network = fixtures.STEPS[kind], fixtures.network(kind)
    sigmas = descending_sigmas(Schedule.named("cosine", T, "ddim10"))
    denoise = DiscreteDenoiser(network, Schedule.named("cosine", T))
    start = found["loop.x_T"] * (1 + sigmas[0] ** 2).sqrt()
    with torch.inference_mode():
        drawn = SAMPLERS["ddim"](lambda x, sigma: denoise(x, sigma.expand(2), found["loop.y"]), start, sigmas)
    assert (drawn - found["loop.ddim.trajectory"][-1]).abs().max() < 1e-3
