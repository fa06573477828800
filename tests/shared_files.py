"""Files beside the checkout that are never shipped: a test that reads one skips, visibly, where it is absent."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"


def shared(name: str) -> Path:
    """The path of a file or folder in ../shared, or a skip."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"../shared/{name} is not here")
    return path


def parity(name: str) -> dict:
    """The arrays of a numeric fixture in ../shared/parity, or a skip."""
    from safetensors.numpy import load_file

    return load_file(shared(f"parity/{name}"))
