"""The GASF codec: traces of several channels ↔ images (C, n, n) in [-1, 1], through a scale per channel.

A value becomes u in [0, 1] (scales.py), u becomes z by one of ANGLES, and z the angle

    theta = pi/4 - z * STEP,    z in [-3.5, 3.5],    x = cos(theta) in [0, 1],    G_ij = cos(theta_i + theta_j),

so the image is the GASF of the series x, and its entries are sin(STEP * (z_i + z_j)): nearly linear in z, so z
can be read from a noisy image by linear least squares. "normal" takes z as the normal quantile of u; "direct" is the
published mapping, x = u.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.special import ndtr, ndtri

from netdiffus import limits
from netdiffus.arrays import Floats, Ints
from netdiffus.errors import InputError
from netdiffus.imaging.alphabet import Alphabet, AlphabetManifest
from netdiffus.imaging.channels import fold, image_channels, unfold
from netdiffus.imaging.coarse import CoarseManifest
from netdiffus.imaging.context_manifest import ContextManifest
from netdiffus.imaging.counting import HERE, Counting
from netdiffus.imaging.gasf import from_image, gasf
from netdiffus.imaging.scale import EmpiricalScale
from netdiffus.imaging.scales import Scale, ScaleManifest, fit_scale, scale_of
from netdiffus.manifest import Manifest, Text

Z_MAX = 3.5
STEP = math.pi / 4 / Z_MAX
_TAIL = float(ndtr(-Z_MAX))


def normal_quantile(u: Any, ndtri: Callable[[Any], Any] = ndtri) -> Any:
    """u in [0, 1] → z in [-Z_MAX, Z_MAX], quantiles of the normal distribution, clipped at Z_MAX.

    Plain operators: works on numpy arrays, and on tensors when given torch's `ndtri`.
    """
    return ndtri(_TAIL + u.clip(0.0, 1.0) * (1.0 - 2.0 * _TAIL)).clip(-Z_MAX, Z_MAX)


def uniform(z: Floats) -> Floats:
    """The inverse of `normal_quantile`; z is clipped."""
    return np.asarray(np.clip((ndtr(z) - _TAIL) / (1.0 - 2.0 * _TAIL), 0.0, 1.0))


def direct_angle(u: Any, acos: Callable[[Any], Any] = np.arccos) -> Any:
    """u in [0, 1] → z in [-Z_MAX, Z_MAX] with x = cos(pi/4 - z STEP) = u."""
    return (math.pi / 4 - acos(u.clip(0.0, 1.0))) / STEP


def from_direct_angle(z: Floats) -> Floats:
    """The inverse of `direct_angle`; z is clipped."""
    return np.asarray(np.cos(math.pi / 4 - np.clip(z, -Z_MAX, Z_MAX) * STEP))


@dataclass(frozen=True)
class Angle:
    """How u becomes z and back; `z` works on tensors when given torch's counterpart of its second argument."""

    z: Callable[..., Any]
    u: Callable[[Floats], Floats]


ANGLES = {
    "normal": Angle(normal_quantile, uniform),
    "direct": Angle(direct_angle, from_direct_angle),
}


def images_of(z: Floats) -> Floats:
    """Images (..., n, n) in [-1, 1] of z (..., n)."""
    return gasf(np.cos(math.pi / 4 - z * STEP))


CLASSES = 512  # of an alphabet, unless asked otherwise
MEASURED = ("gap_ns",)  # channels whose values are drawn between known ones


