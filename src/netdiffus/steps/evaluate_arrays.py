"""evaluate from plain arrays, without files."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from netdiffus.errors import InputError
from netdiffus.metrics import Inputs, Traces, comparison
from netdiffus.spread import Spread, one_by_one
from netdiffus.steps.evaluate import Evaluation, Scored, check_sizes, evaluate_sets
from netdiffus.steps.evaluate_config import EvaluateConfig
from netdiffus.steps.inputs.load import TEST_SHARE
from netdiffus.traffic.split import split
from netdiffus.version import __version__

Pair = tuple[ArrayLike, ArrayLike]
"""Series and labels."""


def evaluate_arrays(
    real: Pair,
    synthetic: Pair,
    test: Pair | None,
    channels: Sequence[str] | None,
    config: EvaluateConfig,
    spread: Spread = one_by_one,
) -> Generator[Scored, None, Evaluation]:
    """Compare plain arrays, as `evaluate` does files.

    Without `test` a fifth of the real traces is held out, by label and seed.

    Raises:
        InputError: an array is of the wrong shape, lacks labels or traces, or the sets do not fit each other.
    """
    given = {"real": real, "synthetic": synthetic} | ({} if test is None else {"test": test})
    parts = {name: _traces(*pair, name) for name, pair in given.items()}
    count = parts["real"].series.shape[1]
    names = list(channels) if channels is not None else [f"channel {index + 1}" for index in range(count)]
    for name, part in parts.items():
        if part.series.shape[1] != len(names):
            raise InputError(
                f"{len(names)} channels ({', '.join(names)}) in every set",
                f"{part.series.shape[1]} in the set '{name}'",
                "give all sets the same channels",
            )
    if "test" not in parts:
        labels = pl.Series(parts["real"].labels.astype(str))
        held_out = (split(labels, None, TEST_SHARE, np.random.default_rng(config.seed)) == "test").to_numpy()
        parts |= {"real": parts["real"].take(~held_out), "test": parts["real"].take(held_out)}
    check_sizes({"real training": len(parts["real"]), "real test": len(parts["test"])})
    check_sizes({"synthetic": len(parts["synthetic"])})
    sets = comparison(parts["real"], parts["test"], parts["synthetic"], names)
    provenance = {"netdiffus": __version__, "seed": str(config.seed)}
    provenance |= {name: f"arrays, {len(part):,} traces" for name, part in parts.items()}
    return (yield from evaluate_sets(sets, Inputs(), provenance, config, spread))


def _traces(series: ArrayLike, labels: ArrayLike, name: str) -> Traces:
    array, named = np.asarray(series, dtype=np.float64), np.asarray(labels)
    if array.ndim == 2:
        array = array[:, None]
    if array.ndim != 3 or named.shape != array.shape[:1]:
        raise InputError(
            f"series (N, n) or (N, C, n) and labels (N,) in the set '{name}'",
            f"arrays of shape {np.shape(series)} and {named.shape}",
            "give one row and one label per trace",
        )
    return Traces(array, np.strings.strip(named.astype(np.str_)))
