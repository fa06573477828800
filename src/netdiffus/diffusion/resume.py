"""Checks of a saved training state, which is untrusted: does it belong to this network and these optimisers?"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from netdiffus.errors import InputError

LONGEST = 1 << 53
"""Upper bound of steps (exclusive)."""
_ACTION = "train again without --resume"


def check_state(
    state: Mapping[str, Tensor],
    network: nn.Module,
    optimisers: list[torch.optim.Optimizer],
    generator: torch.Generator,
) -> None:
    """Raise InputError unless `Fit.restore` accepts a state, whose tensors lie on the CPU.

    Args:
        state: names and tensors as `Fit.state` returns them; best weights may be missing, and moments before a step.
    """
    weights: dict[str, Tensor] = dict(network.named_parameters())
    for name, value in weights.items():
        for kind in ("weights", "average"):
            _check_like(state, f"{kind}.{name}", value)
    if any(name.startswith("best.") for name in state):
        for name, value in weights.items():
            _check_like(state, f"best.{name}", value)
    moments = _moments(optimisers)
    numbers = {"step", "seconds", "best_loss", "best_step", "coolings"}
    for name, value in state.items():
        head = name.partition(".")[0]
        if head in ("weights", "average", "best"):
            if name.partition(".")[2] not in weights:
                raise InputError("the state of this network", f"the unknown {name[:60]!r}", _ACTION)
        elif head == "optimiser":
            _check_moment(name, value, moments)
        elif name not in numbers and name != "generator":
            raise InputError("the state of a training", f"the unknown {name[:60]!r}", _ACTION)
    for name in numbers:
        _check_number(state, name)
    now, saved = generator.get_state(), state.get("generator")
    if saved is None or saved.dtype != now.dtype or saved.shape != now.shape:
        raise InputError("the state of a random generator", "another", _ACTION)
    try:
        torch.Generator(generator.device).set_state(saved)
    except RuntimeError:
        raise InputError("the state of a random generator", "another", _ACTION) from None


def _check_like(state: Mapping[str, Tensor], name: str, value: Tensor) -> None:
    found = state.get(name)
    if found is None or found.shape != value.shape or found.dtype != value.dtype:
        got = "none" if found is None else f"{tuple(found.shape)}, {found.dtype}"
        raise InputError(f"{name} of {tuple(value.shape)}, {value.dtype}", got, _ACTION)
    if not bool(found.isfinite().all()):
        raise InputError(f"finite numbers in {name}", "NaN or infinity", _ACTION)


def _moments(optimisers: list[torch.optim.Optimizer]) -> dict[str, torch.Size]:
    """The shape of each parameter, by "OPTIMISER.INDEX"."""
    return {
        f"{number}.{index}": parameter.shape
        for number, optimiser in enumerate(optimisers)
        for index, parameter in enumerate(p for group in optimiser.param_groups for p in group["params"])
    }


def _check_moment(name: str, value: Tensor, moments: Mapping[str, torch.Size]) -> None:
    place = name.removeprefix("optimiser.").rpartition(".")[0]
    if place not in moments or value.shape not in (moments[place], torch.Size([])):
        raise InputError("moments of this network", f"{name[:60]!r} of {tuple(value.shape)}", _ACTION)
    if not value.is_floating_point() or not bool(value.isfinite().all()):
        raise InputError(f"finite numbers in {name[:60]}", "others", _ACTION)


def _check_number(state: Mapping[str, Tensor], name: str) -> None:
    value = state.get(name)
    number = value.item() if value is not None and value.shape == () and not value.is_complex() else -1.0
    if name == "best_loss":  # infinite before the first check
        if isinstance(number, float) and number == number and value is not None and value.shape == ():
            return
    elif 0 <= number < LONGEST:
        return
    raise InputError(f"{name}, a number from 0 on", "none" if value is None else shown_number(value), _ACTION)


def shown_number(value: Tensor) -> str:
    """A tensor of one number as text, any other as its shape."""
    return str(value.item()) if value.shape == () else f"a tensor of {tuple(value.shape)}"
