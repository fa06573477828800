"""Fitting a denoiser: a loop that yields a small record per step, with resumable state."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from netdiffus.diffusion.average import Average
from netdiffus.diffusion.resume import check_state
from netdiffus.diffusion.validation import Validation, validated
from netdiffus.diffusion.workers import ALONE, Workers, add_gradients, check_same, part_of

COLDEST = 2**-8
"""A training ends where its learning rate has been lowered below this share: its weights hardly move any more."""


@dataclass(frozen=True)
class Sample:
    """A batch of traces.

    Attributes:
        traces: (B, C, n) in the form of the recipe: codes, or z.
        label: (B,) ids.
        coarse: (B, C, m) codes of the coarse rows, for a network with coarse rows.
        fold: (B,) fold of each trace, if priors are counted per fold.
    """

    traces: Tensor
    label: Tensor
    coarse: Tensor | None = None
    fold: Tensor | None = None

    @property
    def bare(self) -> Sample:
        """The traces alone, as if they were not of the training."""
        return replace(self, fold=None)

    def part(self, workers: Workers) -> Sample:
        """The traces that one of several workers takes."""
        if workers.size == 1:
            return self
        every = {each.name: getattr(self, each.name) for each in fields(self)}
        own = part_of(workers)
        return replace(self, **{name: value[own] for name, value in every.items() if value is not None})


Batch = Callable[[torch.Generator], Sample]


@dataclass(frozen=True)
class TrainStep:
    """The record of one training step: its number from 1, its loss, and the seconds of training so far.

    `validation` is the loss of the averaged weights on held-out traces, at the steps that check it; `share` the
    completed part of the training, from 0 to 1.
    """

    step: int
    loss: float
    seconds: float
    validation: float | None = None
    share: float | None = None

    @property
    def note(self) -> str:
        """Step and loss."""
        return f"step {self.step}  loss {self.loss:.3f}"


class Recipe(Protocol):
    """The training objective and how it is optimised."""

    clip: float | None  # maximum norm of the gradient
    cooling: float  # factor of the learning rate where validation no longer improves; 1: none
    likelihood: bool  # whether the loss of a held-out trace is minus its log-likelihood, or bounds it

    def loss(self, sample: Sample, generator: torch.Generator) -> Tensor:
        """The loss per trace (B,) of the recipe's network."""

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        """Together they hold every parameter of the network."""

    def rate(self, step: int, done: float) -> float:
        """The learning rate relative to its peak after `step` steps, when the share `done` of the training is done."""

    def average(self, tensors: dict[str, Tensor]) -> Average:
        """The averaged weights used for sampling."""


