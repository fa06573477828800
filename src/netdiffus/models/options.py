"""What can be chosen in `train`, a class for each network, and the presets.

The options of a trained model stand in model.json, so that a network can be built from them again. Each field has its
range and its help text: command lines and forms are built from those.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from netdiffus import limits
from netdiffus.config import Config, exclusive
from netdiffus.diffusion.unet_shape import UNetShape
from netdiffus.errors import InputError
from netdiffus.manifest import JsonObject, Manifest, checked, shown
from netdiffus.models.private_options import PrivacyOptions, check_private
from netdiffus.models.prompt_options import PROMPT, PromptOptions, prompt_options
from netdiffus.models.shared_options import DEFAULT_MINUTES as DEFAULT_MINUTES
from netdiffus.models.shared_options import SharedOptions as SharedOptions

ACTION = "copy the model again, or train again"


def _named_image(value: object) -> object:
    """Fields were once called bits."""
    return "fields" if value == "bits" else value


def _gasf_alone(value: object) -> object:
    if value != "gasf":
        raise InputError("--image gasf for the U-Net", f"--image {shown(value)}", "choose another preset")
    return value


class RowOptions(SharedOptions, PrivacyOptions):
    """Of the causal core, which draws row by row: traces as GASF images or bare series, or the fields of packets."""

    network: Literal["rows"] = "rows"
    image: Annotated[Literal["gasf", "series", "fields"], BeforeValidator(_named_image)] = Field(
        "gasf",
        description="What is diffused: 'gasf' images, the bare 'series', the 'fields' of packets, or bit images that a "
        "'prompt' steers.",
    )
    length: int | None = Field(
        None, ge=2, le=limits.LENGTH, description="Positions of a trace that are learned; default: all."
    )
    whole: bool | None = Field(
        None, description="Packets: learn flows to their ends; default: where the dataset has all packets."
    )
    width: int = Field(64, ge=8, le=limits.WIDTH, description="Width of the transformer.")
    depth: int = Field(3, ge=1, le=limits.DEPTH, description="Blocks of the transformer.")
    heads: int = Field(4, ge=1, le=limits.HEADS, description="Attention heads.")
    batch: int | None = Field(
        None, ge=1, le=limits.BATCH, description="Traces per training step; default: fewer for long traces."
    )
    classes: int | None = Field(
        None, ge=2, le=limits.VALUES, description="Codes per channel at most; default: fewer for long traces."
    )
    coarse: int | None = Field(
        None,
        ge=0,
        le=limits.COARSE_ROWS,
        description="Rows of the coarse image drawn first; default: by length.",
    )
    contexts: int = Field(
        4, ge=0, le=limits.CONTEXT_CODES, description="Codes in a counted context at most; 0: none are counted."
    )
    shifts: int = Field(
        0,
        ge=0,
        le=limits.SHIFTS,
        description="Series: copies of each trace that are learned besides, with a position left out or repeated.",
    )
    noised: float = Field(0.25, ge=0, le=1, description="Share of the traces whose rows are noised in training.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout in training.")

    @model_validator(mode="after")
    def _can_be(self) -> RowOptions:
        _check_heads(self.width, self.heads)
        if self.shifts and self.image == "fields":
            raise InputError("--image gasf or series with --shifts", "--image fields", "leave --shifts out")
        return self

    @property
    def backend(self) -> str:
        """The key in BACKENDS."""
        return "fields" if self.image == "fields" else "rows"

    @property
    def suffix(self) -> str:
        """Of a file that such a model can generate."""
        return ".pcap" if self.image == "fields" else ".parquet"


class UNetOptions(SharedOptions):
    """Of the published U-Net on GASF images."""

    schedule: ClassVar[str] = "cosine"

    network: Literal["unet"] = "unet"
    image: Annotated[Literal["gasf"], BeforeValidator(_gasf_alone)] = Field(
        "gasf", description="What is diffused: GASF images."
    )
    scale: Literal["empirical", "minmax", "log"] = Field("minmax", description="Scale of values.")
    length: int = Field(ge=2, le=limits.LENGTH, description="Positions of a trace, pixels of its image.")
    width: int = Field(128, ge=8, le=limits.UNET_WIDTH, description="Channels of the first level.")
    depth: int = Field(3, ge=1, le=limits.UNET_BLOCKS, description="Residual blocks per level.")
    heads: int = Field(4, ge=1, le=limits.HEADS, description="Attention heads.")
    batch: int | None = Field(4, ge=1, le=limits.BATCH, description="Images per training step.")
    learning_rate: float = Field(1e-4, gt=0, le=1, description="Learning rate.")
    timesteps: int = Field(1000, ge=2, le=limits.TIMESTEPS, description="Diffusion steps T.")
    ema: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Rate of the published average of weights; default: the last tenth.",
    )

    @model_validator(mode="after")
    def _has_whole_heads(self) -> UNetOptions:
        _check_heads(self.width, self.heads)
        return self

    @property
    def backend(self) -> str:
        """The key in BACKENDS."""
        return "unet"

    @property
    def suffix(self) -> str:
        """Of a file that such a model can generate."""
        return ".parquet"


def _check_heads(width: int, heads: int) -> None:
    if width % heads or width % 2:
        raise InputError(f"an even width that {heads} heads divide", str(width), "correct width or heads")


Size = Annotated[int, Field(ge=1, le=limits.LABELS)]


class ShapeManifest(Manifest):
    """The sizes of an imported U-Net; diffusion/unet_shape.py says which there can be."""

    channels_in: Size
    channels_out: Size
    width: Size
    multipliers: list[Size] = Field(min_length=1, max_length=limits.UNET_LEVELS)
    blocks: Size
    attention: list[Size] = Field(max_length=limits.UNET_LEVELS)
    heads: Size
    classes: Size | None

    @classmethod
    def of_shape(cls, shape: UNetShape) -> ShapeManifest:
        """A U-Net's sizes as plain values."""
        plain = vars(shape) | {"multipliers": list(shape.multipliers), "attention": sorted(shape.attention)}
        return cls(**plain)

    def shape(self) -> UNetShape:
        """The way back from `of_shape`.

        Raises:
            InputError: there can be no such network.
        """
        plain = dict(self) | {"multipliers": tuple(self.multipliers), "attention": frozenset(self.attention)}
        return UNetShape(**plain)


