"""The numeric fixtures of the published network, as tensors and networks; each test that asks for one skips without."""

import json
import lzma

import torch

from netdiffus.diffusion.unet import UNet, UNetShape
from shared_files import parity, shared

FILES = {"rgb": "unet_rgb.safetensors", "s10": "unet_series10.safetensors"}
FOLDERS = {"rgb": "checkpoint_rgb", "s10": "checkpoint_series10"}
SHAPES = {
    "rgb": UNetShape(3, 6, 32, (1, 1, 2), 1, frozenset({2, 4}), 4, 20),
    "s10": UNetShape(1, 2, 32, (1, 2), 1, frozenset({1}), 4, 14),
}
STEPS = {"rgb": 1000, "s10": 100}


def tensors(name: str) -> dict[str, torch.Tensor]:
    """The tensors of a fixture file."""
    return {key: torch.from_numpy(value) for key, value in parity(name).items()}


def parameter_order(kind: str) -> list[str]:
    """The names of all parameters, in the reference's order."""
    from safetensors import safe_open

    with safe_open(shared(f"parity/{FILES[kind]}"), "np") as file:
        return json.loads(file.metadata()["param_order"])


def network(kind: str) -> UNet:
    """The network with the fixture's weights."""
    made = UNet(SHAPES[kind])
    made.load_state_dict({key[3:]: value.float() for key, value in tensors(FILES[kind]).items() if key[:3] == "sd."})
    return made.eval()


def checkpoint(tmp_path, folder: str, name: str):
    """A checkpoint as the reference's training wrote it, decompressed."""
    path = tmp_path / f"{folder}-{name}"
    path.write_bytes(lzma.decompress(shared(f"parity/{folder}/{name}.xz").read_bytes()))
    return path
