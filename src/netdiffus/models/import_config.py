"""What can be chosen in `import`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import Field

from netdiffus import limits
from netdiffus.config import Config, Entry
from netdiffus.manifest import Text
from netdiffus.traffic.bounds import parse_range


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


class ImportConfig(Config):
    """What a checkpoint does not say itself."""

    image_size: int = Field(ge=2, le=limits.LENGTH, description="Pixels of a side.")
    heads: int = Field(4, ge=1, le=limits.HEADS, description="Attention heads.")
    steps: int = Field(1000, ge=2, le=limits.TIMESTEPS, description="Diffusion steps T of the training.")
    schedule: str = Field("cosine", description="Noise schedule: cosine or linear.")
    labels: Annotated[list[Text] | None, Entry(parse=_names)] = Field(
        None, description="Names of the classes in order, e.g. web,dns,mail; default: 0,1,2 ..."
    )
    scale: Annotated[tuple[float, float] | None, Entry(parse=partial(parse_range, option="--scale"))] = Field(
        None,
        description="LOW,HIGH of the signed sizes in an image, e.g. -1460,1460; without it only images are drawn.",
    )
