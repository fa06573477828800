"""The row-token denoiser: a transformer whose tokens are the rows of the image, n tokens for n x n pixels.

A trace's values come from an alphabet per channel, so what the noise hides at a position is a class, and the best
denoised image follows from the classes' probabilities. Bayes' rule splits them in two factors:

    p(class | observation) ~ p(this row | class) * p(class | label, the other rows).

The first is the chart's Gaussian likelihood. Of the second much is known from counting: a mixture of components per
label (mixture.py), each of independent positions. The network learns what that leaves out. It sees each row as the mean
embedding of its classes under both factors, and how near the trace's end it is, and answers with logits. An untrained
network therefore draws from the mixture already.

Cross-entropy as the loss, and the mean over classes as the denoised value, are as in Dieleman et al., "Continuous
diffusion for categorical data" (2022), sections 3.1 and 3.2; the noise is that of Karras et al. (edm.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from netdiffus.diffusion.charts import Chart
from netdiffus.diffusion.dropout import Dropout
from netdiffus.diffusion.edm import SIGMA_MAX
from netdiffus.diffusion.mixture import Mixture

CODE = 64  # width of a class's embedding
MOST = 60.0  # of an attention score
FIRST_SIGMA = 3.0  # of z, where sampling begins with one component a label and ten positions
ENDS = 4  # a position is told apart from others by its place from the trace's end, if that is among the last so many


def first_codes(z: Tensor) -> Tensor:
    """Embeddings (K, CODE) to begin with: half a class's own, half waves of its centre, alike for near ones."""
    waves = CODE // 2
    frequency = torch.logspace(-1, 1, waves) * math.pi
    smooth = math.sqrt(2) * torch.cos(z.float()[:, None] * frequency + 2 * math.pi * torch.rand(waves))
    return torch.cat([torch.randn(len(z), CODE - waves), smooth], dim=1)


def short_softmax(scores: Tensor) -> Tensor:
    """Softmax over the last dimension, scores no farther than MOST from 0: torch's takes long where it is short."""
    raw = scores.float().clamp(-MOST, MOST).exp()
    return raw / raw.sum(dim=-1, keepdim=True)


