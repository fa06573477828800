"""Weights of a model folder: compared with what model.json implies before they are read, and made into a network.

Names, shapes and types stand at the head of the file, so nothing is allocated for sizes that do not fit each other.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from netdiffus.diffusion.mixture import Mixture
from netdiffus.errors import InputError
from netdiffus.imaging.codec import GasfCodec
from netdiffus.steps.model_manifest import ModelManifest
from netdiffus.steps.network import Network, build_rows, build_unet, is_unet, label_rows
from netdiffus.store import model as store

META = torch.device("meta")
ACTION = "copy the model again, or train again"


def load_network(folder: Path, found: ModelManifest, device: torch.device) -> Network:
    """The network of a model folder with its averaged weights, ready to draw from.

    Raises:
        InputError: the weights do not fit the manifest, or hold values that cannot be.
    """
    header = store.weights_header(folder)
    expected = _expected(found, header)
    _compare({name: (tuple(value.shape), value.dtype) for name, value in expected.items()}, header)
    weights = store.read_weights(folder)
    _check_values(weights)
    network = _build(found, weights, device)
    network.load_state_dict(weights)
    return network.eval()


def _expected(found: ModelManifest, header: store.Header) -> dict[str, Tensor]:
    """The state of the network that the manifest describes, without memory."""
    config, labels = found.card.config, len(found.card.labels)
    with META:
        if is_unet(config):
            return build_unet(config, found.channels, found.length, labels, META).state_dict()
        codec = _codec(found)
        components, ending = (_rows(header, f"mixture.{name}") for name in ("log_weight", "ending"))
        groups = label_rows(config, labels)
        tables = [torch.empty(components, codec.length, len(alphabet)) for alphabet in codec.alphabets]
        mixture = Mixture(
            torch.empty(components),
            tables,
            torch.empty(components, codec.length + 1),
            torch.arange(groups + 1, device="cpu"),
            torch.arange(min(ending, len(tables)), device="cpu"),
        )
        centres = [torch.empty(len(alphabet), dtype=torch.float64) for alphabet in codec.alphabets]
        return build_rows(config, codec.length, centres, mixture, META).state_dict()


def _codec(found: ModelManifest) -> GasfCodec:
    if found.codec is None:
        raise InputError("a codec with a scale for the row denoiser", "none", ACTION)
    return found.codec


def _rows(header: store.Header, name: str) -> int:
    shape, _ = header.get(name, ((), None))
    if len(shape) != 1:
        raise InputError(f"weights with {name} of one dimension", str(shape) if name in header else "none", ACTION)
    return shape[0]


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
    """Raise InputError for NaN and infinity; what is impossible has the logarithm -inf in a mixture alone."""
    for name, value in weights.items():
        finite = ~(value.isnan() | value.isposinf()) if name.startswith("mixture.log_") else value.isfinite()
        if not bool(finite.all()):
            raise InputError(f"finite numbers in the weights {name}", "NaN or infinity", ACTION)


def _build(found: ModelManifest, weights: dict[str, Tensor], device: torch.device) -> Network:
    config = found.card.config
    if is_unet(config):
        return build_unet(config, found.channels, found.length, len(found.card.labels), device)
    codec = _codec(found)
    mixture = Mixture.from_state(weights, "mixture.", found.channels)
    return build_rows(config, codec.length, [torch.from_numpy(z) for z in codec.centres], mixture, device)