class SeriesManifest(Manifest):
    """A codec of series in a manifest."""

    channels: list[Text] = Field(min_length=1, max_length=limits.CHANNELS)
    length: int = Field(ge=1, le=limits.LENGTH)
    angle: Literal["normal", "direct"]
    empty_up: bool
    scales: list[ScaleManifest] = Field(min_length=1, max_length=limits.CHANNELS)
    alphabets: list[AlphabetManifest] = Field(max_length=limits.CHANNELS)
    coarse: CoarseManifest | None = None  # of a model with coarse rows
    contexts: list[list[ContextManifest]] = Field([], max_length=limits.CHANNELS)  # of each channel's codes

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if len(set(self.channels)) < len(self.channels):
            raise ValueError("with different channels")
        wanted = len(image_channels(self.channels))
        if len(self.scales) != wanted or len(self.alphabets) not in (0, wanted):
            raise ValueError(f"with {wanted} scales, and as many alphabets or none, for {', '.join(self.channels)}")
        if len({len(alphabet.counts) for alphabet in self.alphabets}) > 1:
            raise ValueError("with alphabets of the same labels")
        if self.contexts and len(self.contexts) != wanted:
            raise ValueError(f"with contexts of {wanted} channels")
        if not all(order.looks_back(k, wanted) for k, orders in enumerate(self.contexts) for order in orders):
            raise ValueError("with contexts of codes that are drawn before")
        return self


class GasfManifest(SeriesManifest):
    """What a manifest holds of a GASF codec."""

    codec: Literal["gasf"]


