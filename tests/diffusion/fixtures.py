"""Reference numbers of the published network, as tensors and networks: `s10` is shipped, a test of `rgb` may skip."""

import json
import lzma
from collections import OrderedDict
from functools import cache
from pathlib import Path

import torch
from safetensors import safe_open

from netdiffus.diffusion.unet import UNet, UNetShape
from shared_files import SHIPPED, parity, shared

FILES = {"rgb": "unet_rgb.safetensors", "s10": "unet_series10.safetensors"}
PROCESS = {"rgb": "diffusion.safetensors", "s10": "diffusion_series10.safetensors"}
FOLDERS = {"rgb": "checkpoint_rgb", "s10": "checkpoint_series10"}
SHAPES = {
    "rgb": UNetShape(3, 6, 32, (1, 1, 2), 1, frozenset({2, 4}), 4, 20),
    "s10": UNetShape(1, 2, 32, (1, 2), 1, frozenset({1}), 4, 14),
}
STEPS = {"rgb": 1000, "s10": 100}


@cache
def arrays(name: str) -> dict:
    """The arrays of a file of reference numbers, read once."""
    return parity(name)


def tensors(name: str) -> dict[str, torch.Tensor]:
    """The tensors of a file of reference numbers."""
    return {key: torch.from_numpy(value.copy()) for key, value in arrays(name).items()}


def parameter_order(kind: str) -> list[str]:
    """The names of all parameters, in the reference's order."""
    packed = SHIPPED / f"{FILES[kind]}.xz"
    if packed.exists():
        raw = lzma.decompress(packed.read_bytes())
        metadata = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
    else:
        with safe_open(shared(f"parity/{FILES[kind]}"), "np") as file:
            metadata = file.metadata()
    return json.loads(metadata["param_order"])


def weights(kind: str) -> dict[str, torch.Tensor]:
    """The network's weights under the reference's names, in its order."""
    found = tensors(FILES[kind])
    return {name: found[f"sd.{name}"].float() for name in parameter_order(kind)}


def network(kind: str) -> UNet:
    """The network with the reference's weights."""
    made = UNet(SHAPES[kind])
    made.load_state_dict(weights(kind))
    return made.eval()


def checkpoint(tmp_path: Path, folder: str, name: str) -> Path:
    """A checkpoint as the reference's training wrote it, decompressed, or a skip."""
    path = tmp_path / f"{folder}-{name}"
    path.write_bytes(lzma.decompress(shared(f"parity/{folder}/{name}.xz").read_bytes()))
    return path


def rewritten(tmp_path: Path) -> Path:
    """The shipped weights in a checkpoint of the same form: an ordered dictionary of parameters that take gradients."""
    parameters = OrderedDict((name, torch.nn.Parameter(value)) for name, value in weights("s10").items())
    torch.save(parameters, tmp_path / "model010000.pt")
    return tmp_path / "model010000.pt"
