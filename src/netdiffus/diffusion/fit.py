"""Fitting a denoiser: a loop that yields a small record per step, and all of its state for stopping and going on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from netdiffus.diffusion import edm
from netdiffus.diffusion.average import Average, PowerAverage
from netdiffus.diffusion.resume import check_state
from netdiffus.diffusion.rows import RowDenoiser

MUON_RATE = 5.0
VALIDATION_SEED = 0  # every check sees the same traces, noise levels and noise: only the weights differ
VALIDATION_BATCHES = 4

Batch = Callable[[torch.Generator], tuple[Tensor, Tensor]]  # → traces (B, C, n) as the recipe wants them, label (B,)
Network = Callable[[Tensor, Tensor, Tensor], Any]  # (image, noise level, label) → answer


@dataclass(frozen=True)
class TrainStep:
    """What one step of training says: its number from 1, its loss, and the seconds of training so far.

    `validation` is the loss of the averaged weights on held-back traces, at the steps that check it.
    """

    step: int
    loss: float
    seconds: float
    validation: float | None = None


@dataclass(frozen=True)
class Validation:
    """How a training is watched.

    Attributes:
        batch: draws held-back traces.
        every: steps between two checks; the last step is checked too.
        patience: so many checks without a better one end the training; None: never.
    """

    batch: Batch
    every: int
    patience: int | None = None


class Recipe(Protocol):
    """What is minimised, and how."""

    clip: float | None  # largest norm of the gradient

    def loss(self, network: Network, traces: Tensor, label: Tensor, generator: torch.Generator) -> Tensor:
        """Per sample (B,)."""

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        """Between them they hold every parameter of the network."""

    def rate(self, step: int, done: float) -> float:
        """The share of the peak learning rate after `step` steps, when the share `done` of the training is done."""

    def average(self, tensors: dict[str, Tensor]) -> Average:
        """The average that sampling uses."""


class EdmRecipe:
    """The default: EDM's loss, Muon and AdamW, a warm-up, then a linear fall to the end."""

    WARM_UP = 100
    LAST_RATE = 0.01

    def __init__(self, network: RowDenoiser) -> None:
        self.network = network
        self.clip: float | None = 1.0

    def loss(self, network: Network, traces: Tensor, label: Tensor, generator: torch.Generator) -> Tensor:
        """Per sample (B,); traces are classes (B, C, n)."""
        z = self.network.series(traces)
        return edm.loss(network, self.network.chart, z, traces, label, generator)

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        """Muon for the matrices of the transformer's blocks, AdamW for all else."""
        return optimisers(self.network, learning_rate)

    def rate(self, step: int, done: float) -> float:
        """Rises over WARM_UP steps and falls linearly to LAST_RATE at the end."""
        return min(1.0, (step + 1) / self.WARM_UP) * max(self.LAST_RATE, 1 - done)

    def average(self, tensors: dict[str, Tensor]) -> Average:
        """Over the last tenth."""
        return PowerAverage(tensors)


