"""Channels of a trace as channels of an image: size and direction fold into one signed size, and unfold again.

A packet that goes up with s bytes of payload becomes -(s + 1), one that goes down s: empty packets keep their
direction too, and the fold is exact both ways.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netdiffus.arrays import Floats

FOLDED = "signed_size"


def image_channels(channels: Sequence[str]) -> list[str]:
    """The names of the image's channels for a trace's channels."""
    if "size" in channels and "direction" in channels:
        return [FOLDED] + [name for name in channels if name not in ("size", "direction")]
    return list(channels)


def fold(series: Floats, channels: Sequence[str], *, empty_up: bool = True) -> Floats:
    """Traces (N, C, n) → (N, C', n) in the order of `image_channels`; NaN (absent) stays NaN."""
    column = {name: series[:, k] for k, name in enumerate(channels)}
    if FOLDED in image_channels(channels):
        column[FOLDED] = np.where(column["direction"] == 1, column["size"], -column["size"] - empty_up)
    return np.stack([column[name] for name in image_channels(channels)], axis=1)


def unfold(folded: Floats, channels: Sequence[str], *, empty_up: bool = True) -> Floats:
    """The way back from `fold`: (N, C', n) → (N, C, n)."""
    column = {name: folded[:, k] for k, name in enumerate(image_channels(channels))}
    if FOLDED in column:
        signed = column[FOLDED]
        up = signed < 0
        column["size"] = np.where(up, -signed - empty_up, signed)
        column["direction"] = np.where(np.isnan(signed), np.nan, np.where(up, 0.0, 1.0))
    return np.stack([column[name] for name in channels], axis=1)
