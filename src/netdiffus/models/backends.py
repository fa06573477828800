"""The backends, and the model in a folder."""

from __future__ import annotations

from pathlib import Path

from netdiffus.models.device import choose_device
from netdiffus.models.fitting import Fitting, TrainingPart
from netdiffus.models.manifest import read_model
from netdiffus.models.model import Model
from netdiffus.models.options import TrainOptions
from netdiffus.models.packets import PacketModel
from netdiffus.models.rows import RowModel
from netdiffus.models.unet import UNetModel
from netdiffus.models.weights import SavedWeights

BACKENDS: dict[str, type[Model]] = {"rows": RowModel, "fields": PacketModel, "unet": UNetModel, "imported": UNetModel}
"""By the `backend` of a model's options."""


def load_model(folder: Path) -> Model:
    """The model in a folder, ready to draw from.

    Raises:
        InputError: it is no model of a format that can be read, or its weights do not fit its options.
    """
    manifest = read_model(folder)
    return BACKENDS[manifest.options.backend].from_state(manifest, SavedWeights(folder), choose_device())


def fit_model(part: TrainingPart, options: TrainOptions) -> Fitting:
    """Begin a training.

    Raises:
        InputError: the part cannot be learned from.
    """
    return BACKENDS[options.backend].fit(part, options, choose_device())
