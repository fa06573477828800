"""What can be chosen in `train --image prompt`: bit images that text steers (docs/prompts.md)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from netdiffus import limits
from netdiffus.config import Entry
from netdiffus.errors import InputError
from netdiffus.models.prompts.facts import TEMPLATES, checked_templates
from netdiffus.models.shared_options import DEFAULT_MINUTES, SharedOptions

PROMPT = "prompt"
"""The value of --image, the network and the backend of such models."""
NONE = "none"
"""The value of --base for a latent diffusion of our own."""
AUTO = "auto"
LEAST_SIDE, MOST_SIDE = 8, 4096
OWN_RATE, ADAPTER_RATE = 8e-4, 1e-4
"""Peak learning rates: of a network from scratch, and of adapters."""
OWN_BATCH, ADAPTER_BATCH = 32, 2
_SIZE = re.compile(r"(\d{1,4})x(\d{1,4})")


def _templates(text: str) -> list[str]:
    """`--prompts FILE` as its templates."""
    try:
        with Path(text).open(encoding="utf-8") as file:
            lines = file.read(1 << 20).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "a text file of templates for --prompts", f"{text}: {error}"[:200], "name such a file"
        ) from None
    return checked_templates(lines, text)


class PromptOptions(SharedOptions):
    """Of a model of bit images that text steers."""

    network: Literal["prompt"] = "prompt"
    preset: Literal["default"] = "default"
    image: Literal["prompt"] = "prompt"
    base: Annotated[str, Entry("FOLDER|none", shown="none")] = Field(
        NONE,
        min_length=1,
        max_length=limits.TEXT,
        description="Prompt: a folder with a Stable Diffusion model (1.5, XL or 3) of your own; 'none': a small model "
        "from scratch.",
    )
    family: Literal["none", "sd15", "sdxl", "sd3"] = "none"
    base_hash: str | None = Field(None, max_length=64)
    rank: int = Field(8, ge=1, le=256, description="Prompt: rank of the adapters (LoRA).")
    resolution: Annotated[str, Entry("auto|HxW", shown=AUTO)] = Field(
        AUTO, description="Prompt: size that pictures are padded to; 'auto': the smallest that the base takes."
    )
    control: bool = Field(False, description="Prompt: train a ControlNet on presence maps, too.")
    prompts: Annotated[list[str], Entry("FILE", shown="three of our own", parse=_templates)] = Field(
        list(TEMPLATES),
        description="Prompt: a file of templates, one a line, with {label}, {protocol}, {packets}, {bytes}, {duration} "
        "and {port}.",
    )
    length: int | None = Field(None, ge=2, le=limits.LENGTH, description="Packets of a picture; default: all.")
    batch_images: int | None = Field(
        None, ge=1, le=limits.BATCH, description="Prompt: images at a time; default 32, or 2 with adapters of a base."
    )
    accumulate: int = Field(1, ge=1, le=1024, description="Prompt: batches whose gradients make one step.")
    precision: Annotated[Literal["fp32", "bf16"], Entry()] = Field(
        "fp32", description="Prompt: arithmetic of the base, 'fp32' or 'bf16'; adapters are always float32."
    )
    offload: bool = Field(
        False, description="Prompt: keep what is not needed at once in the CPU's memory, for a GPU with little."
    )
    width: int = Field(128, ge=16, le=1024, multiple_of=16, description="Channels of the U-Net of --base none.")
    label_dropout: float = Field(0.1, ge=0, lt=1, description="Share of texts hidden in training, for guidance.")
    guidance: float = Field(2.0, ge=0, le=limits.GUIDANCE, description="Default weight of guidance when sampling.")
    validation: Annotated[float, Entry()] = Field(
        0.0, ge=0, lt=1, description="Share of each label's training flows held out to choose the best weights."
    )

    @model_validator(mode="after")
    def _fits(self) -> PromptOptions:
        self.size()
        checked_templates(self.prompts, "prompts")
        return self

    def size(self) -> tuple[int, int] | None:
        """(H, W) that is asked for; None: the smallest.

        Raises:
            InputError: `resolution` is no size.
        """
        if self.resolution == AUTO:
            return None
        found = _SIZE.fullmatch(self.resolution)
        height, width = (int(found[1]), int(found[2])) if found else (0, 0)
        if not all(LEAST_SIDE <= side <= MOST_SIDE for side in (height, width)):
            words = f"--resolution auto, or HxW with sides from {LEAST_SIDE} to {MOST_SIDE}"
            raise InputError(words, repr(self.resolution[:40]), "correct --resolution")
        return height, width

    @property
    def batch(self) -> int:
        """Images of a batch."""
        return self.batch_images or (OWN_BATCH if self.base == NONE else ADAPTER_BATCH)

    @property
    def backend(self) -> str:
        """The key in BACKENDS."""
        return PROMPT

    @property
    def suffix(self) -> str:
        """Of a file that such a model can generate."""
        return ".pcap"


def prompt_options(preset: str, **chosen: Any) -> PromptOptions:
    """The options with some choices of one's own.

    Raises:
        InputError: a choice that such a model does not have, or out of its range.
    """
    if preset != "default":
        raise InputError("no --preset beside --image prompt", preset[:40], "leave --preset out")
    odd = sorted(chosen.keys() - PromptOptions.model_fields.keys())
    if odd or chosen.get("scale", "empirical") != "empirical":  # a loaded model names its default
        name = (odd or ["scale"])[0].replace("_", "-")
        raise InputError("options that have a meaning for --image prompt", f"--{name}", f"leave --{name} out")
    if "steps" not in chosen and "minutes" not in chosen:
        chosen["minutes"] = DEFAULT_MINUTES
    rate = OWN_RATE if chosen.get("base", NONE) == NONE else ADAPTER_RATE
    return PromptOptions.of(**{"learning_rate": rate} | chosen)
