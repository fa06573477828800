"""Presence maps of a capture's flows, which steer a model of prompts with a ControlNet."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from netdiffus.arrays import Levels
from netdiffus.compiler.tables import rows_of_tables
from netdiffus.errors import InputError
from netdiffus.models.model import Model
from netdiffus.models.prompt_options import PromptOptions
from netdiffus.models.prompts.codec import PromptCodec
from netdiffus.models.prompts.images import images_of
from netdiffus.models.whole_flows import check_rows
from netdiffus.steps.prepare import prepare
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.store.dataset import read_dataset, read_packets


def presence_maps(model: Model, capture: Path) -> tuple[Levels, ...]:
    """Which bits the packets of each of a capture's flows have: (rows, K) of a model's pictures, 0 or -1.

    Raises:
        InputError: the model has no ControlNet, or the capture has no flows that can be shown.
    """
    options, codec = model.manifest.options, model.manifest.codec
    if not isinstance(options, PromptOptions) or not isinstance(codec, PromptCodec) or not options.control:
        raise InputError("a model trained with --control for --control", "one without", "leave --control out")
    with TemporaryDirectory() as below:
        folder = Path(below) / "dataset"
        wanted = PrepareConfig.of(unlabelled=True, test=0.0, packets=codec.rgb.rows, min_packets=1)
        for _ in prepare([capture], folder, wanted):
            pass
        rows, left_out = rows_of_tables(read_dataset(folder)[1], read_packets(folder))
    check_rows(len(rows), left_out)
    images = images_of(rows, left_out, codec.rgb.rows)
    shown = (codec.rgb.shown(images.image(place)) for place in range(len(images)))
    return tuple(np.minimum(each, 0).astype(np.int8) for each in shown)