@dataclass(frozen=True)
class GasfCodec:
    """Traces ↔ images.

    Attributes:
        channels: the channels of the trace, in the order of the series' second axis.
        length: positions of a trace, n; longer traces are cut, shorter ones end in *absent*.
        scales: one per channel of the image.
        alphabets: likewise, or none for a codec of images only.
        angle: a name of ANGLES.
        empty_up: whether empty upward packets are distinguished from downward ones (channels.py).
    """

    channels: tuple[str, ...]
    length: int
    scales: tuple[Scale, ...]
    alphabets: tuple[Alphabet, ...] = ()
    angle: str = "normal"
    empty_up: bool = True

    @classmethod
    def fit(
        cls,
        series: Floats,
        channels: Sequence[str],
        scale: str = "empirical",
        angle: str = "normal",
        ids: Ints | None = None,
        classes: int | Sequence[int] = CLASSES,
        names: Container[str] = (),
        counting: Counting = HERE,
    ) -> GasfCodec:
        """The codec of training series (N, C, n), NaN = absent; `scale` is a name of SCALES.

        With label ids (N,) it has alphabets of at most `classes` classes, one number or one per channel. Channels in
        `names` are categorical: their scale is `EmpiricalScale.of_names`. `counting` counts values.
        """
        if series.ndim != 3 or series.shape[1] != len(channels):
            raise InputError(f"series of shape (N, {len(channels)}, n)", f"{series.shape}", "pass one row a channel")
        folded = fold(series, channels)
        columns = [(name, folded[:, k]) for k, name in enumerate(image_channels(channels))]
        scales = tuple(
            EmpiricalScale.of_names(column, counting) if name in names else fit_scale(scale, column, counting)
            for name, column in columns
        )
        most = [classes] * len(scales) if isinstance(classes, int) else classes
        pairs = zip(columns, most, strict=True)
        alphabets = () if ids is None else tuple(Alphabet.fit(column, ids, n, counting) for (_, column), n in pairs)
        return cls(tuple(channels), series.shape[2], scales, alphabets, angle)

    @property
    def image_channels(self) -> list[str]:
        """Names of the image's channels."""
        return image_channels(self.channels)

    @property
    def centres(self) -> list[Floats]:
        """z (K,) of each class, for every channel of the image: the value that the image shows for a class."""
        pairs = zip(self.alphabets, self.scales, strict=True)
        return [np.asarray(ANGLES[self.angle].z(alphabet.middles(scale))) for alphabet, scale in pairs]

    @property
    def absent(self) -> list[bool]:
        """For every channel of the image, whether its last class is absence alone."""
        return [alphabet.ends_in_absence for alphabet in self.alphabets]

    def classes(self, series: Floats) -> Ints:
        """Classes (N, C', n) of series (N, C, n)."""
        folded = fold(series, self.channels, empty_up=self.empty_up)
        return np.stack([alphabet.index(folded[:, k]) for k, alphabet in enumerate(self.alphabets)], axis=1)

    def from_classes(self, classes: Ints, ids: Ints, rng: np.random.Generator) -> Floats:
        """Series (N, C, n) for sampled classes (N, C', n) of labels (N,); NaN past the end."""
        drawn = [
            alphabet.draw(classes[:, k], ids, rng, between=name in MEASURED)
            for k, (name, alphabet) in enumerate(zip(self.image_channels, self.alphabets, strict=True))
        ]
        return self._ended(np.stack(drawn, axis=1))

    def intervals(self, series: Floats) -> tuple[Floats, Floats]:
        """Lower and upper u (N, C', n) of each value's interval."""
        folded = fold(series, self.channels, empty_up=self.empty_up)
        ends = [scale.interval(folded[:, k]) for k, scale in enumerate(self.scales)]
        return np.stack([low for low, _ in ends], axis=1), np.stack([high for _, high in ends], axis=1)

    def quantiles(self, series: Floats, rng: np.random.Generator | None = None) -> Floats:
        """z (N, C', n) of series (N, C, n); with `rng` drawn uniformly inside each interval, else its middle."""
        low, high = self.intervals(series)
        share = 0.5 if rng is None else rng.random(low.shape)
        return np.asarray(ANGLES[self.angle].z(low + (high - low) * share))

    def encode(self, series: Floats, rng: np.random.Generator | None = None) -> Floats:
        """Images (N, C', n, n) in [-1, 1] of series (N, C, n)."""
        return images_of(self.quantiles(series, rng))

    def decode(self, images: Floats) -> Floats:
        """Series (N, C, n) of images (N, C', n, n), fitted to the whole image; NaN past the end."""
        return self.from_quantiles((math.pi / 4 - from_image(images)) / STEP)

    def from_quantiles(self, z: Floats) -> Floats:
        """Series (N, C, n) of z (N, C', n); NaN past the end."""
        u = ANGLES[self.angle].u(np.asarray(z, dtype=np.float64))
        return self._ended(np.stack([scale.decode(u[:, k]) for k, scale in enumerate(self.scales)], axis=1))

    def _ended(self, folded: Floats) -> Floats:
        """Series (N, C, n) of folded ones; a trace ends where most of its channels are absent."""
        present = np.isnan(folded).mean(axis=1) <= 0.5
        present[:, 0] = True
        alive = np.logical_and.accumulate(present, axis=1)[:, None]
        for k, scale in enumerate(self.scales):
            lone = np.isnan(folded[:, k]) & alive[:, 0]  # absent in one channel alone: its largest known value
            folded[:, k][lone] = scale.largest
        return unfold(np.where(alive, folded, np.nan), self.channels, empty_up=self.empty_up)

    def to_json(self) -> dict[str, Any]:
        """Everything needed to decode, as plain values."""
        return {
            "codec": "gasf",
            "channels": list(self.channels),
            "length": self.length,
            "angle": self.angle,
            "empty_up": self.empty_up,
            "scales": [scale.to_json() for scale in self.scales],
            "alphabets": [alphabet.to_json() for alphabet in self.alphabets],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> GasfCodec:
        """The inverse of `to_json`, exact.

        Raises:
            InputError: the data is not such a codec.
        """
        return cls.of_manifest(GasfManifest.of(data, "codec"))

    @classmethod
    def of_manifest(cls, found: SeriesManifest) -> GasfCodec:
        """The same, from a validated manifest."""
        scales = tuple(scale_of(scale) for scale in found.scales)
        alphabets = tuple(Alphabet.of_manifest(alphabet) for alphabet in found.alphabets)
        return cls(tuple(found.channels), found.length, scales, alphabets, found.angle, found.empty_up)
