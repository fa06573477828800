"""TrafficModel: a model object in the style of scikit-learn."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.api.verbs import PathLike, Progress, run, train
from netdiffus.errors import InputError
from netdiffus.models.backends import load_model
from netdiffus.models.continuation import Beginnings, log_likelihoods, row_by_row
from netdiffus.models.model import Model
from netdiffus.steps.generate import draw, draw_continued
from netdiffus.steps.outputs.capture_config import CaptureConfig
from netdiffus.steps.outputs.generate_config import GenerateConfig
from netdiffus.steps.outputs.order import Order
from netdiffus.store.model import copy_model


class TrafficModel:
    """A model to fit and sample: `TrafficModel(minutes=3).fit("dataset").sample({"netflix": 100}, seed=0)`.

    Args:
        options: those of `netdiffus.train`: preset, image, length, minutes, steps, seed.
    """

    def __init__(self, **options: Any) -> None:
        self.options = options
        self._folder: Path | None = None
        self._loaded: Model | None = None

    def fit(self, dataset: PathLike, *, on_progress: Progress | None = None) -> TrafficModel:
        """Train on the training part of a dataset folder; returns self."""
        scratch = tempfile.mkdtemp(prefix="netdiffus-")
        weakref.finalize(self, shutil.rmtree, scratch, ignore_errors=True)
        self._folder = train(dataset, Path(scratch) / "model", on_progress=on_progress, **self.options)
        self._loaded = None
        return self

    @classmethod
    def load(cls, folder: PathLike) -> TrafficModel:
        """Load a model folder written by `save` or `netdiffus train`."""
        loaded = load_model(Path(folder))
        model = cls(**loaded.manifest.options.model_dump(exclude_none=True))
        model._folder, model._loaded = Path(folder), loaded
        return model

    def sample(self, count: int | dict[str, int] = 1000, *, seed: int = 0, **options: Any) -> pl.DataFrame:
        """Sample traces, in total or per label; options: balance, guidance, window, sampling_steps, length.

        Returns:
            A table with the columns of traces.parquet, split = "synthetic".
        """
        model, config = self._model(), GenerateConfig.of(count=count, seed=seed, **options)
        return run(draw(model, config))

    def continued(self, beginnings: pl.DataFrame, *, seed: int = 0, **options: Any) -> pl.DataFrame:
        """Continue given beginnings: one trace per row of a table with `label` and the channels of the model.

        Options: length, window, sampling_steps, guidance.

        Raises:
            InputError: it is a packet model or a published one, or it does not know a label or lacks a channel.
        """
        model = row_by_row(self._model())
        order = Order(model, Path(), GenerateConfig.of(seed=seed, **options), CaptureConfig.of())
        return run(draw_continued(order, Beginnings.of(model, beginnings)))

    def log_likelihood(self, traces: pl.DataFrame) -> NDArray[np.float64]:
        """The log-likelihood (N,) in nats of each trace given its label, for a table with `label` and the channels.

        It is the likelihood of the codes: values that share a code are not distinguished, and unseen values count as
        the nearest observed one. Exact for models without coarse rows, a lower bound with them. Of a trace longer than
        the model's length, only the first rows count.

        Raises:
            InputError: it is a packet model or a published one, or it does not know a label or lacks a channel.
        """
        return log_likelihoods(row_by_row(self._model()), traces)

    def save(self, folder: PathLike) -> Path:
        """Write the model folder; returns its path.

        Raises:
            InputError: the folder contains anything but a model of netdiffus, or this model was loaded from it.
        """
        copy_model(self._trained(), Path(folder))
        return Path(folder)

    def _model(self) -> Model:
        if self._loaded is None:
            self._loaded = load_model(self._trained())
        return self._loaded

    def _trained(self) -> Path:
        if self._folder is None:
            raise InputError("a fitted model", "one that was not", "call fit(DATASET) or load(MODEL) first")
        return self._folder
