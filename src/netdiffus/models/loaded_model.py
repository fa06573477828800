"""A model folder in memory: its network, ready to draw from, and what its codes mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netdiffus.diffusion.causal import CausalDenoiser
from netdiffus.diffusion.forcing import Rows
from netdiffus.diffusion.unet import UNet
from netdiffus.errors import InputError
from netdiffus.imaging.coarse import CoarseCodebook
from netdiffus.imaging.codec import GasfCodec
from netdiffus.models.device import choose_device
from netdiffus.models.manifest import read_model
from netdiffus.models.network import Network, build_rows
from netdiffus.models.packets import PacketCodec
from netdiffus.models.sampling import UNET_BUDGET
from netdiffus.models.weights import load_network
from netdiffus.store import model as store
from netdiffus.store.cards import ModelCard

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]

BATCH_BUDGET = 1_500_000  # floats of one batch of images: bounds memory, and keeps a batch in the cache
KEPT_BUDGET = 1 << 25  # floats of the keys of a batch
NO_SCALE = "import it again with --scale, or draw images: --out FOLDER or FILE.npz"


@dataclass(frozen=True)
class LoadedModel:
    """A model folder in memory."""

    card: ModelCard
    codec: GasfCodec | None  # None: images are all that can be drawn (imported without a scale)
    network: Network
    hash: str
    packets: PacketCodec | None = None  # of a model of packets
    rows: Rows | None = None  # of a causal denoiser
    coarse: CoarseCodebook | None = None  # of one that draws coarse rows first

    @property
    def channels(self) -> int:
        """C of the images."""
        return len(self.codec.image_channels) if self.codec else len(self.card.codec["channels"])

    @property
    def scaled(self) -> GasfCodec:
        """The codec of a model whose images are traces.

        Raises:
            InputError: the model has no scale.
        """
        if self.codec is None:
            raise InputError(
                "a model that knows the scale of its images, for traces", "one that was imported without", NO_SCALE
            )
        return self.codec

    @property
    def length(self) -> int:
        """Rows of an image."""
        return int(self.card.codec["length"])


def load_model(folder: Path) -> LoadedModel:
    """The model in a folder, ready to draw from.

    Raises:
        InputError: it is no model of this format, or its weights do not fit its configuration.
    """
    found, device = read_model(folder), choose_device()
    network, rows = load_network(folder, found, device), None
    if isinstance(network, CausalDenoiser) and found.codec is not None:
        rows = build_rows(found.card.config, found.codec, device)
    return LoadedModel(found.card, found.codec, network, store.model_hash(folder), found.packets, rows, found.coarse)


def series_of(model: LoadedModel, codes: Ids) -> Floats:
    """z (B, C, n) of codes (B, C, n)."""
    return np.stack([centres[codes[:, k]] for k, centres in enumerate(model.scaled.centres)], axis=1)


def batch_size(model: LoadedModel) -> int:
    """Traces that are drawn at a time."""
    if isinstance(model.network, UNet):
        return max(1, min(512, BATCH_BUDGET // (model.channels * model.length**2 * UNET_BUDGET)))
    return max(1, min(512, KEPT_BUDGET // (model.network.rows * model.network.width * len(model.network.blocks))))
