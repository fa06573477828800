"""A causal transformer by DP-SGD (Abadi et al., CCS 2016) on top of noisy tables.

The network's logits are added to the logarithms of what tables expect, so it learns what they lack. A step draws every
trace with probability `sampled` (Poisson sampling), clips the gradient of each to length `clip`, adds Gaussian noise to
their sum, and divides by the expected number of traces, which is made of noisy counts. Traces are drawn with averaged
weights. The privacy loss of all steps (Poisson-sampled Gaussians) is composed with that of the tables' ledger.

Noise and samples are torch's, seeded: good enough to measure with, not to publish a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from dp_accounting.pld import privacy_loss_distribution as pld  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from bench.private_start import (
    DELTA,
    SURELY,
    Method,
    Private,
    Start,
    begin,
    chosen,
    context_cells,
    going,
    label_cells,
    leaf_of,
    log_shares,
    product_looks,
)  # fmt: skip
from netdiffus.arrays import Floats, Ints
from netdiffus.diffusion.causal import Block
from netdiffus.models.private import CODES
from netdiffus.privacy.ledger import Entry, loss_of
from netdiffus.privacy.tables import Cell

WIDTH, DEPTH, HEADS = 32, 1, 2
CHUNK = 256
"""Traces whose gradients are held at a time."""
GRID = 2.5e-4
"""Steps of privacy loss in which sampled steps are accounted for."""
LEAST_NOISE = 0.3
CLOSE = 1.005
"""The search for the noise ends where it is known to this factor."""
MOMENTS = (0.9, 0.99)
AVERAGE = 0.97
"""What the average of weights keeps of itself at a step."""
MOST_DRAWN = 20_000
"""Traces whose logits are held at a time."""
LABELS_ALONE = 0.31
"""The weight of tables by label where there are no contexts."""


class Network(nn.Module):
    """Logits (B, m, K) of each code given the label and the codes before; 0 before it is trained."""

    def __init__(self, size: int, labels: int, length: int) -> None:
        super().__init__()
        self.code, self.label = nn.Embedding(size, WIDTH), nn.Embedding(labels, WIDTH)
        self.position = nn.Parameter(torch.randn(length, WIDTH) * 0.3)
        for table in (self.code, self.label):
            nn.init.normal_(table.weight, std=0.5)
        self.blocks = nn.ModuleList(Block(WIDTH, HEADS, 0.0) for _ in range(DEPTH))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, size)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, before: Tensor, ids: Tensor) -> Tensor:
        """Of codes (B, m - 1) before and labels (B,)."""
        x = functional.pad(self.code(before), (0, 0, 1, 0))
        x = x + self.position[: x.shape[1]] + self.label(ids)[:, None]
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x))
        return logits


@dataclass(frozen=True)
class Steps:
    """A training: the number of steps, the share of traces that is sampled for each, the length to which gradients are
    clipped, and the learning rate."""

    steps: int
    sampled: float
    clip: float
    rate: float


def noise_of(entries: Sequence[Entry], steps: Steps, epsilon: float) -> tuple[float, float]:
    """The least noise of a step, in lengths of clipped gradients, and the epsilon of steps and entries together."""
    paid = loss_of(entries, GRID)

    def spent(noise: float) -> float:
        once = pld.from_gaussian_mechanism(noise, sampling_prob=steps.sampled, value_discretization_interval=GRID)
        return float(paid.compose(once.self_compose(steps.steps)).get_epsilon_for_delta(DELTA))

    low, high = LEAST_NOISE, 2 * LEAST_NOISE
    while spent(high) > epsilon:
        low, high = high, 2 * high
    while high > CLOSE * low:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if spent(middle) > epsilon else (low, middle)
    return high, spent(high)


@dataclass(frozen=True)
class Batch:
    """Traces that are learned: codes (N, n), labels (N,), what tables expect (N, n, K), and which positions count."""

    codes: Tensor
    ids: Tensor
    expected: Tensor
    counts: Tensor

    @classmethod
    def of(cls, start: Start, cells: Sequence[Cell]) -> Batch:
        """All private traces."""
        expected = log_shares(cells, start.codes, start.ids).astype(np.float32)
        alive = going(start.codes, len(start.book)).astype(np.float32)
        return cls(*map(torch.from_numpy, (start.codes, start.ids, expected, alive)))


def clipped_sum(network: Network, batch: Batch, rows: Tensor, clip: float) -> dict[str, Tensor]:
    """The sum over rows of the gradients of their losses (nats of a trace), each of length `clip` at most."""
    weights = {name: value.detach() for name, value in network.named_parameters()}

    def loss(weights: dict[str, Tensor], codes: Tensor, label: Tensor, expected: Tensor, counts: Tensor) -> Tensor:
        logits = functional_call(network, weights, (codes[None, :-1], label[None]))[0] + expected
        return (functional.cross_entropy(logits, codes, reduction="none") * counts).sum()

    gradients = vmap(grad(loss), in_dims=(None, 0, 0, 0, 0))
    total = {name: torch.zeros_like(value) for name, value in weights.items()}
    with sdpa_kernel(SDPBackend.MATH):  # the only attention with a rule for vmap
        for part in rows.split(CHUNK) if len(rows) else ():  # type: ignore[no-untyped-call]
            each = gradients(weights, batch.codes[part], batch.ids[part], batch.expected[part], batch.counts[part])
            length = torch.stack([value.flatten(1).norm(dim=1) for value in each.values()]).norm(dim=0)
            scale = (clip / length.clamp(min=1e-12)).clamp(max=1.0)
            for name, value in each.items():
                total[name] += torch.tensordot(scale, value, dims=1)
    return total


def descended(network: Network, batch: Batch, steps: Steps, noise: float, traces: float, seed: int) -> nn.Module:
    """The network with averaged weights, after DP-SGD with Adam, whose rate falls to 0 in the second half.

    Args:
        traces: how many there are, by noisy counts.
    """
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE))  # type: ignore[no-untyped-call]
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=steps.rate, betas=MOMENTS)
    falling = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1.0, 2 * (1 - step / steps.steps)))
    for _ in range(steps.steps):
        rows = torch.nonzero(torch.rand(len(batch.ids), generator=generator) < steps.sampled)[:, 0]
        total = clipped_sum(network, batch, rows, steps.clip)
        for name, weight in network.named_parameters():
            drawn = torch.randn(weight.shape, generator=generator) * (noise * steps.clip)
            weight.grad = (total[name] + drawn) / (steps.sampled * traces)
        optimiser.step()
        falling.step()
        averaged.update_parameters(network)
    return averaged


@torch.no_grad()
def draw_network(network: nn.Module, cells: Sequence[Cell], ids: Ints, rng: np.random.Generator) -> Ints:
    """Codes (M, n) of traces of labels (M,)."""
    absent = cells[0].shares.shape[1] - 1
    codes, alive = np.full((len(ids), len(cells)), absent), np.ones(len(ids), dtype=bool)
    for cell in cells:
        for rows in np.array_split(np.flatnonzero(alive), 1 + alive.sum() // MOST_DRAWN):
            before = torch.from_numpy(codes[rows, : cell.row])
            logits: Floats = network(before, torch.from_numpy(ids[rows]))[:, -1].double().numpy()
            logits = logits + np.log(np.maximum(cell.shares[leaf_of(cell, codes[rows], ids[rows])], SURELY))
            codes[rows, cell.row] = chosen(np.exp(logits - logits.max(axis=1, keepdims=True)), rng)
        alive &= codes[:, cell.row] != absent
    return codes


def by_sgd(private: Private, epsilon: float, setting: Mapping[str, float], seed: int) -> Method:
    """Tables with `share` of the budget (with contexts where `contexts` is not 0), the rest for a network's steps."""
    n = private.values.shape[1]
    looks = product_looks(n) if setting["contexts"] else {CODES: (n, LABELS_ALONE)}
    start = begin(private, looks, epsilon, setting["share"])
    cells = context_cells(start, seed) if setting["contexts"] else label_cells(start)
    steps = Steps(int(setting["steps"]), setting["sampled"], setting["clip"], setting["rate"])
    noise, spent = noise_of(start.entries, steps, epsilon)
    torch.manual_seed(seed)
    network = Network(len(start.book), len(private.labels), n)
    averaged = descended(network, Batch.of(start, cells), steps, noise, float(start.traces_of.sum()), seed)
    return Method(lambda ids, rng: start.values(draw_network(averaged, cells, ids, rng), rng), spent)
