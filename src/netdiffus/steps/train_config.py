"""What can be chosen in `train`, and the presets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field

from netdiffus.diffusion.fit import TrainStep
from netdiffus.errors import InputError
from netdiffus.steps.config import Config

DEFAULT_MINUTES = 10.0


class TrainConfig(Config):
    """What can be chosen in `train`; PRESETS give the sizes.

    `image` is what is diffused: GASF images of traces, the bare series, or with "bits" the fields of packet images.

    `network` is "rows" (the causal denoiser; width, depth, heads, classes, coarse are its sizes) or "unet" (the
    published one; width is its channels, depth its residual blocks a level, length its image size in pixels).
    """

    image: Literal["gasf", "series", "bits"] = "gasf"
    preset: str = "default"
    network: Literal["rows", "unet"] = "rows"
    scale: Literal["empirical", "minmax", "log"] = "empirical"
    width: int = 64
    depth: int = 3
    heads: int = 4
    classes: int | None = Field(None, ge=2, le=4096)  # most that a channel has; None: fewer for long traces
    coarse: int | None = Field(None, ge=0, le=64)  # rows of the small image that is drawn first; None: by the length
    noised: float = Field(0.25, ge=0, le=1)  # share of the traces whose rows are noised in training
    dropout: float = Field(0.1, ge=0, lt=1)  # share left out at random in training
    timesteps: int = Field(1000, ge=2)  # T of the published formulation
    ema: float | None = Field(None, gt=0, lt=1)  # rate of the published average; None: the last tenth of the training
    batch: int | None = Field(None, ge=1)  # None: as many as one step takes well (network.py)
    learning_rate: float = Field(2e-3, gt=0)
    length: int | None = Field(None, ge=2, le=1024)
    minutes: float | None = Field(None, gt=0)
    steps: int | None = Field(None, ge=1)
    seed: int = Field(0, ge=0)
    balance: float = Field(0.0, ge=0, le=1)  # 0: labels as often as they are, 1: all alike; between: tempered
    label_dropout: float = Field(0.0, ge=0, lt=1)  # share of labels hidden in training, for guidance
    guidance: float = Field(1.0, ge=0)  # weight that `generate` pushes towards the label with, unless asked otherwise
    validation: float = Field(0.05, ge=0, lt=1)  # share of each label's training traces held back
    patience: int | None = Field(None, ge=1)


_PUBLISHED: dict[str, Any] = {
    "network": "unet", "scale": "minmax", "width": 128, "depth": 3, "heads": 4, "batch": 4, "learning_rate": 1e-4,
}  # fmt: skip
PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "tiny": {"width": 32, "depth": 2, "heads": 2, "batch": 64},
    "netdiffus": _PUBLISHED | {"length": 128, "timesteps": 1000},
    "netdiffus2": _PUBLISHED | {"length": 10, "timesteps": 100},
}


def train_config(preset: str = "default", **chosen: Any) -> TrainConfig:
    """The configuration of a preset with some choices of one's own (None = not chosen).

    Raises:
        InputError: there is no such preset, or the choices exclude each other.
    """
    if preset not in PRESETS:
        raise InputError(f"a preset among {', '.join(PRESETS)}", repr(preset), "name one of those with --preset")
    chosen = {name: value for name, value in chosen.items() if value is not None}
    options = PRESETS[preset] | chosen
    if "minutes" in chosen and "steps" not in chosen:
        options["steps"] = None
    elif options.get("steps") is None:
        options["minutes"] = DEFAULT_MINUTES
    config = TrainConfig.of(preset=preset, **options)
    if config.network == "unet" and (config.image != "gasf" or config.length is None):
        raise InputError("--image gasf and a length for the U-Net", f"--image {config.image}", "choose another preset")
    if config.patience is not None and not config.validation:
        raise InputError("validation above 0 with patience", "0", "hold traces back, or leave --patience out")
    return config


def share_done(config: TrainConfig) -> Callable[[TrainStep], float]:
    """How much of a training a step's record says is done, by steps or by the clock."""

    def share(record: TrainStep) -> float:
        if config.steps is None:
            return record.seconds / (60 * (config.minutes or DEFAULT_MINUTES))
        return record.step / config.steps if config.steps else 1.0

    return share
