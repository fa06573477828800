"""Types of arrays by what they hold; shapes and units stand where an array is taken or returned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Levels = NDArray[np.int8]
"""Values of few steps, such as -1, 0 and 1 of bits that are absent, clear or set."""
