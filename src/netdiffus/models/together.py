"""Two causal networks that are fitted as one: of flows, and of the sessions that the flows are of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from netdiffus.diffusion.average import Average
from netdiffus.diffusion.causal import CausalDenoiser
from netdiffus.diffusion.fit import Batch, Sample
from netdiffus.diffusion.forcing_recipe import ForcingRecipe


class Together(nn.Module):
    """Both networks; the names of their weights begin with "flows" and "sessions"."""

    def __init__(self, flows: CausalDenoiser, sessions: CausalDenoiser) -> None:
        super().__init__()
        self.flows, self.sessions = flows, sessions


@dataclass(frozen=True)
class BothSample(Sample):
    """A batch of flows, and beside it one of sessions; None: there are none to validate on."""

    sessions: Sample | None = None

    @property
    def bare(self) -> Sample:
        """The flows alone."""
        return replace(self, fold=None, sessions=None)


def both(flows: Batch, sessions: Batch | None) -> Batch:
    """What draws batches of both."""

    def batch(generator: torch.Generator) -> BothSample:
        one = flows(generator)
        other = None if sessions is None else sessions(generator)
        return BothSample(one.traces, one.label, one.coarse, one.fold, other)

    return batch


class BothRecipe:
    """The losses of both networks, each by its own recipe; they share no weights, so neither disturbs the other."""

    def __init__(self, network: Together, flows: ForcingRecipe, sessions: ForcingRecipe) -> None:
        self.network, self.flows, self.sessions = network, flows, sessions
        self.clip, self.cooling, self.likelihood = flows.clip, flows.cooling, flows.likelihood

    def loss(self, sample: Sample, generator: torch.Generator) -> Tensor:
        """(B,) of each flow, to which the mean of the sessions is added."""
        found = self.flows.loss(sample, generator)
        beside = sample.sessions if isinstance(sample, BothSample) else None
        return found if beside is None else found + self.sessions.loss(beside, generator).mean()

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        """One of each network."""
        return self.flows.optimisers(learning_rate) + self.sessions.optimisers(learning_rate)

    def rate(self, step: int, done: float) -> float:
        """That of the flows."""
        return self.flows.rate(step, done)

    def average(self, tensors: dict[str, Tensor]) -> Average:
        """That of the flows, of all tensors."""
        return self.flows.average(tensors)


Build = Callable[[torch.device], CausalDenoiser]


def build_both(flows: Build, sessions: Build) -> Callable[[torch.device], Together]:
    """What makes both on a device."""
    return lambda device: Together(flows(device), sessions(device))