class ImportedOptions(Config):
    """Of a U-Net that was trained elsewhere: nothing is known of its training but how it is sampled."""

    label_dropout: ClassVar[float] = 0.0
    guidance: ClassVar[float] = 1.0

    network: Literal["imported"] = "imported"
    preset: Literal["imported"] = "imported"
    image: Literal["gasf"] = "gasf"
    timesteps: int = Field(ge=2, le=limits.TIMESTEPS)
    schedule: Literal["cosine", "linear"]
    shape: ShapeManifest

    @property
    def backend(self) -> str:
        """The key in BACKENDS."""
        return "imported"


TrainOptions = RowOptions | UNetOptions | PromptOptions
ModelOptions = RowOptions | UNetOptions | PromptOptions | ImportedOptions
NETWORKS: dict[str, type[RowOptions] | type[UNetOptions]] = {"rows": RowOptions, "unet": UNetOptions}
OPTIONS: dict[str, type[RowOptions] | type[UNetOptions] | type[PromptOptions] | type[ImportedOptions]] = {
    **NETWORKS, PROMPT: PromptOptions, "imported": ImportedOptions,
}  # fmt: skip
PRESETS: dict[str, TrainOptions] = {
    "default": RowOptions.of(),
    "tiny": RowOptions.of(preset="tiny", width=32, depth=2, heads=2, batch=64),
    "netdiffus": UNetOptions.of(preset="netdiffus", length=128),
    "netdiffus2": UNetOptions.of(preset="netdiffus2", length=10, timesteps=100),
}

OFFERED = (
    "image", "preset", "scale", "length", "whole", "minutes", "steps", "balance", "label_dropout", "contexts", "shifts",
    "validation", "patience", "seed", "epsilon", "delta", "unit", "most_per_group", "public",
)  # fmt: skip
"""The options of every preset that `train` offers; the presets set the sizes."""
OF_PROMPTS = ("base", "rank", "resolution", "control", "prompts", "batch_images", "accumulate", "precision", "offload")
"""Those of `--image prompt` alone."""


IMAGES = (*get_args(RowOptions.model_fields["image"].annotation), PROMPT)
"""What `--image` takes."""


def train_options(preset: str = "default", **chosen: Any) -> TrainOptions:
    """The options of a preset with some choices of one's own (None = not chosen).

    Raises:
        InputError: there is no such preset or network, or the choices exclude each other.
    """
    chosen = {name: value for name, value in chosen.items() if value is not None}
    exclusive(minutes="minutes" in chosen, steps="steps" in chosen)
    if chosen.get("image") == PROMPT:
        return prompt_options(preset, **chosen)
    if _named_image(image := chosen.get("image", IMAGES[0])) not in IMAGES:
        raise InputError(f"an image among {', '.join(IMAGES)}", shown(image), "name one of those with --image")
    if odd := sorted(chosen.keys() & OF_PROMPTS):
        raise InputError(f"--image prompt for --{odd[0].replace('_', '-')}", "another image", "add --image prompt")
    if preset not in PRESETS:
        raise InputError(f"a preset among {', '.join(PRESETS)}", shown(preset), "name one of those with --preset")
    options = PRESETS[preset].model_dump(exclude_unset=True) | {"preset": preset} | chosen
    private = "epsilon" in chosen
    if private:
        check_private(preset, PRESETS[preset].backend, chosen)
    network = str(options.get("network", PRESETS[preset].network))
    if network not in NETWORKS:
        raise InputError(f"a network among {', '.join(NETWORKS)}", shown(network), "correct network")
    if "steps" not in chosen and options.get("minutes") is None and not private:
        options["minutes"] = DEFAULT_MINUTES
    return NETWORKS[network].of(**options)


def options_of(config: JsonObject, format: int) -> ModelOptions:
    """The options that stand in a model.json.

    Args:
        format: of that file.

    Raises:
        InputError: they are no options of a network.
    """
    if format == 5:
        config = _of_format_5(config)
    network = config.get("network")
    if not isinstance(network, str) or network not in OPTIONS:
        raise InputError(f"model.json.config.network among {', '.join(OPTIONS)}", shown(network), ACTION)
    try:
        return checked(lambda: OPTIONS[network].model_validate(config), "model.json.config", ACTION)
    except InputError as error:
        words = error.expected if error.expected.startswith("model.json") else f"a model.json with {error.expected}"
        raise InputError(words, error.got, ACTION) from None


def _of_format_5(config: JsonObject) -> JsonObject:
    """Format 5 had the options of both networks in every model, and called imported ones a preset of the U-Net."""
    if config.get("preset") == "imported":
        return config | {"network": "imported"} if config.get("network") == "unet" else config
    own = NETWORKS.get(str(config.get("network")), RowOptions).model_fields
    both = RowOptions.model_fields.keys() | UNetOptions.model_fields.keys()
    return {name: value for name, value in config.items() if name in own or name not in both}
