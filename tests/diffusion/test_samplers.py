"""Samplers against the exact posterior over a handful of points (no training, known answers) and against diffusers."""

import itertools
import math

import pytest
import torch

from netdiffus.diffusion import staircase
from netdiffus.diffusion.samplers import SAMPLERS

POINTS = torch.tensor([[-1.0, 2.0], [1.5, 0.5], [0.0, -1.5]], dtype=torch.float64)
SHARES = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)


def ideal(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """E[x0 | x] when x0 is one of POINTS, with probabilities SHARES."""
    distance = ((x[:, None] - POINTS) ** 2).sum(-1)
    return torch.softmax(SHARES.log() - distance / (2 * sigma**2), dim=1) @ POINTS


def gaussian(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """E[x0 | x] when x0 ~ N(0, 1); the flow then takes x at sigma to x * sqrt((1 + s^2) / (1 + sigma^2)) at s."""
    return x / (1 + sigma**2)


def descending(steps: int) -> torch.Tensor:
    """Levels (steps + 1,) that end with 0."""
    return torch.cat([staircase.sigmas(steps).double(), torch.zeros(1, dtype=torch.float64)])


def seeded(seed: int):
    generator = torch.Generator().manual_seed(seed)
    return lambda x: torch.randn(x.shape, generator=generator, dtype=x.dtype)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_draw_ends_at_a_point_and_all_points_are_drawn_as_often_as_they_should(name) -> None:
    sigmas = descending(200 if name == "ddpm" else 80)
    noise = seeded(0)(torch.empty(3000, 2, dtype=torch.float64)) * sigmas[0]
    drawn = SAMPLERS[name](ideal, noise, sigmas, seeded(1))
    distance = ((drawn[:, None] - POINTS) ** 2).sum(-1)
    assert distance.min(dim=1).values.max() < 1e-6
    shares = torch.bincount(distance.argmin(dim=1), minlength=3) / 3000
    assert ((shares - SHARES).abs() < 4 * (SHARES * (1 - SHARES) / 3000).sqrt()).all()


@pytest.mark.parametrize(("name", "order"), [("heun", 2), ("dpm++2m", 2), ("ddim", 1)])
def test_order_of_the_flow(name, order) -> None:
    x = torch.linspace(-100, 100, 11, dtype=torch.float64)[:, None]

    def error(steps: int) -> float:
        sigmas = descending(steps)
        exact = x / (1 + sigmas[0] ** 2).sqrt()
        return float((SAMPLERS[name](gaussian, x, sigmas) - exact).abs().max() / exact.abs().max())

    assert error(64) < error(32) / (3 if order == 2 else 1.7)
    assert error(18) < (0.05 if order == 2 else 0.3)


@pytest.mark.parametrize("name", ["ancestral", "ddpm"])
def test_noise_gives_normal_data_its_variance(name) -> None:
    sigmas = descending(200)
    noise = seeded(2)(torch.empty(4000, 1, dtype=torch.float64)) * sigmas[0]
    assert float(SAMPLERS[name](gaussian, noise, sigmas, seeded(3)).std()) == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_noise_decides_and_only_where_there_is_any(name) -> None:
    sigmas = descending(10)
    start = seeded(4)(torch.empty(20, 2, dtype=torch.float64)) * sigmas[0]
    one, again, other = (SAMPLERS[name](gaussian, start, sigmas, seeded(seed)) for seed in (5, 5, 6))
    assert torch.equal(one, again)
    assert torch.equal(one, other) == (name not in ("ancestral", "ddpm"))
    assert torch.equal(SAMPLERS[name](gaussian, start, sigmas), SAMPLERS[name](gaussian, start, sigmas))


# diffusers works in x / sqrt(1 + sigma^2) and on predicted noise where the scheduler is a discrete one.


def scheduler_of(name: str, **options):
    diffusers = pytest.importorskip("diffusers")
    return getattr(diffusers, name)(num_train_timesteps=1000, beta_schedule="linear", **options)


def small_start() -> torch.Tensor:
    return seeded(7)(torch.empty(6, 2, dtype=torch.float64))


def vp_sigmas(scheduler) -> torch.Tensor:
    products = scheduler.alphas_cumprod[scheduler.timesteps].double()
    return torch.cat([((1 - products) / products).sqrt(), torch.zeros(1, dtype=torch.float64)])


@pytest.mark.parametrize(
    ("ours", "theirs", "options", "eta"),
    [
        ("ddim", "DDIMScheduler", {"clip_sample": False}, 0.0),
        ("ancestral", "DDIMScheduler", {"clip_sample": False}, 1.0),
        ("ancestral", "DDPMScheduler", {"clip_sample": False, "variance_type": "fixed_small"}, None),
        ("ddpm", "DDPMScheduler", {"clip_sample": False, "variance_type": "fixed_large"}, None),
    ],
)
def test_equals_diffusers_discrete_schedulers(ours, theirs, options, eta) -> None:
    scheduler = scheduler_of(theirs, **options)
    scheduler.set_timesteps(50)
    sigmas, x = vp_sigmas(scheduler), small_start()
    expected, generator = x.clone(), torch.Generator().manual_seed(8)
    for t, sigma in zip(scheduler.timesteps, sigmas[:-1], strict=True):
        image = expected * (1 + sigma**2).sqrt()
        noise = (image - ideal(image, sigma)) / sigma
        choice = {} if eta is None else {"eta": eta}
        expected = scheduler.step(noise, t, expected, generator=generator, **choice).prev_sample
    drawn = SAMPLERS[ours](ideal, x * (1 + sigmas[0] ** 2).sqrt(), sigmas, seeded(8))
    assert (drawn - expected).abs().max() < 1e-4


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers with numpy 2
@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        ("heun", "HeunDiscreteScheduler", {}),
        ("ancestral", "EulerAncestralDiscreteScheduler", {}),
        ("ddim", "EulerDiscreteScheduler", {}),
    ],
)
def test_equals_diffusers_sigma_schedulers(ours, theirs, options) -> None:
    scheduler = scheduler_of(theirs, **options)
    scheduler.set_timesteps(30)
    sigmas = torch.stack([sigma for sigma, _ in itertools.groupby(scheduler.sigmas)]).double()
    x = small_start() * sigmas[0]
    expected, generator = x.clone(), torch.Generator().manual_seed(9)
    for t in scheduler.timesteps:
        scheduler.scale_model_input(expected, t)
        sigma = scheduler.sigmas[scheduler.step_index].double()
        noise = (expected - ideal(expected, sigma)) / sigma
        choice = {} if ours == "heun" else {"generator": generator}
        expected = scheduler.step(noise, t, expected, **choice).prev_sample
    drawn = SAMPLERS[ours](ideal, x, sigmas, seeded(9))
    assert (drawn - expected).abs().max() < 1e-4


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers with numpy 2
def test_equals_diffusers_dpm_solver() -> None:
    scheduler = scheduler_of(
        "DPMSolverMultistepScheduler", solver_order=2, euler_at_final=True, final_sigmas_type="zero"
    )
    scheduler.set_timesteps(20)
    sigmas = scheduler.sigmas.double()
    x = small_start()
    expected = x.clone()
    for t, sigma in zip(scheduler.timesteps, sigmas[:-1], strict=True):
        image = expected * (1 + sigma**2).sqrt()
        noise = (image - ideal(image, sigma)) / sigma
        expected = scheduler.step(noise, t, expected).prev_sample
    drawn = SAMPLERS["dpm++2m"](ideal, x * (1 + sigmas[0] ** 2).sqrt(), sigmas)
    assert (drawn - expected).abs().max() < 1e-4


def test_the_ancestral_step_is_the_posterior_by_hand() -> None:
    sigmas = torch.tensor([2.0, 1.0, 0.0], dtype=torch.float64)
    seen = []

    def denoise(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return torch.zeros_like(x)

    start, one = torch.tensor([[4.0]], dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    assert SAMPLERS["ancestral"](denoise, start, sigmas, lambda x: one) == 0
    assert float(seen[1]) == pytest.approx(4 * 1 / 4 + math.sqrt(1 * (4 - 1) / 4))
