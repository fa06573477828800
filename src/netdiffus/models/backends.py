"""The backends, and the model in a folder."""

from __future__ import annotations

from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.models.device import choose_device
from netdiffus.models.fitting import Fitting, TrainingPart
from netdiffus.models.manifest import read_model
from netdiffus.models.model import Model
from netdiffus.models.options import TrainOptions
from netdiffus.models.packets import PacketModel
from netdiffus.models.prompt_options import PromptOptions
from netdiffus.models.prompts.model import PromptModel
from netdiffus.models.rows import RowModel
from netdiffus.models.unet import UNetModel
from netdiffus.models.weights import SavedWeights

BACKENDS: dict[str, type[Model]] = {
    "rows": RowModel, "fields": PacketModel, "unet": UNetModel, "prompt": PromptModel, "imported": UNetModel,
}  # fmt: skip
"""By the `backend` of a model's options."""


def load_model(folder: Path, base: Path | None = None) -> Model:
    """The model in a folder, ready to draw from.

    Args:
        base: where the base of its adapters lies; None: where it was in training.

    Raises:
        InputError: it is no model of a format that can be read, or its weights do not fit its options.
    """
    manifest = read_model(folder)
    if base is not None and not isinstance(manifest.options, PromptOptions):
        raise InputError(
            "a model of prompts (train --image prompt) for --base", f"another at {folder}", "leave --base out"
        )
    return BACKENDS[manifest.options.backend].from_state(manifest, SavedWeights(folder, base), choose_device())


def fit_model(part: TrainingPart, options: TrainOptions) -> Fitting:
    """Begin a training.

    Raises:
        InputError: the part cannot be learned from.
    """
    return BACKENDS[options.backend].fit(part, options, choose_device())