class Block(nn.Module):
    """Attention and MLP, each scaled, shifted and gated by the condition (adaLN-Zero, Peebles and Xie 2023).

    What traffic does next depends on what came just before: both read each token with its two neighbours, and attention
    learns how far to look (a bias for each distance, Raffel et al. 2020, section 2.1). These start from nothing.
    """

    distance: Tensor

    def __init__(self, width: int, heads: int, tokens: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.dropout = heads, Dropout(dropout)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.before, self.after = (nn.Parameter(torch.zeros(2, width)) for _ in range(2))
        self.far = nn.Parameter(torch.zeros(heads, 2 * tokens - 1))
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.modulate = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)
        place = torch.arange(tokens)
        self.register_buffer("distance", place[:, None] - place + tokens - 1, persistent=False)

    def forward(self, tokens: Tensor, condition: Tensor) -> Tensor:
        """tokens (B, n, width), condition (B, width) → (B, n, width)."""
        B, n, width = tokens.shape
        scale1, shift1, gate1, scale2, shift2, gate2 = self.modulate(condition)[:, None].chunk(6, dim=-1)
        h = self._beside(torch.addcmul(shift1, self.norm(tokens), 1 + scale1), 0)
        q, k, v = self.qkv(h).view(B, n, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        # plain products: torch's fused attention takes ten times as long backwards on a CPU in bfloat16
        near = q @ k.mT * (width // self.heads) ** -0.5
        weights = short_softmax(near + self.far[:, self.distance].to(near.dtype))
        attended = (weights.to(v.dtype) @ v).transpose(1, 2).reshape(B, n, width)
        tokens = torch.addcmul(tokens, gate1, self.dropout(self.out(attended)))
        h = self._beside(torch.addcmul(shift2, self.norm(tokens), 1 + scale2), 1)
        return torch.addcmul(tokens, gate2, self.dropout(self.mlp(h)))

    def _beside(self, tokens: Tensor, which: int) -> Tensor:
        """Tokens with shares of those before and after them."""
        padded = functional.pad(tokens, (0, 0, 1, 1))
        beside = torch.addcmul(tokens, padded[:, :-2], self.before[which])
        return torch.addcmul(beside, padded[:, 2:], self.after[which])


class RowDenoiser(nn.Module):
    """p(class | observation; sigma, label) at every position of every channel.

    Args:
        centres: z (K,) of each channel's classes.
        mixture: what is known of each label's traces; a group for each row of the label table.
        length: n, rows of an image.
        chart: what is observed.
        width, depth, heads: size of the transformer.
        patch: neighbouring rows that share a token; the work falls in proportion.
        dropout: share of what a block adds, and of the rows' embeddings, that is left out at random in training.
        half: whether the transformer computes in bfloat16.
    """

    frequency: Tensor

    def __init__(
        self,
        centres: Sequence[Tensor],
        mixture: Mixture,
        length: int,
        chart: Chart,
        *,
        width: int,
        depth: int,
        heads: int,
        patch: int,
        dropout: float = 0.0,
        half: bool = False,
    ) -> None:
        super().__init__()
        self.chart, self.channels, self.length, self.patch, self.half_precision = (
            chart, len(centres), length, patch, half,
        )  # fmt: skip
        self.mixture, self.labels = mixture, len(mixture)
        self.crossed: Mixture | None = None
        for k, z in enumerate(centres):
            self.register_buffer(f"centre{k}", z.float(), persistent=False)
            self.register_buffer(f"feature{k}", chart.features(z.double()).float(), persistent=False)
            self.register_buffer(f"moment{k}", chart.moments(z.double()).float(), persistent=False)
        tokens = math.ceil(length / patch)
        self.code_in = nn.ParameterList(nn.Parameter(first_codes(z)) for z in centres)
        self.code_out = nn.ParameterList(nn.Parameter(first_codes(z) / math.sqrt(CODE)) for z in centres)
        self.read = nn.Linear(self.channels * patch * CODE, width)
        self.place = nn.Linear(patch * (ENDS + 1), width, bias=False)
        self.dropout = Dropout(dropout)
        self.position = nn.Parameter(torch.randn(tokens, width) * 0.2)
        self.label = nn.Embedding(self.labels, width)
        self.noise_level = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(Block(width, heads, tokens, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.write = nn.Linear(width, self.channels * patch * CODE)
        nn.init.zeros_(self.write.weight)
        nn.init.zeros_(self.write.bias)
        half_width = torch.arange(width // 2) / (width // 2 - 1)
        frequency = torch.exp(math.log(0.25) + half_width * math.log(64.0))
        self.register_buffer("frequency", frequency, persistent=False)

    def forward(self, observation: Tensor, sigma: Tensor, label: Tensor) -> tuple[Tensor, ...]:
        """observation (B, C, n) with noise sigma (B,) > 0, label (B,) int → logits (B, n, K) of each channel.

        In training, while `crossed` is there, a label is one of its groups (components.py).
        """
        B, C, n = observation.shape
        coefficients = self.chart.coefficients(observation, sigma)
        likelihood = [
            (coefficients[:, k].flatten(0, 1) @ self.get_buffer(f"feature{k}")).view(B, n, -1) for k in range(C)
        ]
        if self.training and self.crossed is not None:
            priors, label = self.crossed(likelihood, label), label % self.labels
        else:
            priors = self.mixture(likelihood, label)
        known = [part + prior for part, prior in zip(likelihood, priors, strict=True)]
        shares = [part.softmax(dim=-1) for part in known]
        with torch.autocast(observation.device.type, torch.bfloat16, enabled=self.half_precision):
            codes = [share @ code for share, code in zip(shares, self.code_in, strict=True)]
            rows = self._tokens(torch.stack(codes, dim=2).flatten(2))
            learned = self._transform(rows, self._tokens(self._places(shares)), sigma, label)
            learned = learned.reshape(B, -1, C, CODE)[:, :n]
            return tuple(known[k] + learned[:, :, k] @ self.code_out[k].T for k in range(C))

    def _tokens(self, rows: Tensor) -> Tensor:
        """(B, n, F) → (B, tokens, patch F)."""
        rows = functional.pad(rows, (0, 0, 0, -rows.shape[1] % self.patch))
        return rows.reshape(len(rows), -1, self.patch * rows.shape[2])

    def _places(self, shares: Sequence[Tensor]) -> Tensor:
        """(B, n, ENDS + 1): how likely a position is the last, the last but one and so on, or lies before those."""
        ending = self.mixture.ends_with
        if not ending:
            return shares[0].new_zeros(*shares[0].shape[:2], ENDS + 1)
        here = 1 - torch.stack([shares[k].detach()[..., -1] for k in ending]).mean(dim=0)
        beyond = here[:, -1:].expand(-1, ENDS)  # a trace that fills all positions may have been cut there
        ahead = torch.cat([here, beyond], dim=1).unfold(1, ENDS + 1, 1)  # present at this position, the next ...
        return torch.cat([ahead[..., :-1] - ahead[..., 1:], ahead[..., -1:]], dim=-1)

    def _transform(self, rows: Tensor, places: Tensor, sigma: Tensor, label: Tensor) -> Tensor:
        phase = (sigma / self.chart.noise_gain).log()[:, None] / 4 * self.frequency * 2 * math.pi
        level = self.noise_level(torch.cat([phase.cos(), phase.sin()], dim=-1))
        condition = functional.silu(level + self.label(label))
        tokens = self.read(self.dropout(rows)) + self.place(places) + self.position
        for block in self.blocks:
            tokens = block(tokens, condition)
        out: Tensor = self.write(self.norm(tokens))
        return out

    def series(self, classes: Tensor) -> Tensor:
        """z (B, C, n) of classes (B, C, n)."""
        return torch.stack([self.get_buffer(f"centre{k}")[classes[:, k]] for k in range(self.channels)], dim=1)

    @property
    def untrained(self) -> bool:
        """Whether it answers with the mixture alone."""
        return not bool(self.write.weight.any())

    @property
    def first_sigma(self) -> float:
        """The noise of z that sampling begins with (`first`).

        What all n positions have in common, which a mixture of one component does not know, shows as under noise of
        sigma / sqrt(n).
        """
        if self._many:
            return SIGMA_MAX
        return min(SIGMA_MAX, FIRST_SIGMA * max(1.0, math.sqrt(self.length / 10)))

    def first(self, sigma: Tensor, label: Tensor, generator: torch.Generator) -> Tensor:
        """Observations (B, C, n) that sampling begins with: traces of these labels (B,) under noise sigma, a scalar.

        The traces are drawn from the mixture, or where labels have many components all 0 (docs/results.md).
        """
        if self._many:
            clean = torch.zeros(len(label), self.channels, self.length, device=label.device)
        else:
            clean = self.chart.observe(self.series(self.mixture.sample(label, generator)))
        return clean + sigma * self.chart.noise(clean, generator)

    @property
    def _many(self) -> bool:
        return len(self.mixture.log_weight) > len(self.mixture)

    def expected(self, logits: Sequence[Tensor]) -> Tensor:
        """The expected observation (B, C, n) without noise: the denoised one."""
        means = [part.softmax(dim=-1) @ self.get_buffer(f"moment{k}").T for k, part in enumerate(logits)]
        return self.chart.expected(torch.stack(means, dim=1))


def draw_classes(logits: Sequence[Tensor], generator: torch.Generator) -> Tensor:
    """Classes (B, C, n), each position drawn by its logits (B, n, K)."""
    drawn = []
    for part in logits:
        noise = torch.rand(part.shape, generator=generator, device=part.device).clamp(min=1e-20)
        drawn.append((part - (-noise.log()).log()).argmax(dim=-1))  # the Gumbel-max trick
    return torch.stack(drawn, dim=1)
