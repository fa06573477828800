"""A small causal denoiser: two channels of four and two codes, seven rows, three labels; if asked, two coarse rows."""

from __future__ import annotations

import torch
from torch import Tensor

from netdiffus.diffusion.causal import CausalDenoiser, Codebook
from netdiffus.diffusion.forcing import Rows
from netdiffus.diffusion.observation import GasfRows, Observation, SeriesRows
from netdiffus.imaging.codec import STEP

ROWS, LABELS = 7, 3
CENTRES = [torch.tensor([-1.5, -0.2, 0.4, 1.8]), torch.tensor([-0.8, 1.1])]
COARSE_CENTRES = [torch.tensor([-1.0, 0.0, 1.0]), torch.tensor([-0.5, 0.5])]
OBSERVATIONS: list[Observation] = [SeriesRows(ROWS), GasfRows(ROWS, STEP)]
NAMES = ["series", "gasf"]


def priors(length: int, centres: list[Tensor], seed: int = 0) -> list[Tensor]:
    """Log-priors (LABELS, length, K) of each channel, uneven."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(LABELS, length, len(z), generator=generator).log_softmax(dim=-1) for z in centres]


def fresh(coarse: bool = False, dropout: float = 0.0) -> CausalDenoiser:
    """An untrained network."""
    torch.manual_seed(0)
    small = None
    if coarse:
        small = ([Codebook(z, False) for z in COARSE_CENTRES], priors(2, COARSE_CENTRES, seed=1))
    books = [Codebook(CENTRES[0], True), Codebook(CENTRES[1], False)]
    made = CausalDenoiser(books, priors(ROWS, CENTRES), small, width=16, depth=2, heads=2, dropout=dropout)
    return made.eval()


def trained(coarse: bool = False) -> CausalDenoiser:
    """Nothing is zero, as after training."""
    made = fresh(coarse)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return made


def rows_of(observation: Observation) -> Rows:
    """The channels' codes, observed."""
    return Rows.of(observation, CENTRES)


def drawn(count: int, length: int = ROWS, centres: list[Tensor] = CENTRES) -> Tensor:
    """Codes (count, C, length), each as likely as the others."""
    generator = torch.Generator().manual_seed(3)
    return torch.stack([torch.randint(len(z), (count, length), generator=generator) for z in centres], dim=1)
