"""The causal denoiser: a transformer whose tokens are the rows of the image, each of which sees the rows before it.

A trace's values come from a codebook per channel, so what noise hides at a position is a code. Bayes' rule splits what
is known of the code of row i into two factors:

    p(code_i | rows up to i) ~ p(own noisy row | code_i) * p(code_i | label, the noisy rows before it).

The first is the observation model's Gaussian likelihood (observation.py), which is exact and need not be learned. The
network answers with the logarithm of the second, whatever the noise of the rows before: from clean ones (then it is an
autoregressive model) to rows of which nothing is known. One causal pass gives the factors of all rows. Channels of a
row come in a fixed order, each given those before it in the row. It starts from counts: of the contexts of a code
(contexts.py), or of its position (prior.py).

Sources: Chen et al., "Diffusion forcing", NeurIPS 2024 (a noise level for each token, causal); Hoogeboom et al.,
"Autoregressive diffusion models", ICLR 2022; Dieleman et al., "Continuous diffusion for categorical data", 2022
(cross-entropy over embedded codes).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from netdiffus.diffusion.contexts import Contexts
from netdiffus.diffusion.dropout import Dropout

WAVES = 6
"""Octaves of the Fourier features of a centre."""


@dataclass(frozen=True)
class Codebook:
    """Codes of one channel: their centres z (K,), and whether the last one means that the trace has ended."""

    centres: Tensor
    ends: bool

    def __len__(self) -> int:
        return len(self.centres)


class Cache:
    """Keys and values of the rows that are known for good: (B, heads, rows, width / heads) for each block.

    Attributes:
        rows: how many rows are kept; those beyond are scratch.
    """

    def __init__(self, batch: int, blocks: int, heads: int, rows: int, width: int, device: torch.device) -> None:
        shape = (batch, heads, rows, width // heads)
        self.keys = [torch.zeros(shape, device=device) for _ in range(blocks)]
        self.values = [torch.zeros(shape, device=device) for _ in range(blocks)]
        self.rows = 0


class Block(nn.Module):
    """Causal self-attention and MLP, each after a layer norm (pre-norm)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, keys: Tensor | None = None, values: Tensor | None = None, start: int = 0) -> Tensor:
        """x (B, m, width) of rows `start` and on → (B, m, width); the cache has keys and values of the rows before."""
        B, m, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(B, m, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        if keys is None or values is None:
            attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            keys[:, :, start : start + m], values[:, :, start : start + m] = k, v
            scores = q @ keys[:, :, : start + m].mT * (width // self.heads) ** -0.5
            if m > 1:
                later = torch.ones(m, start + m, dtype=torch.bool, device=x.device).triu(start + 1)
                scores = scores.masked_fill(later, -math.inf)
            attended = scores.softmax(dim=-1) @ values[:, :, : start + m]
        x = x + self.dropout(self.out(attended.transpose(1, 2).reshape(B, m, width)))
        after: Tensor = x + self.dropout(self.down(functional.gelu(self.up(self.norm2(x)))))
        return after


class CodeEmbedding(nn.Module):
    """Embeddings (K, width) of a codebook: Fourier features of the centres, alike for near ones, and a free part."""

    waves: Tensor

    def __init__(self, codebook: Codebook, width: int) -> None:
        super().__init__()
        z = codebook.centres.float()
        ended = torch.zeros(len(z))
        ended[-1] = float(codebook.ends)
        phase = z[:, None] * 2.0 ** torch.arange(-1, WAVES - 1) * math.pi / 3.5
        self.register_buffer(
            "waves", torch.cat([phase.sin(), phase.cos(), z[:, None] / 2, ended[:, None]], dim=1), persistent=False
        )
        self.read = nn.Linear(2 * WAVES + 2, width)
        self.own = nn.Parameter(torch.randn(len(z), width) * 0.02)

    def forward(self) -> Tensor:
        """The table (K, width)."""
        table: Tensor = self.read(self.waves) + self.own
        return table


class RowCoder(nn.Module):
    """Rows of codes (B, C, m) in and out of the transformer's width: their embedding, and the logits of their codes."""

    def __init__(self, codebooks: Sequence[Codebook], width: int) -> None:
        super().__init__()
        later = range(1, len(codebooks))
        self.embeddings = nn.ModuleList(CodeEmbedding(book, width) for book in codebooks)
        heads = [nn.Linear(width, len(book)) for book in codebooks]
        self.earlier = nn.ModuleList(CodeEmbedding(book, width) for book in codebooks[:-1])
        self.mix = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
            for _ in later
        )
        for head in heads:
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        self.heads, self.sizes = nn.ModuleList(heads), [len(book) for book in codebooks]

    def embed(self, codes: Tensor) -> Tensor:
        """(B, C, m) → (B, m, width)."""
        return torch.stack([functional.embedding(codes[:, k], table()) for k, table in enumerate(self.embeddings)]).sum(
            dim=0
        )

    def embed_shares(self, shares: Sequence[Tensor]) -> Tensor:
        """Probabilities (B, m, K) of each channel's codes → the mean embedding (B, m, width)."""
        return torch.stack([share @ table() for share, table in zip(shares, self.embeddings, strict=True)]).sum(dim=0)

    def logits(self, hidden: Tensor, codes: Tensor) -> list[Tensor]:
        """(B, m, K) of each channel, given the row's codes (B, C, m) of the channels before it."""
        found, given = [], torch.zeros_like(hidden)
        for k, head in enumerate(self.heads):
            found.append(head(self.given(hidden, given, k)))
            if k < len(self.earlier):
                given = given + functional.embedding(codes[:, k], self.earlier[k]())
        return found

    def given(self, hidden: Tensor, earlier: Tensor, channel: int) -> Tensor:
        """Hidden states that know the summed embeddings of the row's earlier channels."""
        if channel == 0:
            return hidden
        x = hidden + earlier
        mixed: Tensor = x + self.mix[channel - 1](x)
        return mixed


class CausalDenoiser(nn.Module):
    """log p(code | label, noisy rows before it) of every row and channel.

    The sequence may begin with rows of a coarse image (`coarse`), with channels of its own: what is drawn first, so
    that the rows of a long trace know where it is going.

    Args:
        codebooks: of each channel.
        priors: log-priors (labels, n, K) of each channel, a row for each label that the model knows.
        coarse: codebooks of the coarse rows' channels, and their log-priors (labels, m, K); none: no coarse rows.
        contexts: counted contexts of each channel; where there are some, they take the place of the prior.
        width, depth, heads: size of the transformer.
        dropout: share of what a block adds, and of the tokens, that is left out at random in training.
    """

    def __init__(
        self,
        codebooks: Sequence[Codebook],
        priors: Sequence[Tensor],
        coarse: tuple[Sequence[Codebook], Sequence[Tensor]] | None,
        contexts: Contexts | None = None,
        *,
        width: int,
        depth: int,
        heads: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.width, self.head_count = width, heads
        self.labels, self.length = priors[0].shape[:2]
        self.coarse_rows = 0 if coarse is None else coarse[1][0].shape[1]
        self.rows = self.coarse_rows + self.length
        self.fine = RowCoder(codebooks, width)
        for k, prior in enumerate(priors):
            self.register_buffer(f"prior{k}", prior)
        self.coarse = None if coarse is None else RowCoder(coarse[0], width)
        for k, prior in enumerate(() if coarse is None else coarse[1]):
            self.register_buffer(f"coarse_prior{k}", prior)
        self.contexts = Contexts([[] for _ in codebooks]) if contexts is None else contexts
        self.label = nn.Embedding(self.labels, width)
        nn.init.normal_(self.label.weight, std=0.1)
        self.position = nn.Parameter(torch.randn(self.rows, width) * 0.02)
        self.level = nn.Linear(2 * WAVES, width, bias=False)
        nn.init.zeros_(self.level.weight)
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    @property
    def channels(self) -> int:
        """C of the image."""
        return len(self.fine.heads)

    @property
    def coarse_channels(self) -> int:
        """Channels of the coarse rows."""
        return 0 if self.coarse is None else len(self.coarse.heads)

    def prior(self, channel: int, coarse: bool = False) -> Tensor:
        """The log-prior (labels, rows, K) of a channel."""
        return self.get_buffer(f"coarse_prior{channel}" if coarse else f"prior{channel}")

    def hidden(self, rows: Tensor, label: Tensor, cache: Cache | None = None) -> Tensor:
        """What the rows before each row say: (B, m, width).

        Args:
            rows: (B, m, width) embeddings of the m rows before, for the first row of a trace zeros.
            label: (B,).
            cache: of the rows before those m; it is written, but not moved on.
        """
        start = 0 if cache is None else cache.rows
        x = rows + self.position[start : start + rows.shape[1]] + self.label(label)[:, None]
        x = self.dropout(x)
        for k, block in enumerate(self.blocks):
            x = block(x) if cache is None else block(x, cache.keys[k], cache.values[k], start)
        hidden: Tensor = self.norm(x)
        return hidden

    def cache(self, batch: int) -> Cache:
        """An empty cache for a batch of traces."""
        return Cache(batch, len(self.blocks), self.head_count, self.rows, self.width, self.position.device)

    def levels(self, sigma: Tensor) -> Tensor:
        """What is added to the embedding of a row of level sigma (B, m) > 0; clean rows have none: (B, m, width)."""
        phase = sigma.log()[..., None] * 2.0 ** torch.arange(-3, WAVES - 3, device=sigma.device)
        added: Tensor = self.level(torch.cat([phase.sin(), phase.cos()], dim=-1))
        return added