class Fit:
    """A training in progress: weights, averaged weights, optimisers, random state, step and seconds.

    Args:
        network: the network to fit.
        batch: draws a training batch with the generator it is given.
        learning_rate: its peak.
        seed: of the training's random draws.
        recipe: what is minimised and how; for a RowDenoiser EDM is the default.
        validation: how the training is watched; then the best averaged weights are kept.
    """

    def __init__(
        self,
        network: nn.Module,
        batch: Batch,
        *,
        learning_rate: float,
        seed: int,
        recipe: Recipe | None = None,
        validation: Validation | None = None,
    ) -> None:
        if recipe is None:
            if not isinstance(network, RowDenoiser):
                raise TypeError("a network of another kind than RowDenoiser needs its recipe")
            recipe = EdmRecipe(network)
        self.network, self.batch, self.recipe, self.validation = network, batch, recipe, validation
        device = next(network.parameters()).device
        self.optimisers = recipe.optimisers(learning_rate)
        self.peaks = [optimiser.param_groups[0]["lr"] for optimiser in self.optimisers]
        self.average = recipe.average(dict(network.named_parameters()))
        self.generator = torch.Generator(device).manual_seed(seed)
        self.step, self.seconds = 0, 0.0
        self.best: dict[str, Tensor] = {}
        self.best_loss, self.best_step = math.inf, 0

    def run(self, share: Callable[[TrainStep], float]) -> Iterator[TrainStep]:
        """Train until `share(record)`, the part of the training that is done, reaches 1, or patience ends."""
        began = time.perf_counter() - self.seconds
        done = share(TrainStep(self.step, math.nan, self.seconds))
        while done < 1 and not self._is_spent():
            loss = self._take_step(done)
            self.seconds = time.perf_counter() - began
            done = share(TrainStep(self.step, math.nan, self.seconds))
            checked = self._check(self.validation) if self.validation and self._is_due(self.validation, done) else None
            yield TrainStep(self.step, loss, self.seconds, checked)

    def _take_step(self, done: float) -> float:
        for optimiser, peak in zip(self.optimisers, self.peaks, strict=True):
            optimiser.param_groups[0]["lr"] = peak * self.recipe.rate(self.step, done)
            optimiser.zero_grad(set_to_none=True)
        traces, label = self.batch(self.generator)
        with torch.random.fork_rng():
            torch.manual_seed(self._draw_seed())  # dropout draws from torch's own state, which is not ours to keep
            loss = self.recipe.loss(self.network.train(), traces, label, self.generator).mean()
            loss.backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        for optimiser in self.optimisers:
            optimiser.step()
        self.step += 1
        self.average.update(dict(self.network.named_parameters()), self.step)
        return float(loss.detach())

    def _draw_seed(self) -> int:
        return int(torch.randint(1 << 62, (1,), generator=self.generator, device=self.generator.device))

    def _is_due(self, watch: Validation, done: float) -> bool:
        return done >= 1 or self.step % watch.every == 0

    def _is_spent(self) -> bool:
        if self.validation is None or self.validation.patience is None or not self.best:
            return False
        return self.step - self.best_step >= self.validation.patience * self.validation.every

    @torch.no_grad()
    def _check(self, watch: Validation) -> float:
        """The averaged weights' loss on held-back traces; the best ones are kept."""

        def averaged(*inputs: Tensor) -> Any:
            return torch.func.functional_call(self.network, self.average.tensors, inputs)

        self.network.eval()
        generator = torch.Generator(self.generator.device).manual_seed(VALIDATION_SEED)
        parts = []
        for _ in range(VALIDATION_BATCHES):
            traces, label = watch.batch(generator)
            parts.append(self.recipe.loss(averaged, traces, label, generator))
        loss = float(torch.cat(parts).mean())
        if loss < self.best_loss:
            self.best = {name: value.clone() for name, value in self.average.tensors.items()}
            self.best_loss, self.best_step = loss, self.step
        return loss

    @property
    def result(self) -> dict[str, Tensor]:
        """What to sample with: constants, and the best averaged weights (before the first check the newest)."""
        return self.network.state_dict() | (self.best or self.average.tensors)

    def state(self) -> dict[str, Tensor]:
        """Everything that going on needs, as named tensors on the CPU."""
        state = {f"weights.{name}": value.detach() for name, value in self.network.named_parameters()}
        state |= {f"average.{name}": value for name, value in self.average.tensors.items()}
        state |= {f"best.{name}": value for name, value in self.best.items()}
        for number, optimiser in enumerate(self.optimisers):
            for index, moments in optimiser.state_dict()["state"].items():
                state |= {f"optimiser.{number}.{index}.{name}": value for name, value in moments.items()}
        state["generator"] = self.generator.get_state()
        state["step"], state["seconds"] = torch.tensor(self.step), torch.tensor(self.seconds, dtype=torch.float64)
        state["best_loss"] = torch.tensor(self.best_loss, dtype=torch.float64)
        state["best_step"] = torch.tensor(self.best_step)
        return {name: value.to("cpu", copy=True).contiguous() for name, value in state.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go back to a state that `state` gave.

        Raises:
            InputError: it is that of another training, or none.
        """
        check_state(state, self.network, self.optimisers, self.generator)
        device = self.generator.device
        with torch.no_grad():
            for name, weight in self.network.named_parameters():
                weight.copy_(state[f"weights.{name}"])
                self.average.tensors[name].copy_(state[f"average.{name}"])
        self.best = {name[5:]: value.to(device) for name, value in state.items() if name.startswith("best.")}
        for number, optimiser in enumerate(self.optimisers):
            moments: dict[int, dict[str, Tensor]] = {}
            for key, value in state.items():
                if key.startswith(f"optimiser.{number}."):
                    index, name = key.split(".")[2:]
                    moments.setdefault(int(index), {})[name] = value.clone()
            optimiser.load_state_dict(optimiser.state_dict() | {"state": moments})
        self.generator.set_state(state["generator"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])
        if self.best:
            self.best_loss, self.best_step = float(state["best_loss"]), int(state["best_step"])


def optimisers(network: RowDenoiser, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the transformer's blocks, AdamW for all else.

    Muon (Jordan et al. 2024) orthogonalises each matrix's update; docs/results.md has what it brings over AdamW alone.
    Its rate is MUON_RATE times AdamW's.
    """
    named = [item for block in network.blocks for item in block.named_parameters()]
    matrices = [p for name, p in named if p.ndim == 2 and name.endswith("weight") and "modulate" not in name]
    chosen = {id(p) for p in matrices}
    rest = [p for p in network.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=MUON_RATE * learning_rate, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.01),
    ]
