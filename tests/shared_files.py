"""Files that tests compare with: shipped reference numbers, and files beside the checkout that are never shipped."""

import lzma
from pathlib import Path

import pytest
from safetensors.numpy import load, load_file

SHARED = Path(__file__).parents[2] / "shared"
SHIPPED = Path(__file__).parent / "parity"


def shared(name: str) -> Path:
    """The path of a file or folder in ../shared, or a skip."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"../shared/{name} is not here")
    return path


def parity(name: str) -> dict:
    """The arrays of a file of reference numbers: the shipped one, else that in ../shared/parity, or a skip."""
    packed = SHIPPED / f"{name}.xz"
    return load(lzma.decompress(packed.read_bytes())) if packed.exists() else load_file(shared(f"parity/{name}"))
