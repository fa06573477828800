"""The row-token denoiser: a transformer whose tokens are the rows of the image, n tokens for n x n pixels.

A trace's values come from an alphabet per channel, so what the noise hides at a position is a class, and the best
denoised image follows from the classes' probabilities. Bayes' rule splits them in three factors:

    p(class | observation) ~ prior(class | label, position) * p(this row | class) * what the other rows say.

The first is counted in the training data, the second is the chart's Gaussian likelihood; the network learns the third
alone. It sees each row as the mean embedding of its classes under the first two factors, and answers with logits. An
untrained network therefore draws independent values of the right frequencies already.

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

OWN_POSITIONS, BANDS = 16, 8  # the first so many have a prior of their own; later ones share it, 8 bands an octave
CODE = 64  # width of a class's embedding
UNSEEN = 0.1  # occurrences that a class is granted in a place where training has none


def bands(length: int) -> Tensor:
    """(n,) the band of each position, from 0."""
    position = torch.arange(length)
    octave = torch.log2(position.clamp(min=OWN_POSITIONS) / OWN_POSITIONS)
    later = OWN_POSITIONS + (octave * BANDS).floor().long()
    return torch.where(position < OWN_POSITIONS, position, later)


def log_prior(classes: Tensor, label: Tensor, labels: int, size: int, trust: float = 60.0) -> Tensor:
    """ln p (labels + 1, bands, K) of one channel's classes (N, n) for labels (N,); the last row is for no label.

    Counts of a band are smoothed by the label's over all positions, worth `trust` occurrences, and those by the
    counts of all labels.
    """
    band = bands(classes.shape[1])
    B = int(band[-1]) + 1
    where = (label[:, None] * B + band) * size + classes
    counts = torch.bincount(where.flatten(), minlength=labels * B * size).view(labels, B, size).double()
    counts = torch.cat([counts, counts.sum(dim=0, keepdim=True)])
    everyone = counts[-1].sum(dim=0) + UNSEEN
    prior = everyone / everyone.sum()
    of_label = counts.sum(dim=1, keepdim=True)
    prior = (of_label + trust * prior) / (of_label.sum(-1, keepdim=True) + trust)
    prior = (counts + trust * prior) / (counts.sum(-1, keepdim=True) + trust)
    return prior.log().float()


def first_codes(z: Tensor) -> Tensor:
    """Embeddings (K, CODE) to begin with: half a class's own, half waves of its centre, alike for near ones."""
    waves = CODE // 2
    frequency = torch.logspace(-1, 1, waves) * math.pi
    smooth = math.sqrt(2) * torch.cos(z.float()[:, None] * frequency + 2 * math.pi * torch.rand(waves))
    return torch.cat([torch.randn(len(z), CODE - waves), smooth], dim=1)


