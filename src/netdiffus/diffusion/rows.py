"""The row-token denoiser: a transformer whose tokens are the rows of the image, n tokens for n x n pixels.

Preconditioning follows Karras et al., "Elucidating the design space of diffusion-based generative models"
(NeurIPS 2022), table 1, carried over to the chart's series z (which has unit variance): the network sees c_in * z of
the least-squares reading of the noisy image and answers with the series c_skip * z + c_out * F. The denoised image is
the image of that series plus a low-rank correction, because the mean of many images is not the image of a series.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from netdiffus.diffusion.charts import Chart


class Block(nn.Module):
    """Attention and MLP, each scaled, shifted and gated by the condition (adaLN-Zero, Peebles and Xie 2023)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))
        self.modulate = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, tokens: Tensor, condition: Tensor) -> Tensor:
        """tokens (B, n, width), condition (B, width) → (B, n, width)."""
        B, n, width = tokens.shape
        scale1, shift1, gate1, scale2, shift2, gate2 = self.modulate(condition)[:, None].chunk(6, dim=-1)
        h = self.norm(tokens) * (1 + scale1) + shift1
        q, k, v = self.qkv(h).view(B, n, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, n, width)
        tokens = tokens + gate1 * self.out(attended)
        h = self.norm(tokens) * (1 + scale2) + shift2
        mixed: Tensor = tokens + gate2 * self.mlp(h)
        return mixed


class RowDenoiser(nn.Module):
    """D(image; sigma, label): the expected clean image, for a chart's images.

    Args:
        channels: C of the images.
        length: n, rows of an image.
        classes: number of labels; label ids run from 0.
        width, depth, heads: size of the transformer.
        rank: columns of the low-rank correction per channel; 0 for none.
        patch: neighbouring rows that share a token; the work falls in proportion.
    """

    frequency: Tensor

    def __init__(
        self,
        channels: int,
        length: int,
        classes: int,
        chart: Chart,
        *,
        width: int,
        depth: int,
        heads: int,
        rank: int,
        patch: int,
    ) -> None:
        super().__init__()
        self.chart, self.channels, self.length, self.rank, self.patch = chart, channels, length, rank, patch
        tokens = math.ceil(length / patch)
        self.read = nn.Linear(channels * patch, width)
        self.position = nn.Parameter(torch.randn(tokens, width) * 0.2)
        self.label = nn.Embedding(classes, width)
        self.noise_level = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.write = nn.Linear(width, channels * patch * (1 + 2 * rank))
        nn.init.zeros_(self.write.weight)
        nn.init.zeros_(self.write.bias)
        half = torch.arange(width // 2) / (width // 2 - 1)
        self.register_buffer("frequency", torch.exp(math.log(0.25) + half * math.log(64.0)), persistent=False)

    def forward(self, image: Tensor, sigma: Tensor, label: Tensor) -> Tensor:
        """image (B, C, ...) with noise sigma (B,) > 0, label (B,) int → denoised image, same shape."""
        sigma_z = (sigma / self.chart.noise_gain)[:, None, None]
        z = self.chart.estimate(image, sigma)
        c_skip = 1.0 / (sigma_z**2 + 1.0)
        c_out = sigma_z * c_skip.sqrt()
        F = self.network(z * c_skip.sqrt(), sigma_z.flatten().log() / 4, label)  # (B, C, n, 1 + 2 rank)
        clean = self.chart.image(c_skip * z + c_out * F[..., 0])
        if self.rank:
            p, q = F[..., 1:].chunk(2, dim=-1)
            clean = clean + self.chart.pixel_gain * c_out[..., None] * (p @ q.mT + q @ p.mT)
        return clean

    def network(self, z: Tensor, c_noise: Tensor, label: Tensor) -> Tensor:
        """The raw network: z (B, C, n), c_noise (B,), label (B,) → (B, C, n, 1 + 2 rank)."""
        B, C, n = z.shape
        phase = c_noise[:, None] * self.frequency * 2 * math.pi
        condition = self.noise_level(torch.cat([phase.cos(), phase.sin()], dim=-1)) + self.label(label)
        condition = functional.silu(condition)
        rows = functional.pad(z, (0, -n % self.patch)).mT  # (B, n rounded up, C)
        tokens = self.read(rows.reshape(B, -1, C * self.patch)) + self.position
        for block in self.blocks:
            tokens = block(tokens, condition)
        out: Tensor = self.write(self.norm(tokens))
        return out.view(B, -1, C, 1 + 2 * self.rank)[:, :n].transpose(1, 2)
