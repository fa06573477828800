"""Fitting a denoiser: a loop that yields a small record per step, and all of its state for stopping and going on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from netdiffus.diffusion import edm
from netdiffus.diffusion.average import PowerAverage
from netdiffus.diffusion.rows import RowDenoiser

MUON_RATE = 5.0

Batch = Callable[[torch.Generator], tuple[Tensor, Tensor]]  # → z (B, C, n), label (B,)


@dataclass(frozen=True)
class TrainStep:
    """What one step of training says: its number from 1, its loss, and the seconds of training so far."""

    step: int
    loss: float
    seconds: float


class Fit:
    """A training in progress: weights, averaged weights, optimisers, random state, step and seconds.

    Args:
        network: the denoiser to fit.
        batch: draws a training batch with the generator it is given.
        learning_rate: its peak; it rises over WARM_UP steps and falls linearly to LAST_RATE of it at the end.
        seed: of the training's random draws.
    """

    WARM_UP = 100
    LAST_RATE = 0.01

    def __init__(self, network: RowDenoiser, batch: Batch, *, learning_rate: float, seed: int) -> None:
        self.network, self.batch = network, batch
        device = next(network.parameters()).device
        self.optimisers = optimisers(network, learning_rate)
        self.peaks = [optimiser.param_groups[0]["lr"] for optimiser in self.optimisers]
        self.average = PowerAverage(dict(network.named_parameters()))
        self.generator = torch.Generator(device).manual_seed(seed)
        self.step, self.seconds = 0, 0.0

    def run(self, share: Callable[[TrainStep], float]) -> Iterator[TrainStep]:
        """Train until `share(record)`, the part of the training that is done, reaches 1."""
        began = time.perf_counter() - self.seconds
        while (done := share(TrainStep(self.step, math.nan, self.seconds))) < 1:
            warm = min(1.0, (self.step + 1) / self.WARM_UP)
            for optimiser, peak in zip(self.optimisers, self.peaks, strict=True):
                optimiser.param_groups[0]["lr"] = peak * warm * max(self.LAST_RATE, 1 - done)
                optimiser.zero_grad(set_to_none=True)
            z, label = self.batch(self.generator)
            loss = edm.loss(self.network, self.network.chart, z, label, self.generator).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            for optimiser in self.optimisers:
                optimiser.step()
            self.step += 1
            self.average.update(dict(self.network.named_parameters()), self.step)
            self.seconds = time.perf_counter() - began
            yield TrainStep(self.step, float(loss.detach()), self.seconds)

    def state(self) -> dict[str, Tensor]:
        """Everything that going on needs, as named tensors on the CPU."""
        state = {f"weights.{name}": value.detach() for name, value in self.network.named_parameters()}
        state |= {f"average.{name}": value for name, value in self.average.tensors.items()}
        for number, optimiser in enumerate(self.optimisers):
            for index, moments in optimiser.state_dict()["state"].items():
                state |= {f"optimiser.{number}.{index}.{name}": value for name, value in moments.items()}
        state["generator"] = self.generator.get_state()
        state["step"], state["seconds"] = torch.tensor(self.step), torch.tensor(self.seconds, dtype=torch.float64)
        return {name: value.to("cpu", copy=True).contiguous() for name, value in state.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go back to a state that `state` gave."""
        with torch.no_grad():
            for name, weight in self.network.named_parameters():
                weight.copy_(state[f"weights.{name}"])
                self.average.tensors[name].copy_(state[f"average.{name}"])
        for number, optimiser in enumerate(self.optimisers):
            moments: dict[int, dict[str, Tensor]] = {}
            for key, value in state.items():
                if key.startswith(f"optimiser.{number}."):
                    index, name = key.split(".")[2:]
                    moments.setdefault(int(index), {})[name] = value.clone()
            optimiser.load_state_dict(optimiser.state_dict() | {"state": moments})
        self.generator.set_state(state["generator"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])


def optimisers(network: RowDenoiser, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the transformer's blocks, AdamW for all else.

    Muon (Jordan et al. 2024) orthogonalises each matrix's update; docs/results.md has what it brings over AdamW alone.
    Its rate is MUON_RATE times AdamW's.
    """
    matrices = [
        p for block in network.blocks for name, p in block.named_parameters() if p.ndim == 2 and "modulate" not in name
    ]
    chosen = {id(p) for p in matrices}
    rest = [p for p in network.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=MUON_RATE * learning_rate, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.01),
    ]
