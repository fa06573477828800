"""What every model is: fitted to a dataset's training part, sampled, asked for losses, and kept as named tensors.

A backend is a class in a file of its own, named in BACKENDS (backends.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from netdiffus.arrays import Floats
from netdiffus.metrics import Traces
from netdiffus.models.fitting import Fitting, TrainingPart
from netdiffus.models.manifest import ModelManifest
from netdiffus.models.sampling import Draw, Form, Request
from netdiffus.models.weights import SavedWeights


class Model(Protocol):
    """A trained model."""

    @property
    def manifest(self) -> ModelManifest:
        """What model.json says of it."""

    @property
    def hash(self) -> str:
        """Of its weights: names the model in what it draws."""

    @property
    def forms(self) -> tuple[Form, ...]:
        """What its draws can become."""

    @classmethod
    def fit(cls, part: TrainingPart, options: Any, device: torch.device) -> Fitting:
        """Begin the training of such a model.

        Raises:
            InputError: the part cannot be learned from.
        """

    @classmethod
    def from_state(cls, manifest: ModelManifest, saved: SavedWeights, device: torch.device) -> Self:
        """The model that a manifest and weights describe.

        Raises:
            InputError: the weights do not fit the manifest.
        """

    def state(self) -> dict[str, Tensor]:
        """Its weights by name."""

    @property
    def batch(self) -> int:
        """Traces that are drawn at a time: those of a block of a request."""

    def sample(self, request: Request) -> Iterator[Draw]:
        """Draw a trace for each label id of a request, a batch at a time.

        Raises:
            InputError: the model cannot be sampled that way.
        """

    def losses(self, traces: Traces) -> Floats:
        """How badly the model explains each trace (N,): minus its log-likelihood, or the training's loss.

        Raises:
            InputError: its draws are no traces.
        """
