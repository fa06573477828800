"""Weights of a model folder: compared with what model.json implies before they are read, and made into a network.

Names, shapes and types stand at the head of the file, so nothing is allocated for sizes that do not fit each other.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from netdiffus.errors import InputError
from netdiffus.imaging.codec import GasfCodec
from netdiffus.models.manifest import ModelManifest
from netdiffus.models.network import Network, build_causal, build_unet, is_unet, label_rows
from netdiffus.store import model as store

META = torch.device("meta")
ACTION = "copy the model again, or train again"


def load_network(folder: Path, found: ModelManifest, device: torch.device) -> Network:
    """The network of a model folder with its averaged weights, ready to draw from.

    Raises:
        InputError: the weights do not fit the manifest, or hold values that cannot be.
    """
    header = store.weights_header(folder)
    expected = _build(found, META).state_dict()
    _compare({name: (tuple(value.shape), value.dtype) for name, value in expected.items()}, header)
    weights = store.read_weights(folder)
    _check_values(weights)
    network = _build(found, device)
    network.load_state_dict(weights)
    return network.eval()


def _build(found: ModelManifest, device: torch.device) -> Network:
    """The network that the manifest describes, untrained; on the meta device it takes no memory."""
    config, labels = found.card.config, len(found.card.labels)
    if is_unet(config):
        with device:
            return build_unet(config, found.channels, found.length, labels, device)
    codec, coarse, rows = _codec(found), found.coarse, label_rows(config, labels)
    with device:
        fine = [torch.empty(rows, codec.length, len(alphabet)) for alphabet in codec.alphabets]
        small = [] if coarse is None else [torch.empty(rows, coarse.rows, len(z)) for z in coarse.centres]
    return build_causal(config, codec, coarse, (fine, small), device)


def _codec(found: ModelManifest) -> GasfCodec:
    if found.codec is None:
        raise InputError("a codec with a scale for the row denoiser", "none", ACTION)
    return found.codec


def _compare(expected: store.Header, header: store.Header) -> None:
    if odd := sorted(expected.keys() ^ header.keys()):
        have = "the unknown" if odd[0] in header else "no"
        raise InputError(f"the {len(expected)} weights that fit model.json", f"{have} {odd[0][:60]!r}", ACTION)
    for name, wanted in expected.items():
        if header[name] != wanted:
            (shape, dtype), (other, other_dtype) = wanted, header[name]
            raise InputError(
                f"weights that fit model.json: {name} of {shape}, {dtype}", f"{other}, {other_dtype}", ACTION
            )


def _check_values(weights: dict[str, Tensor]) -> None:
    """Raise InputError for NaN and infinity."""
    for name, value in weights.items():
        if not bool(value.isfinite().all()):
            raise InputError(f"finite numbers in the weights {name}", "NaN or infinity", ACTION)
