"""A linear autoencoder of bit images: the directions in which the rows of the training differ most, and nothing else.

Rows of headers lie in a small subspace: most columns are constant, repeat others, or follow from few. The best linear
autoencoder for squared error is the projection on the principal components (Baldi and Hornik, "Neural networks and
principal component analysis", 1989); it needs no training, keeps bits to a rate that is chosen, and noise on it stays
noise on bits, so that diffusion on it is that of analog bits (Chen, Zhang and Hinton, ICLR 2023).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netdiffus.imaging.rgb import RgbCodec, nearest_colours, wrong_bits
from netdiffus.models.prompts.images import FlowImages

MOST_WRONG = 0.0005
"""The share of the bits that are there which the autoencoder may get wrong, on rows that it was not fitted to."""
ROWS, HELD, TRIED = 30_000, 8, 2_000
"""Rows that it is fitted to, one of how many is left out at first, and how many of those it is tried on."""
LEAST = 0.02
"""The smallest standard deviation of a component that latents are scaled by."""
STEP = 32
"""The number of components is a multiple of it."""
SCALE = 2.0
"""Latents are scaled so that a fair bit, whose values are half apart from their mean, has variance 1."""


class LinearAutoencoder(nn.Module):
    """Pictures (B, 3, H, W) ↔ latents (B, C, H, 1): each row is projected on C components.

    Args:
        width: W. components: C.
    """

    mean: Tensor
    basis: Tensor
    spread: Tensor

    def __init__(self, width: int, components: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(2 * width))
        self.register_buffer("basis", torch.zeros(2 * width, components))
        self.register_buffer("spread", torch.ones(components))

    def encode(self, pictures: Tensor) -> Tensor:
        """Latents, component by component of variance near that of a bit."""
        latents = (_values(pictures) - self.mean) @ self.basis / self.spread
        return latents.transpose(1, 2).unsqueeze(-1)

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures, of which each pixel's nearest colour counts."""
        values = (latents.squeeze(-1).transpose(1, 2) * self.spread) @ self.basis.T + self.mean
        return _pictures(values)


def _values(pictures: Tensor) -> Tensor:
    """Rows (B, H, 2 W) of pictures (B, 3, H, W): red less green says the bit, blue whether it is there."""
    return torch.cat([(pictures[:, 0] - pictures[:, 1]) / 2, pictures[:, 2] + 1], dim=-1)


def _pictures(values: Tensor) -> Tensor:
    """The way back from `_values`."""
    bit, absent = values.chunk(2, dim=-1)
    return torch.stack([bit, -bit, absent - 1], dim=1)


def fit_autoencoder(images: FlowImages, rgb: RgbCodec, generator: torch.Generator) -> tuple[LinearAutoencoder, float]:
    """An autoencoder that gets at most MOST_WRONG of the bits wrong, and the share that it gets wrong.

    Rows that are left out of a first fit say how many components are needed; the second fit has all rows.
    """
    rows = _rows(images, rgb, generator)
    tried, rest = rows[::HELD][:TRIED], torch.ones(len(rows), dtype=torch.bool)
    rest[::HELD] = False
    found = _principal(rows[rest])
    components, rate = 0, 1.0
    while rate > MOST_WRONG and components < len(found[1]):
        components += STEP
        coder = _coder(found, components)
        rate = _wrong(coder, tried)
    whole = _coder(_principal(rows), components)
    return whole, _wrong(whole, tried)


def _coder(found: tuple[Tensor, Tensor, Tensor], components: int) -> LinearAutoencoder:
    """The autoencoder of mean, variances and directions, with at most so many components."""
    mean, variances, vectors = found
    coder = LinearAutoencoder(len(mean) // 2, min(components, len(variances)))
    coder.mean.copy_(mean)
    coder.basis.copy_(vectors[:, :components])
    # halfway to unit variance: none drowns in noise long before the others
    coder.spread.copy_(variances[:components].sqrt().clamp(min=LEAST).sqrt() / SCALE)
    return coder


def _principal(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (D,), variances (K,) in descending order, and directions (D, K) of rows (n, D) of few values.

    Columns that are the same in every row count as one of that weight: headers have many.
    """
    small = rows.to(torch.int8).numpy()
    places: dict[bytes, int] = {}
    group = torch.tensor([places.setdefault(column.tobytes(), len(places)) for column in small.T])
    first = torch.tensor([int((group == number).nonzero()[0]) for number in range(len(places))])
    weight = torch.bincount(group).double().sqrt()
    mean = rows.double().mean(0)
    part = (rows[:, first].double() - mean[first]) * weight
    variances, vectors = torch.linalg.eigh(part.T @ part / len(rows))
    order = torch.argsort(variances, descending=True)
    return mean, variances[order].clamp(min=0), (vectors[:, order] / weight[:, None])[group]


def _rows(images: FlowImages, rgb: RgbCodec, generator: torch.Generator) -> Tensor:
    """Values (n, 2 W) of rows of flows drawn at random; rows beyond the end of a flow are among them."""
    chosen = torch.randperm(len(images), generator=generator)[: max(2, -(-ROWS // rgb.height))]
    values = _values(torch.from_numpy(rgb.encode(images.shown(chosen.numpy()))))
    return values.reshape(-1, values.shape[-1])


def _wrong(coder: LinearAutoencoder, values: Tensor) -> float:
    """The share of bits that are there, in rows (n, 2 W), which come back as something else."""
    pictures = _pictures(values.unsqueeze(0))
    back = coder.decode(coder.encode(pictures))
    before, after = (nearest_colours(each) for each in (pictures.numpy(), back.numpy()))
    there = before >= 0
    return wrong_bits(before[there], after[there]) if there.any() else 0.0
