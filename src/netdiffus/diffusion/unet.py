"""The published U-Net: a convolutional network of residual and attention blocks over the pixels of an image.

Source: Dhariwal and Nichol, "Diffusion models beat GANs on image synthesis", NeurIPS 2021, section 3, in the form that
NetDiffus (Sivaroopan et al. 2024) trained: scale-shift conditioning, strided convolutions down, nearest neighbours up.
Its parameters keep the names, shapes and order of openai/guided-diffusion, so that its checkpoints can be loaded.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from netdiffus.diffusion.unet_shape import NORM_GROUPS, UNetShape, published_shape

__all__ = ["UNet", "UNetShape", "published_shape", "timestep_embedding"]


def timestep_embedding(t: Tensor, width: int) -> Tensor:
    """Sinusoids (N, width) of timesteps (N,): cosines, then sines of t * 10000^(-k / half); a zero column if odd.

    Source: Vaswani et al., "Attention is all you need", section 3.5.
    """
    half = width // 2
    frequency = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
    phase = t[:, None].float() * frequency
    return functional.pad(torch.cat([phase.cos(), phase.sin()], dim=-1), (0, width % 2))


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(NORM_GROUPS, channels)  # eps 1e-5


def _zero(layer: nn.Conv1d | nn.Conv2d) -> nn.Module:
    """A layer that begins as zero, so that the block around it begins as the identity."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class ResBlock(nn.Module):
    """Two convolutions around a residual, scaled and shifted by the embedding between them."""

    def __init__(self, channels: int, embedding: int, out: int) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(_norm(channels), nn.SiLU(), nn.Conv2d(channels, out, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, 2 * out))
        # the third place held dropout, which was never used; it keeps the convolution's name
        self.out_layers = nn.Sequential(_norm(out), nn.SiLU(), nn.Identity(), _zero(nn.Conv2d(out, out, 3, padding=1)))
        self.skip_connection = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """x (N, channels, H, W), embedding (N, E) → (N, out, H, W)."""
        scale, shift = self.emb_layers(embedding)[:, :, None, None].chunk(2, dim=1)
        norm, *rest = self.out_layers
        h = norm(self.in_layers(x)) * (1 + scale) + shift
        for layer in rest:
            h = layer(h)
        mixed: Tensor = self.skip_connection(x) + h
        return mixed


class AttentionBlock(nn.Module):
    """Self-attention over all pixels, with a residual; queries, keys and values of one head lie side by side."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = _norm(channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = _zero(nn.Conv1d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) → the same shape; any H and W."""
        flat = x.flatten(2)
        qkv = self.qkv(self.norm(flat)).unflatten(1, (self.heads, 3, -1))  # (N, heads, 3, d, H W)
        q, k, v = qkv.mT.unbind(dim=2)  # (N, heads, H W, d)
        attended = functional.scaled_dot_product_attention(q, k, v)
        mixed: Tensor = x + self.proj_out(attended.mT.reshape(flat.shape)).view_as(x)
        return mixed


class Downsample(nn.Module):
    """Halves the image by a convolution of stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C, H / 2, W / 2)."""
        half: Tensor = self.op(x)
        return half


class Upsample(nn.Module):
    """Doubles the image by nearest neighbours and a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C, 2 H, 2 W)."""
        double: Tensor = self.conv(functional.interpolate(x, scale_factor=2, mode="nearest"))
        return double


class Stage(nn.ModuleList):
    """Layers one after the other; residual blocks among them are given the embedding too."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """x (N, C, H, W), embedding (N, E) → the last layer's answer."""
        for layer in self:
            x = layer(x, embedding) if isinstance(layer, ResBlock) else layer(x)
        return x


class UNet(nn.Module):
    """F(x; t, label) → (N, channels_out, H, W), for images of any height and width that halve without remainder."""

    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        self.shape = shape
        width, embedding = shape.width, 4 * shape.width
        widths = [multiplier * width for multiplier in shape.multipliers]
        self.time_embed = nn.Sequential(nn.Linear(width, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        if shape.classes is not None:
            self.label_emb = nn.Embedding(shape.classes, embedding)
        self.input_blocks = nn.ModuleList([Stage([nn.Conv2d(shape.channels_in, width, 3, padding=1)])])
        skips = [width]  # channels of each input block's answer
        for level, out in enumerate(widths):
            for _ in range(shape.blocks):
                self.input_blocks.append(Stage(self._layers(skips[-1], out, level)))
                skips.append(out)
            if level < len(widths) - 1:
                self.input_blocks.append(Stage([Downsample(out)]))
                skips.append(out)
        deepest = widths[-1]
        self.middle_block = Stage(
            [
                ResBlock(deepest, embedding, deepest),
                AttentionBlock(deepest, shape.heads),
                ResBlock(deepest, embedding, deepest),
            ]
        )
        self.output_blocks = nn.ModuleList()
        channels = deepest
        for level, out in reversed(list(enumerate(widths))):
            for index in range(shape.blocks + 1):
                layers = self._layers(channels + skips.pop(), out, level)
                if level and index == shape.blocks:
                    layers.append(Upsample(out))
                self.output_blocks.append(Stage(layers))
                channels = out
        self.out = nn.Sequential(
            _norm(channels), nn.SiLU(), _zero(nn.Conv2d(channels, shape.channels_out, 3, padding=1))
        )

    def _layers(self, channels: int, out: int, level: int) -> list[nn.Module]:
        layers: list[nn.Module] = [ResBlock(channels, 4 * self.shape.width, out)]
        if 2**level in self.shape.attention:
            layers.append(AttentionBlock(out, self.shape.heads))
        return layers

    def forward(self, x: Tensor, t: Tensor, label: Tensor | None = None) -> Tensor:
        """x (N, C, H, W) in [-1, 1] with noise, t (N,) original timesteps, label (N,) int → (N, channels_out, H, W).

        Raises:
            IndexError: a label outside the table (on a GPU, a device error).
        """
        embedding = self.time_embed(timestep_embedding(t, self.shape.width))
        if self.shape.classes is not None:
            embedding = embedding + self.label_emb(label)
        skips = []
        h = x
        for stage in self.input_blocks:
            h = stage(h, embedding)
            skips.append(h)
        h = self.middle_block(h, embedding)
        for stage in self.output_blocks:
            h = stage(torch.cat([h, skips.pop()], dim=1), embedding)
        answer: Tensor = self.out(h)
        return answer
