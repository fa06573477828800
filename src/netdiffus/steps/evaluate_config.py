"""What can be chosen in `evaluate`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from netdiffus.config import Config, Entry, Seed


class EvaluateConfig(Config):
    """What can be chosen in `evaluate`."""

    seed: Seed = 0
    baselines: Annotated[bool, Entry(off="Leave out the simple generators beside it.")] = Field(
        True, description="Compare with simple generators in the same table."
    )
