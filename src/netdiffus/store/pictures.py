"""Pictures (.png) of strangers: their size stands at their head, and is bounded before they are unpacked."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from netdiffus import limits
from netdiffus.arrays import Bytes
from netdiffus.errors import InputError


def read_pixels(path: Path, mode: str) -> tuple[Bytes, dict[Any, Any]]:
    """The pixels of a .png picture in a mode of Pillow's ("L" or "RGB"), and the texts in it.

    Raises:
        InputError: it is no such picture, or has more than limits.PIXELS pixels.
    """
    from PIL import Image

    most = f"a picture of at most {limits.PIXELS:,} pixels"
    bomb = Image.DecompressionBombWarning
    try:
        with warnings.catch_warnings(action="error", category=bomb), Image.open(path, formats=["PNG"]) as picture:
            width, height = picture.size
            if width * height > limits.PIXELS:
                raise InputError(most, f"{path} of {width:,} x {height:,}", "cut it")
            return np.asarray(picture.convert(mode)), dict(picture.info)
    except (Image.DecompressionBombError, bomb):
        raise InputError(most, f"{path} of far more", "cut it") from None
    except (OSError, ValueError, SyntaxError, struct.error, zlib.error, EOFError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError("a .png picture", f"{path}: {said[:200]}", "check the file") from None
