"""The shipped reference numbers are those they were taken from, and small."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from shared_files import SHIPPED, parity, shared

SOURCES = {
    "unet_series10.safetensors": "unet_series10.safetensors",
    "diffusion_series10.safetensors": "diffusion.safetensors",
    "schedule.safetensors": "schedule.safetensors",
    "gasf_short.safetensors": "gasf.safetensors",
}


def test_every_file_is_listed_with_its_licence() -> None:
    readme = (SHIPPED / "README.md").read_text(encoding="utf-8")
    assert {path.name.removesuffix(".xz") for path in SHIPPED.glob("*.xz")} == set(SOURCES)
    assert all(f"`{name}`" in readme for name in SOURCES)
    assert "Copyright (c) 2021 OpenAI" in (SHIPPED / "LICENSE").read_text(encoding="utf-8")
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 1_500_000


@pytest.mark.parametrize("name", SOURCES)
def test_arrays_equal_their_source(name) -> None:
    source = load_file(shared(f"parity/{SOURCES[name]}"))
    shipped = parity(name)
    assert shipped
    for key, array in shipped.items():
        assert array.dtype == source[key].dtype
        assert np.array_equal(array, source[key]), key
