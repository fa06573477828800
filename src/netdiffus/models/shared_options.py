"""The options that every network has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from netdiffus import limits
from netdiffus.config import Config, Entry, Seed
from netdiffus.errors import InputError

DEFAULT_MINUTES = 10.0


class SharedOptions(Config):
    """What every network has."""

    preset: Literal["default", "tiny", "netdiffus", "netdiffus2"] = Field(
        "default",
        description="Sizes: 'default', 'tiny', or as published: 'netdiffus' (128 px), 'netdiffus2' (10 px).",
    )
    scale: Annotated[Literal["empirical", "minmax", "log"], Entry()] = Field(
        "empirical", description="Scale of values: empirical, minmax or log; default: the preset's."
    )
    learning_rate: float = Field(2e-3, gt=0, le=1, description="Peak learning rate.")
    minutes: float | None = Field(
        None,
        ge=limits.MINUTES[0],
        le=limits.MINUTES[1],
        description="Minutes to train for, preparation included (default 10).",
    )
    steps: int | None = Field(None, ge=1, le=limits.STEPS, description="Steps to train for, instead of --minutes.")
    seed: Seed = 0
    balance: Annotated[float, Entry(switch=1.0)] = Field(
        0.0,
        ge=0,
        le=1,
        description="Sample every label equally often (1), not in proportion to its traces (0); between: tempered.",
    )
    label_dropout: float = Field(
        0.0, ge=0, lt=1, description="Share of labels hidden in training, for 'generate --guidance'."
    )
    guidance: float = Field(1.0, ge=0, le=limits.GUIDANCE, description="Default weight of guidance when sampling.")
    validation: Annotated[float, Entry()] = Field(
        0.05,
        ge=0,
        lt=1,
        description="Share of each label's training traces held out to choose the best weights (default 0.05).",
    )
    patience: int | None = Field(
        None, ge=1, le=limits.PATIENCE, description="Stop after N checks in a row without better weights."
    )

    @model_validator(mode="after")
    def _has_validation(self) -> SharedOptions:
        if self.patience is not None and not self.validation:
            raise InputError("validation above 0 with patience", "0", "hold traces back, or leave --patience out")
        return self
