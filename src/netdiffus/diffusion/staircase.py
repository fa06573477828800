"""Sampling with a causal denoiser: a staircase of noise levels slides over the rows of the image.

`window` rows are noisy at once, those before them are drawn and clean. With a window of one each row is drawn from its
exact conditional, and no noise is needed. With a wider one each row descends through the levels, begins when the row
`window` places before it is done, and is drawn at the lowest level from the posterior of its code. With a window of all
rows they descend together, which is the diffusion of the whole image (with causal attention: a row does not see the
noisy rows after it). Keys and values of clean rows are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from netdiffus.diffusion.causal import CausalDenoiser, RowCoder
from netdiffus.diffusion.forcing import Rows
from netdiffus.diffusion.stratified import Stratified

SIGMA_MIN, SIGMA_MAX, RHO = 0.02, 20.0, 7.0
STEPS = 16


@dataclass(frozen=True)
class Guidance:
    """Classifier-free guidance (Ho and Salimans 2022, equation 6, whose 1 + w is `weight`).

    Attributes:
        weight: 1: the conditional model as it is.
        null: the id that stands for no label.
    """

    weight: float
    null: int


def sigmas(steps: int) -> Tensor:
    """(steps,) levels from SIGMA_MAX down to SIGMA_MIN (Karras et al. 2022, equation 5)."""
    top, low = SIGMA_MAX ** (1 / RHO), SIGMA_MIN ** (1 / RHO)
    ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
    levels: Tensor = ((top + ramp * (low - top)) ** RHO).float()
    return levels


def starts(rows: int, window: int, steps: int) -> list[int]:
    """The step at which each of the noisy rows begins to descend."""
    return [0 if window >= rows else place * steps // window for place in range(rows)]


class Drawing:
    """A batch of traces in the making.

    Args:
        network: in evaluation mode.
        rows: what is observed.
        label: (B,) ids.
        generator: of every draw.
        guidance: None: the conditional model as it is.

    Attributes:
        codes: (B, C, n), drawn as far as `done`.
        done: rows that are drawn.
    """

    def __init__(
        self,
        network: CausalDenoiser,
        rows: Rows,
        label: Tensor,
        generator: torch.Generator,
        guidance: Guidance | None = None,
    ) -> None:
        self.network, self.rows, self.generator, self.guidance = network, rows, generator, guidance
        null = [] if guidance is None else [torch.full_like(label, guidance.null)]
        self.label = torch.cat([label, *null])
        self.count, device = len(label), label.device
        self.codes = torch.zeros(self.count, network.channels, network.length, dtype=torch.long, device=device)
        self.coarse_codes = torch.zeros(
            self.count, network.coarse_channels, network.coarse_rows, dtype=torch.long, device=device
        )
        self.done = 0
        self._points = Stratified(label, generator)
        self._cache = network.cache(len(self.label))
        self._before = torch.zeros(len(self.label), 1, network.width, device=device)

    def draw(
        self, window: int = 1, steps: int = STEPS, known: Tensor | None = None, coarse: Tensor | None = None
    ) -> Tensor:
        """Draw all rows; returns codes (B, C, n).

        Args:
            window: rows that are noisy at once.
            steps: levels that each row descends through, with a window of more than one.
            known: (B, C, k) codes of the rows that the traces begin with; the others go on from them.
            coarse: (B, C, j) codes of the coarse rows that the beginning settles.
        """
        if self.network.coarse is not None:
            for row in range(self.network.coarse_rows):
                given = None if coarse is None or row >= coarse.shape[2] else coarse[:, :, row]
                self._row(self.network.coarse, self.coarse_codes, row, given)
        length = self.network.length
        for row in range(0 if known is None else min(known.shape[2], length)):
            self._row(self.network.fine, self.codes, row, None if known is None else known[:, :, row])
            self.done += 1
        if window == 1:
            for row in range(self.done, length):
                self._row(self.network.fine, self.codes, row)
                self.done += 1
        elif self.done < length:
            self._descend(window, steps)
        return self.codes

    def _row(
        self,
        coder: RowCoder,
        codes: Tensor,
        row: int,
        given: Tensor | None = None,
        likelihoods: Sequence[Tensor] | None = None,
    ) -> None:
        """Draw the row after the clean ones, or take it as given (B, C); it becomes a clean row itself.

        What its own noise leaves known of it comes in by its log-likelihoods (B, 1, K) of each channel.
        """
        hidden = self.network.hidden(self._before, self.label, self._cache)
        self._cache.rows += 1
        earlier = torch.zeros_like(hidden)
        for k in range(len(coder.heads)):
            if given is None:
                found = self._guided(coder.heads[k](coder.given(hidden, earlier, k)) + self._prior(coder, k, row))
                codes[:, k, row] = self._choose(found if likelihoods is None else found + likelihoods[k])
            else:
                codes[:, k, row] = given[:, k]
                self._points.split(given[:, k], coder.sizes[k])
            if k < len(coder.earlier):
                earlier = earlier + self._twice(coder.earlier[k]()[codes[:, k, row]])[:, None]
        self._before = self._twice(coder.embed(codes[:, :, row : row + 1]))

    def _prior(self, coder: RowCoder, channel: int, row: int) -> Tensor:
        """The log-prior (B, 1, K) of a row whose rows before are drawn."""
        coarse = coder is self.network.coarse
        prior = self.network.prior(channel, coarse)[self.label, row : row + 1]
        if coarse:
            return prior
        return self.network.contexts.log_prior(prior, self._twice(self.codes), self.label, channel, row=row)

    def _twice(self, x: Tensor) -> Tensor:
        """What the batch without labels sees is the same."""
        return x if self.guidance is None else torch.cat([x, x])

    def _guided(self, logits: Tensor) -> Tensor:
        """Log-probabilities (B, m, K), pushed from those without a label."""
        found = logits.log_softmax(dim=-1)
        if self.guidance is None:
            return found
        near, far = found.chunk(2)
        return torch.lerp(far, near, self.guidance.weight)

    def _choose(self, logits: Tensor) -> Tensor:
        """Codes (B,), each drawn by its logits (B, 1, K)."""
        ends = logits[:, 0].softmax(dim=-1).cumsum(dim=-1)
        point = self._points.next()[:, None] * ends[:, -1:]
        codes = torch.searchsorted(ends, point, right=True)[:, 0].clamp(max=ends.shape[1] - 1)
        self._points.split(codes, ends.shape[1])
        return codes

    def _descend(self, window: int, steps: int) -> None:
        """Draw the rows that are left with a staircase of levels."""
        first, length, device = self.done, self.network.length, self.label.device
        begins, levels = starts(length - first, window, steps), sigmas(steps).to(device)
        noise = torch.randn(self.codes.shape, generator=self.generator, device=device)
        observed = noise * self.rows.observation.spread(levels[:1].expand(1, length))[:, None]
        for time in range(begins[-1] + steps):
            active = [first + row for row, begin in enumerate(begins) if begin <= time < begin + steps]
            place = [time - begins[row - first] for row in active]
            while active and place[0] == steps - 1:  # the lowest level: it is drawn
                row = active.pop(0)
                level = levels[place.pop(0)].expand(self.count, length)
                found = self.rows.likelihoods(observed, level, self._means([], row))
                self._row(self.network.fine, self.codes, row, likelihoods=[part[:, row : row + 1] for part in found])
                self.done += 1
            if active:
                self._lower(observed, slice(active[0], active[-1] + 1), levels[place], levels[[k + 1 for k in place]])

    def _lower(self, observed: Tensor, noisy: slice, sigma: Tensor, after: Tensor) -> None:
        """Take noisy rows from levels sigma (m,) to the next lower ones, by DDIM (Song et al. 2021, eta = 0)."""
        means = self._means(self._denoise(observed, noisy, sigma), noisy.stop)
        clean = self.rows.observation.expected(means)[:, :, noisy]
        observed[:, :, noisy] = torch.lerp(clean, observed[:, :, noisy], after / sigma)

    def _denoise(self, observed: Tensor, noisy: slice, sigma: Tensor) -> list[list[Tensor]]:
        """Probabilities (B, 1, K) of the codes of each channel's noisy rows, in order: each sees those before it."""
        fine, cache = self.network.fine, self._cache
        held, before, levels = cache.rows, self._before, self.network.levels(sigma)
        shares: list[list[Tensor]] = [[] for _ in fine.heads]
        for place, row in enumerate(range(noisy.start, noisy.stop)):
            hidden = self.network.hidden(before, self.label, cache)
            cache.rows += 1
            level = sigma[place].expand(self.count, self.network.length)
            likelihoods = self.rows.likelihoods(observed, level, self._means(shares, row))
            earlier = torch.zeros_like(hidden)
            for k, head in enumerate(fine.heads):
                prior = self.network.prior(k)[self.label, row : row + 1]
                found = self._guided(head(fine.given(hidden, earlier, k)) + prior)
                shares[k].append((found + likelihoods[k][:, row : row + 1]).softmax(dim=-1))
                if k < len(fine.earlier):
                    earlier = earlier + self._twice(shares[k][-1] @ fine.earlier[k]())
            before = self._twice(fine.embed_shares([part[-1] for part in shares])) + levels[place]
        cache.rows = held
        return shares

    def _means(self, shares: Sequence[Sequence[Tensor]], stop: int) -> Tensor:
        """Moments' means (B, C, n, M): of clean rows their moments, of noisy ones before `stop` by their shares."""
        moments = self.rows.moments
        found = torch.zeros(*self.codes.shape, len(moments[0]), device=self.codes.device)
        for k, moment in enumerate(moments):
            found[:, k, : self.done] = moment.T[self.codes[:, k, : self.done]]
            if stop > self.done:
                found[:, k, self.done : stop] = torch.cat(list(shares[k]), dim=1) @ moment.T
        return found
