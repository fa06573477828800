"""The course of a trace: coarse rows of known quantities, where a trace goes on beyond the rows of its image.

Averages of a trace's own rows (coarse.py) say nothing of what is not in the image. A course is given instead: the
first row describes the whole of what goes on, each further row a segment of it. Codes are those of an alphabet, as of
the rows themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from netdiffus import limits
from netdiffus.arrays import Floats, Ints
from netdiffus.imaging.alphabet import Alphabet, AlphabetManifest
from netdiffus.imaging.codec import ANGLES
from netdiffus.imaging.counting import HERE, Counting
from netdiffus.imaging.scale import EmpiricalManifest, EmpiricalScale
from netdiffus.manifest import Manifest

CODES = 128
"""Codes of a quantity at most."""


class CourseManifest(Manifest):
    """A course in a manifest."""

    rows: int = Field(ge=1, le=limits.COARSE_ROWS)
    scales: list[EmpiricalManifest] = Field(min_length=1, max_length=limits.CHANNELS)
    alphabets: list[AlphabetManifest] = Field(min_length=1, max_length=limits.CHANNELS)

    @model_validator(mode="after")
    def _fit(self) -> CourseManifest:
        if len(self.scales) != len(self.alphabets):
            raise ValueError("with as many scales as alphabets")
        if len({len(alphabet.counts) for alphabet in self.alphabets}) > 1:
            raise ValueError("with alphabets of the same labels")
        return self


@dataclass(frozen=True)
class CourseCodebook:
    """Quantities of a course ↔ codes.

    Attributes:
        rows: m. scales, alphabets: of the C quantities.
    """

    rows: int
    scales: tuple[EmpiricalScale, ...]
    alphabets: tuple[Alphabet, ...]

    @classmethod
    def fit(cls, values: Floats, ids: Ints, counting: Counting = HERE) -> CourseCodebook:
        """The codebook of training courses (N, C, m), NaN = absent, of labels (N,)."""
        columns = [values[:, k] for k in range(values.shape[1])]
        scales = tuple(EmpiricalScale.fit(column, counting) for column in columns)
        alphabets = tuple(Alphabet.fit(column, ids, CODES, counting) for column in columns)
        return cls(values.shape[2], scales, alphabets)

    @property
    def centres(self) -> list[Floats]:
        """z (K,) of each code, for every quantity."""
        pairs = zip(self.alphabets, self.scales, strict=True)
        return [np.asarray(ANGLES["normal"].z(alphabet.middles(scale))) for alphabet, scale in pairs]

    @property
    def absent(self) -> list[bool]:
        """For every quantity, whether its last code is absence alone."""
        return [alphabet.ends_in_absence for alphabet in self.alphabets]

    def encode(self, values: Floats) -> Ints:
        """Codes (N, C, m) of courses (N, C, m)."""
        return np.stack([alphabet.index(values[:, k]) for k, alphabet in enumerate(self.alphabets)], axis=1)

    def draw(self, codes: Ints, ids: Ints, rng: np.random.Generator) -> Floats:
        """Courses (B, C, m), NaN = absent, of sampled codes (B, C, m) of labels (B,)."""
        drawn: Sequence[Floats] = [
            alphabet.draw(codes[:, k], ids, rng, between=True) for k, alphabet in enumerate(self.alphabets)
        ]
        return np.stack(drawn, axis=1)

    def to_json(self) -> dict[str, Any]:
        """Plain lists."""
        return {
            "rows": self.rows,
            "scales": [scale.to_json() for scale in self.scales],
            "alphabets": [alphabet.to_json() for alphabet in self.alphabets],
        }

    @classmethod
    def of_manifest(cls, found: CourseManifest) -> CourseCodebook:
        """The way back from `to_json`, of what was checked."""
        scales = tuple(EmpiricalScale.of_manifest(scale) for scale in found.scales)
        return cls(found.rows, scales, tuple(Alphabet.of_manifest(alphabet) for alphabet in found.alphabets))
