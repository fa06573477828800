"""What can be chosen in `train`, and the presets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator, model_validator

from netdiffus import limits
from netdiffus.config import Config, exclusive
from netdiffus.errors import InputError
from netdiffus.manifest import shown

if TYPE_CHECKING:
    from netdiffus.diffusion.fit import TrainStep

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
    width: int = Field(64, ge=8, le=limits.WIDTH)
    depth: int = Field(3, ge=1, le=limits.DEPTH)
    heads: int = Field(4, ge=1, le=limits.HEADS)
    classes: int | None = Field(None, ge=2, le=limits.VALUES)  # most that a channel has; None: fewer for long traces
    coarse: int | None = Field(
        None, ge=0, le=limits.COARSE_ROWS
    )  # rows of the small image that is drawn first; None: by the length
    noised: float = Field(0.25, ge=0, le=1)  # share of the traces whose rows are noised in training
    dropout: float = Field(0.1, ge=0, lt=1)  # share left out at random in training
    timesteps: int = Field(1000, ge=2, le=limits.TIMESTEPS)  # T of the published formulation
    ema: float | None = Field(None, gt=0, lt=1)  # rate of the published average; None: the last tenth of the training
    batch: int | None = Field(None, ge=1, le=limits.BATCH)  # None: as many as one step takes well (network.py)
    learning_rate: float = Field(2e-3, gt=0, le=1)
    length: int | None = Field(None, ge=2, le=limits.LENGTH)
    minutes: float | None = Field(None, ge=limits.MINUTES[0], le=limits.MINUTES[1])
    steps: int | None = Field(None, ge=1, le=limits.STEPS)
    seed: int = Field(0, ge=0, le=limits.SEED)
    balance: float = Field(0.0, ge=0, le=1)  # 0: labels as often as they are, 1: all alike; between: tempered
    label_dropout: float = Field(0.0, ge=0, lt=1)  # share of labels hidden in training, for guidance
    guidance: float = Field(1.0, ge=0, le=limits.GUIDANCE)  # weight of guidance in `generate`
    validation: float = Field(0.05, ge=0, lt=1)  # share of each label's training traces held back
    patience: int | None = Field(None, ge=1, le=limits.PATIENCE)

    @field_validator("preset")
    @classmethod
    def _is_preset(cls, name: str) -> str:
        return _known_preset(name)

    @model_validator(mode="after")
    def _can_be(self) -> TrainConfig:
        if self.width % self.heads or self.width % 2:
            raise InputError(f"an even width that {self.heads} heads divide", str(self.width), "correct width or heads")
        if self.network == "unet":
            _check_unet(self)
        if self.patience is not None and not self.validation:
            raise InputError("validation above 0 with patience", "0", "hold traces back, or leave --patience out")
        return self


def _known_preset(name: str) -> str:
    if name not in PRESETS:
        raise InputError(f"a preset among {', '.join(PRESETS)}", shown(name), "name one of those with --preset")
    return name


def _check_unet(config: TrainConfig) -> None:
    if config.image != "gasf" or config.length is None:
        raise InputError("--image gasf and a length for the U-Net", f"--image {config.image}", "choose another preset")
    if config.width > limits.UNET_WIDTH or config.depth > limits.UNET_BLOCKS:
        most = f"at most {limits.UNET_WIDTH:,} channels and {limits.UNET_BLOCKS} blocks a level of a U-Net"
        raise InputError(most, f"{config.width:,} and {config.depth}", "correct width or depth")


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
    chosen = {name: value for name, value in chosen.items() if value is not None}
    exclusive(minutes="minutes" in chosen, steps="steps" in chosen)
    options = PRESETS[_known_preset(preset)] | chosen
    if "minutes" in chosen and "steps" not in chosen:
        options["steps"] = None
    elif options.get("steps") is None:
        options["minutes"] = DEFAULT_MINUTES
    return TrainConfig.of(preset=preset, **options)


def share_done(config: TrainConfig) -> Callable[[TrainStep], float]:
    """How much of a training a step's record says is done, by steps or by the clock."""

    def share(record: TrainStep) -> float:
        if config.steps is None:
            return record.seconds / (60 * (config.minutes or DEFAULT_MINUTES))
        return record.step / config.steps

    return share
