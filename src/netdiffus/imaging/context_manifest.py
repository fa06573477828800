"""What a manifest says of the counted contexts of a channel's codes; the counts themselves stand with the weights."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from netdiffus import limits
from netdiffus.manifest import Manifest

Number = Annotated[int, Field(ge=0, lt=limits.LENGTH)]
Place = Annotated[list[Number], Field(min_length=2, max_length=2)]
"""A channel, and how many rows back."""


class ContextManifest(Manifest):
    """The contexts of one order: where they look (channel, rows back), how strong their back-off is, how many there
    are, and how many pairs of a context and a code."""

    places: list[Place] = Field(min_length=1, max_length=limits.CONTEXT_CODES)
    strength: float = Field(gt=0, le=1000)
    contexts: int = Field(ge=1, le=limits.CONTEXTS)
    entries: int = Field(ge=1, le=limits.CONTEXTS)
    placed: bool = False

    def looks_back(self, channel: int, channels: int) -> bool:
        """Whether contexts of a channel hold nothing but codes that are drawn before it."""
        return all(k < channels and (back or k < channel) for k, back in self.places)
