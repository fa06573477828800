"""A codec per label: each label's values are scaled through that label's own distribution.

The model draws a trace for a label that is known, so its scale can be known too. Every label's marginals are then
uniform to the model: a value that only a rare label sends has as wide an interval there as it deserves, and what is
left to learn is how the positions of a trace hang together. Scales that are ranges are the same for all labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.imaging.codec import GasfCodec
from netdiffus.imaging.scales import PER_LABEL, scale_from_json

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class LabelCodec:
    """One GasfCodec for each label id from 0, all of the same channels and length. Labels are given as ids (N,)."""

    codecs: tuple[GasfCodec, ...]

    @classmethod
    def fit(
        cls, series: Floats, channels: Sequence[str], ids: Ids, scale: str = "empirical", angle: str = "normal"
    ) -> LabelCodec:
        """The codecs of training series (N, C, n), NaN = absent; every id from 0 to the largest must occur."""
        classes = int(ids.max()) + 1
        if scale not in PER_LABEL:
            return cls((GasfCodec.fit(series, channels, scale, angle),) * classes)
        return cls(tuple(GasfCodec.fit(series[ids == k], channels, scale, angle) for k in range(classes)))

    @property
    def channels(self) -> tuple[str, ...]:
        """The trace's channels."""
        return self.codecs[0].channels

    @property
    def length(self) -> int:
        """Positions of a trace, n."""
        return self.codecs[0].length

    @property
    def image_channels(self) -> list[str]:
        """Names of the image's channels."""
        return self.codecs[0].image_channels

    def intervals(self, series: Floats, ids: Ids) -> tuple[Floats, Floats]:
        """Lower and upper u (N, C', n) of each value's interval; training draws uniformly between them."""
        ends = self._by_label(series, ids, lambda codec, part: np.stack(codec.intervals(part), axis=1))
        return ends[:, 0], ends[:, 1]

    def encode(self, series: Floats, ids: Ids, rng: np.random.Generator | None = None) -> Floats:
        """Images (N, C', n, n) in [-1, 1] of series (N, C, n)."""
        return self._by_label(series, ids, lambda codec, part: codec.encode(part, rng))

    def decode(self, images: Floats, ids: Ids) -> Floats:
        """Series (N, C, n) of images (N, C', n, n), by the whole image; NaN past the end."""
        return self._by_label(images, ids, lambda codec, part: codec.decode(part))

    def from_quantiles(self, z: Floats, ids: Ids) -> Floats:
        """Series (N, C, n) of z (N, C', n)."""
        return self._by_label(z, ids, lambda codec, part: codec.from_quantiles(part))

    def _by_label(self, array: Floats, ids: Ids, work: Callable[[GasfCodec, Floats], Floats]) -> Floats:
        rows = [np.flatnonzero(ids == k) for k in range(len(self.codecs))]
        done = np.concatenate([work(codec, array[part]) for codec, part in zip(self.codecs, rows, strict=True)])
        back = np.empty_like(done)
        back[np.concatenate(rows)] = done
        return back

    def to_json(self) -> dict[str, Any]:
        """Everything that decoding needs, as plain values."""
        return {
            "codec": "gasf",
            "channels": list(self.channels),
            "length": self.length,
            "angle": self.codecs[0].angle,
            "empty_up": self.codecs[0].empty_up,
            "scales": [[scale.to_json() for scale in codec.scales] for codec in self.codecs],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LabelCodec:
        """The way back from `to_json`, exact; what older models do not name is as it was then."""
        channels, length = tuple(data["channels"]), data["length"]
        angle, empty_up = data.get("angle", "normal"), data.get("empty_up", True)
        scales = [tuple(scale_from_json(scale) for scale in part) for part in data["scales"]]
        return cls(tuple(GasfCodec(channels, length, part, angle, empty_up) for part in scales))
