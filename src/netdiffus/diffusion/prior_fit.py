"""How a channel's prior is counted: what makes traces likeliest that were not counted, and gives little away.

Workers count together: each counts a part of the traces, and says how likely they are. Likelihoods are exchanged as
whole numbers, so that all choose what one process chooses.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from netdiffus.diffusion.leak import OF_QUANTITIES, OF_VALUES, leak
from netdiffus.diffusion.prior import ChannelCodes, PriorSpec, log_prior
from netdiffus.diffusion.workers import ALONE, Workers, part_of

WIDTHS = {"codes": (0.0, 0.5, 1.0, 2.0, 4.0), "positions": (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)}
STRENGTHS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
PARTS, ROUNDS = 4, 2
TRIED_ROWS = 1 << 20
"""Rows of training traces that priors are chosen by, at most."""
FINE = 1e6
"""Parts of a nat that likelihoods are exchanged in."""


def fit_prior(channel: ChannelCodes, workers: Workers = ALONE) -> PriorSpec:
    """The prior that is best out-of-fold, among those that give away no more than a bound (leak.py).

    The search changes one property at a time and keeps what is best.

    Args:
        workers: who hold the same traces and choose together.
    """
    trial = _Trial(channel.few(TRIED_ROWS), workers)
    tried: dict[PriorSpec, tuple[bool, float]] = {}

    def judged(spec: PriorSpec) -> tuple[bool, float]:
        if spec not in tried:
            tried[spec] = trial.judge(spec)
        return tried[spec]

    best = PriorSpec(codes=1.0 if channel.ordered else 0.0)
    for _ in range(ROUNDS):
        positions = [replace(best, positions=width) for width in WIDTHS["positions"]]
        best = min(positions, key=judged)
        if channel.ordered:
            best = min((replace(best, codes=width) for width in WIDTHS["codes"]), key=judged)
        best = min((replace(best, strength=strength) for strength in STRENGTHS), key=judged)
        best = min((replace(best, product=product) for product in (False, True)), key=judged)
    return best


class _Trial:
    """Counts of PARTS parts of the traces, and how priors counted in the other parts, and in all, do on each."""

    def __init__(self, channel: ChannelCodes, workers: Workers = ALONE) -> None:
        self.channel, self.workers, part = channel, workers, channel.fold % PARTS
        self.most = OF_QUANTITIES if channel.ordered else OF_VALUES
        parts = torch.stack([channel.counted_by(workers, part == k) for k in range(PARTS)])
        whole = parts.sum(dim=0, keepdim=True)
        self.counts = torch.cat([whole - parts, whole])
        n = channel.codes.shape[1]
        row = channel.label[:, None] * n + torch.arange(n, device=channel.codes.device)
        self.mine = part_of(workers)
        self.cell = (row * channel.size + channel.codes)[self.mine]
        self.part = part[self.mine, None]

    def judge(self, spec: PriorSpec) -> tuple[bool, float]:
        """Whether a prior gives too much away, and then how much; else nats a code, out-of-fold."""
        table = log_prior(self.counts, spec, self.channel.end)[:, :-1].flatten(start_dim=1)
        likely = torch.zeros(2, len(self.channel.codes), dtype=torch.long, device=table.device)
        for k, shares in enumerate((table[self.part, self.cell], table[-1][self.cell])):
            likely[k, self.mine] = (shares.double().sum(dim=1) * FINE).round().long()
        self.workers.total(likely)
        others, every = likely
        told = leak(every / FINE, others / FINE)
        return (True, told) if told > self.most else (False, -int(others.sum()) / FINE / self.channel.codes.numel())
