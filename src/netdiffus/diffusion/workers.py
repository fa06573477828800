"""Workers: processes that fit one network together, each on its part of every batch (data parallel training).

All hold the same weights and draw the same batches; each computes the gradients of its part, and all take the step that
their sum says. What depends on clocks is decided by the first of them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, distributed
from torch.nn import Parameter

from netdiffus.errors import InputError


class Workers(Protocol):
    """The processes that fit a network, seen from one of them.

    Attributes:
        rank: of this one, from 0. size: how many there are.
    """

    @property
    def rank(self) -> int: ...

    @property
    def size(self) -> int: ...

    def total(self, values: Tensor) -> None:
        """Replace values by their sums over all workers."""

    def of_first(self, values: Tensor) -> None:
        """Replace values by those of the first worker."""

    def agreed(self, done: float) -> float:
        """The share of the training that is done, as the first worker has it."""


@dataclass(frozen=True)
class Alone:
    """One process."""

    rank: int = 0
    size: int = 1

    def total(self, values: Tensor) -> None:
        """They are."""

    def of_first(self, values: Tensor) -> None:
        """They are."""

    def agreed(self, done: float) -> float:
        """As it has it itself."""
        return done


ALONE = Alone()


def part_of(workers: Workers) -> slice:
    """Which of rows that all workers hold this one takes: together they take each row once."""
    return slice(workers.rank, None, workers.size)


def gathered(workers: Workers, found: Tensor) -> Tensor:
    """What each worker has found, (C, M) with an M of its own, side by side in the order of the workers."""
    if workers.size == 1:
        return found
    sizes = torch.zeros(workers.size, dtype=torch.long, device=found.device)
    sizes[workers.rank] = found.shape[1]
    workers.total(sizes)
    every = found.new_zeros(workers.size, len(found), int(sizes.max()))
    every[workers.rank, :, : found.shape[1]] = found
    workers.total(every)
    return torch.cat([each[:, :size] for each, size in zip(every, sizes.tolist(), strict=True)], dim=1)


@dataclass
class Together:
    """The processes of torch's process group, which this process has joined.

    Attributes:
        device: of what they exchange. stopped: set in the first worker, it ends the training of all after their step.
        waited: seconds that this one spent in exchanging, which is mostly waiting for others.
    """

    device: torch.device
    stopped: bool = False
    waited: float = 0.0

    @property
    def rank(self) -> int:
        """Of this process."""
        return distributed.get_rank()

    @property
    def size(self) -> int:
        """How many joined."""
        return distributed.get_world_size()

    def total(self, values: Tensor) -> None:
        """Replace values by their sums over all workers."""
        began = time.perf_counter()
        distributed.all_reduce(values)
        self.waited += time.perf_counter() - began

    def of_first(self, values: Tensor) -> None:
        """Replace values by those of the first worker."""
        began = time.perf_counter()
        distributed.broadcast(values, src=0)
        self.waited += time.perf_counter() - began

    def agreed(self, done: float) -> float:
        """The share that is done: 1 when the first worker was stopped."""
        share = torch.tensor(1.0 if self.stopped else done, dtype=torch.float64, device=self.device)
        self.of_first(share)
        return float(share)


def check_same(workers: Workers, step: int, device: torch.device) -> None:
    """Raise InputError unless all workers go on from the same step."""
    first = torch.tensor(step, device=device)
    workers.of_first(first)
    if int(first) != step:
        raise InputError(
            f"a training that goes on from step {int(first)} on every machine", f"step {step} on one",
            "name an --out that all machines share",
        )  # fmt: skip


def add_gradients(parameters: Sequence[Parameter], loss: float, workers: Workers) -> float:
    """Replace gradients by their sums over all workers, in one message; returns the sum of the losses.

    A parameter without a gradient in one worker counts as 0 there, and has none where no worker has one.
    """
    if workers.size == 1:
        return loss
    there = [0.0 if parameter.grad is None else 1.0 for parameter in parameters]
    beside = torch.tensor([loss, *there], dtype=torch.float32, device=parameters[0].device)
    parts = [torch.zeros_like(each) if each.grad is None else each.grad for each in parameters]
    message = torch.cat([beside, *(part.reshape(-1) for part in parts)])
    workers.total(message)
    total, *counts = message[: len(beside)].tolist()
    begin = len(beside)
    for parameter, count in zip(parameters, counts, strict=True):
        values = message[begin : begin + parameter.numel()].view_as(parameter)
        begin += parameter.numel()
        parameter.grad = values.to(parameter.dtype) if count else None
    return float(total)
