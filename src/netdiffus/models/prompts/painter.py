"""What every kind of prompted model has: pictures ↔ latents, texts, and a network that predicts noise of latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from netdiffus.models.prompts.process import Process

Condition = dict[str, Tensor]
"""What a network is told beside noisy latents, by the names that it knows: tensors with one row a text."""


class Painter(Protocol):
    """A network that paints latents after texts."""

    @property
    def network(self) -> nn.Module:
        """A module whose parameters are those that are trained, and whose state is what a model folder keeps."""

    @property
    def process(self) -> Process:
        """How latents are noised and denoised."""

    def encode(self, pictures: Tensor) -> Tensor:
        """Latents (B, C, h, w) of pictures (B, 3, H, W) in [-1, 1]."""

    def decode(self, latents: Tensor) -> Tensor:
        """The way back."""

    def condition(self, texts: Sequence[str]) -> Condition:
        """What texts say."""

    def predict(self, noisy: Tensor, time: Tensor, condition: Condition, presence: Tensor | None) -> Tensor:
        """What the network predicts of noisy latents; presence maps (B, 3, H, W) in [0, 1] for a ControlNet."""


@dataclass(frozen=True)
class Brush:
    """A painter with what steers a batch of drawings.

    Attributes:
        texts, negative: one for each drawing. guidance: weight of the text against the negative. presence: maps.
    """

    painter: Painter
    texts: Sequence[str]
    negative: str
    guidance: float
    presence: Tensor | None = None

    def drawn(self, noise: Tensor, steps: int) -> Tensor:
        """Pictures (B, 3, H, W) of noise (B, C, h, w)."""
        import torch

        painter = self.painter
        told = painter.condition(self.texts)
        untold = painter.condition([self.negative] * len(self.texts)) if self.guidance != 1 else None
        maps = self.presence

        def predict(noisy: Tensor, time: Tensor) -> Tensor:
            if untold is None:
                return painter.predict(noisy, time, told, maps)
            both = {name: torch.cat([untold[name], value]) for name, value in told.items()}
            twice = None if maps is None else torch.cat([maps, maps])
            low, high = painter.predict(torch.cat([noisy, noisy]), torch.cat([time, time]), both, twice).chunk(2)
            return low + self.guidance * (high - low)

        return painter.decode(painter.process.drawn(predict, noise, steps))
