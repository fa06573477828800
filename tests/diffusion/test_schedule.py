"""The discrete schedule: by hand, and by fixtures of the reference."""

import math

import fixtures
import pytest
import torch

from netdiffus.diffusion.schedule import BETAS, Schedule, kept_steps
from netdiffus.errors import InputError

TABLES = (
    "betas", "alphas_cumprod", "alphas_cumprod_prev", "posterior_variance", "posterior_log_variance_clipped",
    "posterior_mean_coef1", "posterior_mean_coef2",
)  # fmt: skip


def test_by_hand() -> None:
    schedule = Schedule.of(torch.tensor([0.9, 0.45], dtype=torch.float64), torch.tensor([0, 1]))
    assert schedule.betas.tolist() == pytest.approx([0.1, 0.5])
    assert schedule.alphas_cumprod_prev.tolist() == pytest.approx([1, 0.9])
    variance = 0.5 * 0.1 / 0.55
    assert schedule.posterior_variance.tolist() == pytest.approx([0, variance])
    assert schedule.posterior_log_variance_clipped.tolist() == pytest.approx([math.log(variance)] * 2)
    assert schedule.sigmas.tolist() == pytest.approx([math.sqrt(0.1 / 0.9), math.sqrt(0.55 / 0.45)])


def test_linear_scales_with_the_number_of_steps_and_cosine_is_capped() -> None:
    assert BETAS["linear"](1000)[[0, -1]].tolist() == pytest.approx([1e-4, 0.02])
    assert BETAS["linear"](100)[[0, -1]].tolist() == pytest.approx([1e-3, 0.2])
    cosine = BETAS["cosine"](50)
    assert cosine[-1] == 0.999
    assert (cosine[:-1] < 0.999).all()


def test_kept_steps_by_hand() -> None:
    assert kept_steps(10, "4") == [0, 3, 6, 9]
    assert kept_steps(10, "2,1") == [0, 4, 5]
    assert kept_steps(10, "ddim5") == [0, 2, 4, 6, 8]
    assert kept_steps(7, "7") == list(range(7))


def test_one_step_is_a_schedule_too() -> None:
    one = Schedule.named("cosine", 100, "1")
    assert one.timesteps.tolist() == [0]
    assert one.posterior_log_variance_clipped.isfinite().all()


@pytest.mark.parametrize(
    ("spacing", "words"),
    [
        ("ddim30", "a whole stride takes from 100; got 30"),
        ("101", "between 1 and 100 steps of 100; got 101"),
        ("60,20", "between 1 and 50 steps of 50; got 60"),
        ("0", "between 1 and 100 steps of 100; got 0"),
        ("many", "steps as '25', '10,15,20' or 'ddim25'; got 'many'"),
    ],
)
def test_spacings_that_cannot_be(spacing, words) -> None:
    with pytest.raises(InputError, match=words):
        kept_steps(100, spacing)


def test_unknown_schedule() -> None:
    with pytest.raises(InputError, match="a schedule among linear, cosine; got 'sigmoid'"):
        Schedule.named("sigmoid", 10)


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float(((found - expected).abs() / expected.abs().clamp(min=1e-300)).max())


@pytest.mark.parametrize("T", [1000, 100])
@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_tables_equal_the_reference(name, T) -> None:
    found = fixtures.tensors("schedule.safetensors")
    assert relative(BETAS[name](T), found[f"{name}.{T}.betas_base"]) < 1e-10
    schedule = Schedule.named(name, T)
    for table in TABLES:
        assert relative(getattr(schedule, table), found[f"{name}.{T}.{table}"]) < 1e-10, table


@pytest.mark.parametrize("spacing", ["25", "ddim25", "10,10,10", "10", "ddim10"])
@pytest.mark.parametrize("T", [1000, 100])
@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_respaced_tables_equal_the_reference(name, T, spacing) -> None:
    found = fixtures.tensors("schedule.safetensors")
    prefix = f"{name}.{T}.respace.{spacing}"
    assert f"{prefix}.timestep_map" in found
    schedule = Schedule.named(name, T, spacing)
    assert torch.equal(schedule.timesteps, found[f"{prefix}.timestep_map"])
    for table in ("betas", "alphas_cumprod"):
        assert relative(getattr(schedule, table), found[f"{prefix}.{table}"]) < 1e-10


def test_kept_steps_equal_the_reference() -> None:
    found = fixtures.tensors("schedule.safetensors")
    cases = [key for key in found if key.startswith("space_timesteps.")]
    assert len(cases) >= 6
    for key in cases:
        _, T, spacing = key.split(".")
        assert kept_steps(int(T), spacing) == found[key].tolist(), key
