"""evaluate: real and synthetic traces become scores, each beside what real data would get."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from netdiffus import __version__
from netdiffus.errors import InputError
from netdiffus.imaging.channels import image_channels
from netdiffus.imaging.codec import GasfCodec
from netdiffus.metrics import METRICS, Comparison, Score, Traces, comparison, scores
from netdiffus.steps.config import Config
from netdiffus.steps.load import load_traces, real_parts
from netdiffus.traffic.traces import channel_names, series

Floats = NDArray[np.float64]

FEWEST_TRACES = 10
LONGEST = 1000


class EvaluateConfig(Config):
    """What can be chosen in `evaluate`."""

    seed: int = Field(0, ge=0)


@dataclass(frozen=True)
class Scored:
    """One metric is done, of so many."""

    name: str
    done: int
    total: int


@dataclass(frozen=True)
class Evaluation:
    """All that a report needs: the scores, what was compared, example images, and where it came from."""

    scores: list[Score]
    sets: Comparison
    images: dict[str, tuple[Floats, Floats]]  # label → one real and one synthetic image (C', n, n)
    image_channels: list[str]  # names of the C' channels
    provenance: dict[str, str]


def evaluate(
    real: Path, synthetic: Path, test: Path | None, config: EvaluateConfig
) -> Generator[Scored, None, Evaluation]:
    """Compare synthetic traces with real ones; yields a record per metric, returns an Evaluation.

    Raises:
        InputError: a path is neither dataset nor table, the channels differ, or there are too few traces.
    """
    loaded = {"real": load_traces(real), "synthetic": load_traces(synthetic)}
    if test is not None:
        loaded["test"] = load_traces(test)
    tables = {name: part.traces for name, part in loaded.items()}
    names = _shared_channels(tables)
    train_table, test_table = real_parts(tables["real"], tables.get("test"), config.seed)
    parts = {"real training": train_table, "real test": test_table, "synthetic": tables["synthetic"]}
    for name, table in parts.items():
        if len(table) < FEWEST_TRACES:
            raise InputError(f"at least {FEWEST_TRACES} {name} traces", str(len(table)), "give more traces")
    # a model draws no more positions than it has learned: what lies behind must not count against it
    length = min(LONGEST, *(int(table[names[0]].list.len().max()) for table in parts.values()))  # type: ignore[arg-type]
    train_part, test_part, drawn = (_arrays(table, names, length) for table in parts.values())
    sets = comparison(train_part, test_part, drawn, names)
    found: list[Score] = []
    for done, name in enumerate(METRICS, start=1):
        found += scores(train_part, test_part, drawn, names, seed=config.seed, only=[name])
        yield Scored(name, done, len(METRICS))
    provenance = {"netdiffus": __version__, "seed": str(config.seed)}
    provenance |= {
        name: f"{part.name} (sha256 {part.hash[:16]}, {len(part.traces):,} traces)" for name, part in loaded.items()
    }
    provenance["compared"] = f"{', '.join(names)}; the first {length} positions of a trace"
    if made_by := tables["synthetic"]["source"][0]:
        provenance["synthetic made by"] = made_by
    return Evaluation(found, sets, example_images(sets), image_channels(names), provenance)


def _arrays(table: pl.DataFrame, names: list[str], length: int) -> Traces:
    return Traces(series(table, length, names), table["label"].to_numpy().astype(np.str_))


def _shared_channels(tables: dict[str, pl.DataFrame]) -> list[str]:
    channels = {name: channel_names(table) for name, table in tables.items()}
    shared = [name for name in channels["real"] if all(name in others for others in channels.values())]
    if not shared:
        said = "; ".join(f"{name}: {', '.join(found)}" for name, found in channels.items())
        raise InputError(
            "real and synthetic traces with a channel in common", said, "prepare both with the same columns"
        )
    return shared


def example_images(sets: Comparison, length: int = 32) -> dict[str, tuple[Floats, Floats]]:
    """GASF images of each label's first test and synthetic trace; the codec is fitted on the training part."""
    length = min(length, sets.train.series.shape[-1])
    codec = GasfCodec.fit(sets.train.series[..., :length], sets.channels)
    images = {}
    for label in sets.labels:
        real, synthetic = (part.of(label).series[:1, :, :length] for part in (sets.test, sets.synthetic))
        if len(real) and len(synthetic):
            images[label] = (codec.encode(real)[0], codec.encode(synthetic)[0])
    return images
