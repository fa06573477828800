"""The discrete diffusion: identities by hand, every number of the reference by fixtures."""

import math

import fixtures
import pytest
import torch

from netdiffus.diffusion import discrete
from netdiffus.diffusion.schedule import Schedule

KINDS = ("rgb", "s10")


def close(found: torch.Tensor, expected: torch.Tensor, absolute: float, relative: float = 0.0) -> None:
    excess = (found - expected).abs() - absolute - relative * expected.abs()
    assert float(excess.max()) <= 0, float((found - expected).abs().max())


def case(kind: str) -> tuple[dict[str, torch.Tensor], Schedule]:
    found = fixtures.tensors(fixtures.PROCESS[kind])
    part = {key[4:]: value for key, value in found.items() if key.startswith(f"{kind}.")}
    return part, Schedule.named("cosine", fixtures.STEPS[kind])


def own_answer(kind: str, label: torch.Tensor):
    network = fixtures.network(kind)
    return lambda x, t: network(x, t, label)


def test_noise_and_image_are_two_ways_to_say_the_same() -> None:
    schedule = Schedule.named("cosine", 50)
    generator = torch.Generator().manual_seed(0)
    x0, noise = (torch.randn(5, 1, 4, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    k = torch.tensor([0, 1, 20, 40, 48])
    x = discrete.q_sample(schedule, x0, k, noise)
    assert torch.allclose(discrete.x0_of_noise(schedule, x, k, noise), x0)
    assert torch.allclose(discrete.noise_of_x0(schedule, x, k, x0), noise)


def test_divergence_by_hand() -> None:
    zero = torch.zeros(1)
    assert discrete.normal_divergence(zero, zero, zero, zero) == 0
    assert float(discrete.normal_divergence(zero, zero, zero + 2, zero)) == pytest.approx(2)
    wide = zero + math.log(4)
    assert float(discrete.normal_divergence(zero, zero, zero, wide)) == pytest.approx(0.5 * (math.log(4) - 0.75))


def test_the_levels_of_a_pixel_are_all_there_is() -> None:
    levels = torch.arange(256, dtype=torch.float64) / 127.5 - 1
    for mean, deviation in [(0.1, 0.02), (-0.99, 0.3), (1.3, 0.5)]:
        logs = discrete.level_log_likelihood(levels, torch.tensor(mean), torch.tensor(math.log(deviation)).double())
        assert float(logs.exp().sum()) == pytest.approx(1, abs=1e-6)


def test_the_bound_does_not_teach_the_noise() -> None:
    schedule = Schedule.named("cosine", 20)
    answer = torch.randn(3, 2, 4, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    x0, noise = torch.zeros(3, 1, 4, 4), torch.ones(3, 1, 4, 4)
    found = discrete.losses(schedule, lambda x, t: answer, x0, torch.tensor([0, 5, 19]), noise)
    (gradient,) = torch.autograd.grad(found.vb.sum(), answer)
    assert not gradient[:, 0].any()
    assert gradient[:, 1].any()


def test_an_all_knowing_network_samples_the_image() -> None:
    """DDIM and the ancestral loop end at the one image there is."""
    image = torch.linspace(-1, 1, 16, dtype=torch.float64).view(1, 1, 4, 4).expand(3, -1, -1, -1)
    schedule = Schedule.named("cosine", 100, "10")

    def answer(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        k = torch.searchsorted(schedule.timesteps, t)
        return torch.cat([discrete.noise_of_x0(schedule, x, k, image), torch.zeros_like(x)], dim=1)

    generator = torch.Generator().manual_seed(0)

    def draw(x: torch.Tensor) -> torch.Tensor:
        return torch.randn(x.shape, generator=generator, dtype=x.dtype)

    for step in (discrete.p_sample, discrete.ddim_sample):
        *_, drawn = discrete.sample(schedule, answer, draw(image), draw, step)
        assert (drawn - image).abs().max() < 1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_forward_process_equals_the_reference(kind) -> None:
    found, schedule = case(kind)
    x = discrete.q_sample(schedule, found["x0"], found["t"], found["noise"])
    close(x, found["x_t"], 1e-6)
    mean = discrete.q_posterior_mean(schedule, found["x0"], found["x_t"], found["t"])
    close(mean, found["q_posterior.mean"], 1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_steps_equal_the_reference_given_its_answer(kind) -> None:
    found, schedule = case(kind)
    x, t, answer, noise = (found[name] for name in ("x_t", "t", "model_out", "step_noise"))
    reverse = discrete.p_mean_variance(schedule, answer, x, t)
    close(reverse.mean, found["pmv.mean"], 1e-5, 1e-5)
    close(reverse.log_variance, found["pmv.log_variance"], 1e-5, 1e-5)
    close(reverse.log_variance.exp(), found["pmv.variance"], 1e-5, 1e-5)
    close(reverse.x0, found["pmv.pred_xstart"], 1e-5, 1e-5)
    close(discrete.p_sample(schedule, answer, x, t, noise), found["p_sample.sample"], 1e-5, 1e-5)
    close(discrete.ddim_sample(schedule, answer, x, t, noise), found["ddim_sample.sample"], 1e-5, 1e-5)
    eta1 = discrete.ddim_sample(schedule, answer, x, t, noise, eta=1.0)
    close(eta1, found["ddim_sample_eta1.sample"], 1e-5, 1e-5)


@pytest.mark.parametrize("rescale", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_losses_equal_the_reference_given_its_answer(kind, rescale) -> None:
    found, schedule = case(kind)
    given = discrete.losses(
        schedule, lambda x, t: found["model_out"], found["x0"], found["t"], found["noise"], rescale=rescale
    )
    for name in ("loss", "mse", "vb"):
        close(getattr(given, name), found[f"loss.{'rescaled_mse' if rescale else 'mse'}.{name}"], 1e-5, 1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_network_and_process_equal_the_reference(kind) -> None:
    found, schedule = case(kind)
    answer = own_answer(kind, found["y"])
    x, t, noise = (found[name] for name in ("x_t", "t", "step_noise"))
    with torch.inference_mode():
        out = answer(x, t)
        reverse = discrete.p_mean_variance(schedule, out, x, t)
        close(out, found["model_out"], 5e-5)
        close(reverse.mean, found["pmv.mean"], 1e-4)
        close(reverse.log_variance, found["pmv.log_variance"], 1e-4)
        close(reverse.log_variance.exp(), found["pmv.variance"], 0, 1e-4)
        close(reverse.x0, found["pmv.pred_xstart"], 1e-4)
        close(discrete.p_sample(schedule, out, x, t, noise), found["p_sample.sample"], 1e-4)
        close(discrete.ddim_sample(schedule, out, x, t, noise), found["ddim_sample.sample"], 1e-4)
        eta1 = discrete.ddim_sample(schedule, out, x, t, noise, eta=1.0)
        close(eta1, found["ddim_sample_eta1.sample"], 1e-4)


@pytest.mark.parametrize(
    ("kind", "T", "prefix", "when"), [("rgb", 1000, "", "t"), ("s10", 100, "", "t"), ("rgb", 100, "T100.", "T100.t")]
)
@pytest.mark.parametrize("rescale", [False, True])
def test_losses_with_the_network_equal_the_reference(kind, T, prefix, when, rescale) -> None:
    found, _ = case(kind)
    with torch.inference_mode():
        given = discrete.losses(
            Schedule.named("cosine", T),
            own_answer(kind, found["y"]),
            found["x0"],
            found[when],
            found["noise"],
            rescale=rescale,
        )
    for name in ("loss", "mse", "vb"):
        close(getattr(given, name), found[f"{prefix}loss.{'rescaled_mse' if rescale else 'mse'}.{name}"], 0, 1e-4)


@pytest.mark.parametrize(
    ("name", "spacing", "step"),
    [("ddim", "ddim10", discrete.ddim_sample), ("ancestral", "10", discrete.p_sample)],
)
@pytest.mark.parametrize("kind", KINDS)
def test_loops_equal_the_reference(kind, name, spacing, step) -> None:
    found, _ = case(kind)
    schedule = Schedule.named("cosine", fixtures.STEPS[kind], spacing)
    assert torch.equal(schedule.timesteps, found[f"loop.{name}.timestep_map"])
    draws = iter(found["loop.noise"])
    with torch.inference_mode():
        answer = own_answer(kind, found["loop.y"])
        path = torch.stack(list(discrete.sample(schedule, answer, found["loop.x_T"], lambda x: next(draws), step)))
    close(path, found[f"loop.{name}.trajectory"], 1e-3)
    if (kind, name) == ("rgb", "ddim"):
        levels = ((path[-1] + 1) * 127.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        apart = (levels.int() - found["loop.ddim.uint8_nhwc"].int()).abs()
        assert apart.max() <= 1
        assert (apart == 0).float().mean() >= 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_equal_the_reference(kind) -> None:
    found, schedule = case(kind)
    network = fixtures.network(kind)
    part = slice(5)  # the last image's bound dominates all else
    loss = discrete.losses(
        schedule,
        lambda x, t: network(x, t, found["y"][part]),
        found["x0"][part],
        found["t"][part],
        found["noise"][part],
    ).loss.mean()
    close(loss.detach(), found["grad.loss_mean"][0], 0, 1e-4)
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    norms = torch.stack([gradients[name].double().norm() for name in fixtures.parameter_order(kind)])
    counted = found["grad.norms_f64"] >= 1e-8
    close(norms[counted], found["grad.norms"].double()[counted], 0, 1e-3)
    full = [
        key.removeprefix("grad.") for key in found if key.startswith("grad.") and key.removeprefix("grad.") in gradients
    ]
    assert len(full) == 5
    for name in full:
        expected = found[f"grad.{name}"]
        close(gradients[name], expected, 1e-3 * float(expected.abs().max()))
