"""Real training traces, real test traces and synthetic traces of the same channels: what metrics of traces compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from netdiffus.arrays import Floats
from netdiffus.errors import InputError
from netdiffus.metrics.traces import Traces


@dataclass(frozen=True)
class Comparison:
    """The three parts of an evaluation; their arrays have the same channels and length.

    Raises:
        InputError: the arrays do not fit each other, or a part has no traces.
    """

    train: Traces
    test: Traces
    synthetic: Traces
    channels: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("train", "test", "synthetic"):
            part: Traces = getattr(self, name)
            expected = (len(part.labels), len(self.channels), self.train.series.shape[-1])
            if part.series.shape != expected:
                raise InputError(
                    f"an array (traces, channels, length) of shape {expected} for the part '{name}'",
                    f"one of shape {part.series.shape}",
                    "give all three parts the same channels and length",
                )
            if not len(part):
                raise InputError(
                    f"at least one trace in the part '{name}'", "none", "evaluate with three parts that have traces"
                )

    @property
    def labels(self) -> list[str]:
        """The labels of the real traces, sorted."""
        return [str(label) for label in np.union1d(self.train.labels, self.test.labels)]

    def limited(self, count: int, rng: np.random.Generator) -> Comparison:
        """The same with at most `count` traces in each part."""
        train, test, synthetic = (part.sample(count, rng) for part in (self.train, self.test, self.synthetic))
        return replace(self, train=train, test=test, synthetic=synthetic)


def comparison(train: Traces, test: Traces, synthetic: Traces, channels: Sequence[str]) -> Comparison:
    """A Comparison of parts whose arrays may differ in length: the shorter ones are padded with NaN.

    Raises:
        InputError: the arrays do not fit each other, a part has no traces, or values are missing inside a trace.
    """
    length = max(part.series.shape[-1] for part in (train, test, synthetic))

    def widened(part: Traces, name: str) -> Traces:
        series = np.asarray(part.series, dtype=np.float64)
        check_values(series, name)
        missing = length - series.shape[-1]
        return Traces(np.pad(series, ((0, 0), (0, 0), (0, missing)), constant_values=np.nan), part.labels)

    parts = (widened(train, "train"), widened(test, "test"), widened(synthetic, "synthetic"))
    return Comparison(*parts, tuple(channels))


def check_values(series: Floats, name: str) -> None:
    """Refuse what no trace can hold: infinite values, and NaN before a trace's last value or in some channels only.

    Raises:
        InputError: names the first such trace of the part `name`.
    """
    absent = np.isnan(series)
    holes = np.any(absent[:, :, :-1] & ~absent[:, :, 1:], axis=(1, 2)) | np.any(absent != absent[:, :1], axis=(1, 2))
    for what, wrong in (("NaN inside", holes), ("an infinite value in", np.isinf(series).any(axis=(1, 2)))):
        if wrong.any():
            raise InputError(
                f"finite values in the part '{name}', and NaN only past the end of a trace, in all channels alike",
                f"{what} {np.count_nonzero(wrong):,} traces, the first is number {int(np.argmax(wrong))}",
                "remove those traces, or fill the gaps",
            )