class Fit:
    """A training in progress: weights, averaged weights, optimisers, random state, step and seconds.

    Args:
        network: the network to fit.
        batch: draws a training batch with the generator it is given.
        learning_rate: the peak learning rate.
        seed: for the random draws of the training.
        recipe: the training objective of this network.
        validation: how training is validated; if given, the best averaged weights are kept.
        accumulate: batches whose gradients make one step.

    Attributes:
        workers: who fits the network together; to be set before `run`, in each of them.
    """

    def __init__(
        self,
        network: nn.Module,
        batch: Batch,
        *,
        learning_rate: float,
        seed: int,
        recipe: Recipe,
        validation: Validation | None = None,
        accumulate: int = 1,
    ) -> None:
        self.network, self.batch, self.recipe, self.validation = network, batch, recipe, validation
        self.accumulate = accumulate
        self.workers: Workers = ALONE
        device = next(network.parameters()).device
        self.optimisers = recipe.optimisers(learning_rate)
        self.peaks = [optimiser.param_groups[0]["lr"] for optimiser in self.optimisers]
        self.average = recipe.average(dict(network.named_parameters()))
        self.generator = torch.Generator(device).manual_seed(seed)
        self.step, self.seconds = 0, 0.0
        self.best: dict[str, Tensor] = {}
        self.best_loss, self.best_step = math.inf, 0
        self.coolings = 0

    @property
    def device(self) -> torch.device:
        """Where it trains."""
        return self.generator.device

    def run(self, share: Callable[[TrainStep], float]) -> Iterator[TrainStep]:
        """Train until `share(record)`, the completed part of the training, reaches 1, or early stopping."""
        self._begin_together()
        began = time.perf_counter() - self.seconds
        done = self.workers.agreed(share(TrainStep(self.step, math.nan, self.seconds)))
        while done < 1 and not self._is_spent():
            loss = self._take_step(done)
            self.seconds = time.perf_counter() - began
            done = self.workers.agreed(share(TrainStep(self.step, math.nan, self.seconds)))
            checked = self._check(self.validation) if self.validation and self._is_due(self.validation, done) else None
            yield TrainStep(self.step, loss, self.seconds, checked, min(done, 1.0))

    def _take_step(self, done: float) -> float:
        for optimiser, peak in zip(self.optimisers, self.peaks, strict=True):
            optimiser.param_groups[0]["lr"] = peak * self.recipe.rate(self.step, done) * self._cooled
            optimiser.zero_grad(set_to_none=True)
        self.network.train()
        total = 0.0
        for _ in range(self.accumulate):
            total += self._add_batch(self.batch(self.generator))
        fitted = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        total = add_gradients(fitted, total, self.workers)
        if self.recipe.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        for optimiser in self.optimisers:
            optimiser.step()
        self.step += 1
        self.average.update(dict(self.network.named_parameters()), self.step)
        return total

    def _add_batch(self, sample: Sample) -> float:
        """Add the gradients of this worker's part of a batch; returns the part's share of the loss."""
        seed, own = self._draw_seed(), sample.part(self.workers)
        if not len(own.label):
            return 0.0
        generator = self.generator
        if self.workers.size > 1:  # other noise for each, while all go on with the same batches
            seed += self.workers.rank
            generator = torch.Generator(self.device).manual_seed(seed + self.workers.size)
        with torch.random.fork_rng():
            torch.manual_seed(seed)  # dropout uses torch's global RNG, which `state` does not save
            weight = len(own.label) / len(sample.label)
            loss = self.recipe.loss(own, generator).mean() * weight / self.accumulate
            loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    @torch.no_grad()
    def _begin_together(self) -> None:
        """Begin with the weights of the first worker: another processor may have made others, in their last bits."""
        if self.workers.size > 1:
            check_same(self.workers, self.step, self.device)
            for tensors in (self.network.state_dict(), self.average.tensors, self.best):
                for _, tensor in sorted(tensors.items()):
                    whole = tensor.contiguous()
                    self.workers.of_first(whole)
                    tensor.copy_(whole)

    def _draw_seed(self) -> int:
        return int(torch.randint(1 << 62, (1,), generator=self.generator, device=self.generator.device))

    def _is_due(self, validation: Validation, done: float) -> bool:
        return done >= 1 or self.step % validation.every == 0

    @property
    def _cooled(self) -> float:
        """What is left of the learning rate after all coolings."""
        return self.recipe.cooling**self.coolings

    def _is_spent(self) -> bool:
        if self._cooled < COLDEST:
            return True
        if self.validation is None or self.validation.patience is None or not self.best:
            return False
        return self.step - self.best_step >= self.validation.patience * self.validation.every

    @torch.no_grad()
    def _check(self, validation: Validation) -> float:
        """The loss of the averaged weights on held-out traces; the best weights are kept.

        Where it is no better than before, the training goes on from the best weights with a lower learning rate: few
        traces are soon known by heart, and a rate that falls with the time that is left would still be high then.
        """
        loss = torch.tensor(math.nan, dtype=torch.float64, device=self.device)
        if not self.workers.rank:
            loss.fill_(validated(validation.batch, self.network, self.recipe, self.average.tensors))
        self.workers.of_first(loss)
        return self._keep_best(float(loss))

    def _keep_best(self, loss: float) -> float:
        """Keep the averaged weights if they are the best, else cool down."""
        if loss < self.best_loss:
            self.best = {name: value.clone() for name, value in self.average.tensors.items()}
            self.best_loss, self.best_step = loss, self.step
        elif self.recipe.cooling < 1:
            self._cool()
        return loss

    def _cool(self) -> None:
        """Return to the best weights and lower the learning rate."""
        self.coolings += 1
        for name, weight in self.network.named_parameters():
            weight.copy_(self.best[name])
            self.average.tensors[name].copy_(self.best[name])

    @property
    def result(self) -> dict[str, Tensor]:
        """The weights for sampling: constants, and the best averaged weights (before the first check the newest)."""
        return self.network.state_dict() | (self.best or self.average.tensors)

    def state(self) -> dict[str, Tensor]:
        """Everything needed to resume, as named tensors on the CPU."""
        state = {f"weights.{name}": value.detach() for name, value in self.network.named_parameters()}
        state |= {f"average.{name}": value for name, value in self.average.tensors.items()}
        state |= {f"best.{name}": value for name, value in self.best.items()}
        for number, optimiser in enumerate(self.optimisers):
            for index, moments in optimiser.state_dict()["state"].items():
                state |= {f"optimiser.{number}.{index}.{name}": value for name, value in moments.items()}
        state["generator"] = self.generator.get_state()
        state["step"], state["seconds"] = torch.tensor(self.step), torch.tensor(self.seconds, dtype=torch.float64)
        state["best_loss"] = torch.tensor(self.best_loss, dtype=torch.float64)
        state["best_step"], state["coolings"] = torch.tensor(self.best_step), torch.tensor(self.coolings)
        return {name: value.to("cpu", copy=True).contiguous() for name, value in state.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Restore a state returned by `state`.

        Raises:
            InputError: it belongs to another training, or is not a state.
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
        self.coolings = int(state["coolings"])
        if self.best:
            self.best_loss, self.best_step = float(state["best_loss"]), int(state["best_step"])