class Block(nn.Module):
    """Attention and MLP, each scaled, shifted and gated by the condition (adaLN-Zero, Peebles and Xie 2023)."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.dropout = heads, nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.modulate = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, tokens: Tensor, condition: Tensor) -> Tensor:
        """tokens (B, n, width), condition (B, width) → (B, n, width)."""
        B, n, width = tokens.shape
        scale1, shift1, gate1, scale2, shift2, gate2 = self.modulate(condition)[:, None].chunk(6, dim=-1)
        h = self.norm(tokens) * (1 + scale1) + shift1
        q, k, v = self.qkv(h).view(B, n, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        # plain products: torch's fused attention takes ten times as long backwards on a CPU in bfloat16
        weights = (q @ k.mT * (width // self.heads) ** -0.5).softmax(dim=-1)
        attended = (weights @ v).transpose(1, 2).reshape(B, n, width)
        tokens = tokens + gate1 * self.dropout(self.out(attended))
        h = self.norm(tokens) * (1 + scale2) + shift2
        mixed: Tensor = tokens + gate2 * self.dropout(self.mlp(h))
        return mixed


class RowDenoiser(nn.Module):
    """p(class | observation; sigma, label) at every position of every channel.

    Args:
        centres: z (K,) of each channel's classes.
        priors: ln p (labels, bands, K) of each channel, as `log_prior` makes it.
        length: n, rows of an image.
        chart: what is observed.
        width, depth, heads: size of the transformer.
        patch: neighbouring rows that share a token; the work falls in proportion.
        dropout: share of what a block adds, and of the rows' embeddings, that is left out at random in training.
        half: whether the transformer computes in bfloat16.
    """

    frequency: Tensor
    band: Tensor

    def __init__(
        self,
        centres: Sequence[Tensor],
        priors: Sequence[Tensor],
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
        for k, (z, prior) in enumerate(zip(centres, priors, strict=True)):
            self.register_buffer(f"centre{k}", z.float(), persistent=False)
            self.register_buffer(f"feature{k}", chart.features(z.double()).float(), persistent=False)
            self.register_buffer(f"moment{k}", chart.moments(z.double()).float(), persistent=False)
            self.register_buffer(f"prior{k}", prior.float())
        self.register_buffer("band", bands(length), persistent=False)
        tokens = math.ceil(length / patch)
        self.code_in = nn.ParameterList(nn.Parameter(first_codes(z)) for z in centres)
        self.code_out = nn.ParameterList(nn.Parameter(first_codes(z) / math.sqrt(CODE)) for z in centres)
        self.read = nn.Linear(self.channels * patch * CODE, width)
        self.dropout = nn.Dropout(dropout)
        self.position = nn.Parameter(torch.randn(tokens, width) * 0.2)
        self.label = nn.Embedding(len(priors[0]), width)
        self.noise_level = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.write = nn.Linear(width, self.channels * patch * CODE)
        nn.init.zeros_(self.write.weight)
        nn.init.zeros_(self.write.bias)
        half_width = torch.arange(width // 2) / (width // 2 - 1)
        frequency = torch.exp(math.log(0.25) + half_width * math.log(64.0))
        self.register_buffer("frequency", frequency, persistent=False)

    def forward(self, observation: Tensor, sigma: Tensor, label: Tensor) -> tuple[Tensor, ...]:
        """observation (B, C, n) with noise sigma (B,) > 0, label (B,) int → logits (B, n, K) of each channel."""
        B, C, n = observation.shape
        coefficients = self.chart.coefficients(observation, sigma)
        known, codes = [], []
        for k in range(C):
            likelihood = coefficients[:, k].flatten(0, 1) @ self.get_buffer(f"feature{k}")
            known.append(likelihood.view(B, n, -1) + self.get_buffer(f"prior{k}")[label][:, self.band])
            codes.append(known[k].softmax(dim=-1) @ self.code_in[k])
        rows = functional.pad(torch.stack(codes, dim=2).flatten(2), (0, 0, 0, -n % self.patch))
        learned = self._transform(rows.view(B, -1, self.patch * C * CODE), sigma, label)
        learned = learned.reshape(B, -1, C, CODE)[:, :n]
        return tuple(known[k] + learned[:, :, k] @ self.code_out[k].T for k in range(C))

    def _transform(self, rows: Tensor, sigma: Tensor, label: Tensor) -> Tensor:
        phase = (sigma / self.chart.noise_gain).log()[:, None] / 4 * self.frequency * 2 * math.pi
        with torch.autocast(rows.device.type, torch.bfloat16, enabled=self.half_precision):
            level = self.noise_level(torch.cat([phase.cos(), phase.sin()], dim=-1))
            condition = functional.silu(level + self.label(label))
            tokens = self.read(self.dropout(rows)) + self.position
            for block in self.blocks:
                tokens = block(tokens, condition)
            out: Tensor = self.write(self.norm(tokens))
        return out.to(rows.dtype)

    def series(self, classes: Tensor) -> Tensor:
        """z (B, C, n) of classes (B, C, n)."""
        return torch.stack([self.get_buffer(f"centre{k}")[classes[:, k]] for k in range(self.channels)], dim=1)

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
