"""Arrays of integers in a manifest: base64 (RFC 4648) of their bytes, little-endian. Lists of millions are slow."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from netdiffus import limits
from netdiffus.arrays import Ints

Packed = Annotated[str, Field(max_length=limits.MANIFEST_BYTES)]
"""An array in a manifest."""


def pack(array: NDArray[Any]) -> str:
    """Integers of any shape, as numbers of 64 bits."""
    return base64.b64encode(np.ascontiguousarray(array, "<i8").tobytes()).decode("ascii")


def unpack(text: str, *shape: int) -> Ints:
    """The way back; -1 in the shape stands for whatever is there.

    Raises:
        ValueError: it is no such array.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("with arrays in base64") from None
    if len(data) % 8:
        raise ValueError("with arrays of 64-bit numbers")
    return np.frombuffer(data, "<i8").astype(np.int64).reshape(shape)
