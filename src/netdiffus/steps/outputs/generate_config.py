"""What can be chosen in `generate`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from netdiffus import limits
from netdiffus.config import Config
from netdiffus.errors import InputError
from netdiffus.models.label_counts import DEFAULT_COUNT, check_counts


class GenerateConfig(Config):
    """What can be chosen in `generate`."""

    count: int | dict[str, int] = Field(DEFAULT_COUNT, description="Traces in all, or of each label.")
    balance: bool = Field(False, description="The same number of every label.")
    seed: int = Field(0, ge=0, le=limits.SEED, description="Seed of every random draw.")
    sampling_steps: int | None = Field(
        None,
        ge=2,
        le=1000,
        description="Noise levels per row with a window (default 16), or of a published model.",
    )
    sampler: str | None = Field(None, description="Of published models: learned (default), heun, dpm++2m, ddim, ...")
    guidance: float | None = Field(
        None, ge=0, le=limits.GUIDANCE, description="Weight of guidance towards the label; default: the model's."
    )
    window: int | None = Field(
        None, ge=1, le=limits.LENGTH, description="Rows that are noisy at once; more than the default 1 is approximate."
    )
    length: int | None = Field(
        None, ge=1, le=limits.DRAWN_LENGTH, description="Positions of a trace at most; default: the model's."
    )
    protocol: Literal["tcp", "udp"] | None = Field(None, description="Packets: flows of this protocol alone.")
    packets: int | None = Field(None, ge=1, le=limits.LENGTH, description="Packets: the first N packets of a flow.")

    @model_validator(mode="after")
    def _can_be(self) -> GenerateConfig:
        check_counts(self.count)
        if self.balance and isinstance(self.count, dict):
            raise InputError("--balance, or counts of labels", "both", "leave one of them out")
        return self
