"""evaluate: compare real and synthetic traffic; every score has the reference that real data would get."""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from netdiffus import limits
from netdiffus.arrays import Floats
from netdiffus.baselines import BASELINES
from netdiffus.errors import InputError
from netdiffus.imaging.channels import image_channels
from netdiffus.imaging.codec import GasfCodec
from netdiffus.metrics import (
    METRICS,
    Comparison,
    Identifiers,
    Imaged,
    Inputs,
    Losses,
    Missing,
    PacketSets,
    Score,
    Traces,
    WholeSets,
    baseline_values,
    comparison,
    compute,
    find,
)
from netdiffus.metrics.copies import nearest_distances
from netdiffus.metrics.embedding import Embedding, embedding
from netdiffus.spread import Spread, one_by_one
from netdiffus.steps.evaluate_config import EvaluateConfig
from netdiffus.steps.inputs.load import LoadedTraces, load_traces, real_parts
from netdiffus.steps.inputs.packet_sets import packet_sets
from netdiffus.steps.inputs.whole import whole_traffic
from netdiffus.store.account import maker
from netdiffus.store.copies import fetched
from netdiffus.store.stage import scratch_folder
from netdiffus.traffic.traces import channel_names, series
from netdiffus.traffic.whole.flows import Whole
from netdiffus.version import __version__

FEWEST_TRACES = 10
IMAGE_LENGTH = 32
BASELINE_TRACES = 4_000


@dataclass(frozen=True)
class Scored:
    """Progress: `done` of `total` metrics."""

    name: str
    done: int
    total: int

    @property
    def share(self) -> float:
        """The part of the metrics that is computed."""
        return self.done / self.total

    @property
    def note(self) -> str:
        """The metric."""
        return self.name


@dataclass(frozen=True)
class Evaluation:
    """Everything a report needs: the scores, what was compared, example images, and the provenance."""

    scores: list[Score]
    sets: Comparison
    packets: PacketSets | None
    whole: WholeSets | None
    images: dict[str, tuple[Floats, Floats]]  # label → one real and one synthetic image (C', n, n)
    image_channels: list[str]  # names of the C' channels
    provenance: dict[str, str]
    nearest: tuple[Floats, Floats]  # distance to the nearest training trace, of real test and synthetic traces
    embedding: Embedding


def evaluate(
    real: Path,
    synthetic: Path,
    test: Path | None,
    config: EvaluateConfig,
    model: Path | None = None,
    spread: Spread = one_by_one,
) -> Generator[Scored, None, Evaluation]:
    """Compare synthetic traces with real ones; yields a record per metric, returns an Evaluation.

    `model` generated the synthetic traces after training on the real ones: its losses are attacked too.

    Raises:
        InputError: a path is neither dataset, table nor capture, the channels differ, or there are too few traces.
    """
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_folder())
        real, synthetic = (stack.enter_context(fetched(path)) for path in (real, synthetic))
        test, model = (None if path is None else stack.enter_context(fetched(path)) for path in (test, model))
        return (yield from evaluate_sets(*_compared(real, synthetic, test, config, model, scratch), config, spread))


def _compared(
    real: Path, synthetic: Path, test: Path | None, config: EvaluateConfig, model: Path | None, scratch: Path
) -> tuple[Comparison, Inputs, dict[str, str]]:
    """What is compared, and what it was made of."""
    given = {"real": real, "synthetic": synthetic} | ({} if test is None else {"test": test})
    loaded = {name: load_traces(path, scratch) for name, path in given.items()}
    tables = {name: part.traces for name, part in loaded.items()}
    names = _shared_channels(tables)
    train_table, test_table = real_parts(tables["real"], tables.get("test"), config.seed)
    parts = {"real training": train_table, "real test": test_table, "synthetic": tables["synthetic"]}
    check_sizes({name: len(table) for name, table in parts.items()})
    # a model generates no more positions than it was trained on: later ones must not count against it
    length = min(limits.LENGTH, *(int(table[names[0]].list.len().max()) for table in parts.values()))  # type: ignore[arg-type]
    train_part, test_part, drawn = (_arrays(table, names, length) for table in parts.values())
    sets = comparison(train_part, test_part, drawn, names)
    came_from = [loaded["real"], loaded.get("test", loaded["real"]), loaded["synthetic"]]
    inputs = _further_inputs(list(zip(came_from, parts.values(), strict=True)), length, config.seed)
    inputs = inputs.joined(_whole(loaded))
    if model is not None:
        inputs = inputs.joined(
            _losses(model, loaded["real"], test_table, loaded["synthetic"], config.seed, own=test is None)
        )
    provenance = {"netdiffus": __version__, "seed": str(config.seed)}
    provenance |= {
        name: f"{part.name} (sha256 {part.hash[:16]}, {len(part.traces):,} traces)" for name, part in loaded.items()
    }
    provenance["compared"] = f"{', '.join(names)}; the first {length} positions of a trace"
    if made_by := tables["synthetic"]["source"][0]:
        provenance["synthetic made by"] = made_by
    return sets, inputs, provenance


def check_sizes(counts: Mapping[str, int]) -> None:
    """Refuse parts that are too small to evaluate.

    Raises:
        InputError: names the first part with fewer than ten traces.
    """
    for name, count in counts.items():
        if count < FEWEST_TRACES:
            raise InputError(f"at least {FEWEST_TRACES} {name} traces", str(count), "give more traces")


def _further_inputs(origins: list[tuple[LoadedTraces, pl.DataFrame]], length: int, seed: int) -> Inputs:
    """Identifiers and packets of the three parts, if available."""
    given: list[Identifiers | PacketSets] = []
    train, test, synthetic = (origin.texts_of(table) for origin, table in origins)
    if train is not None and synthetic is not None:
        given.append(Identifiers(train, test or frozenset(), synthetic))
    packets = packet_sets(origins, length, np.random.default_rng(seed))
    if packets is not None:
        given.append(packets)
    return Inputs(*given)


def _whole(loaded: Mapping[str, LoadedTraces]) -> WholeSets | Missing:
    """Whole traffic of the paths that were given, by their part in the comparison, or why there is none."""
    found: dict[str, Whole] = {}
    for name, part in loaded.items():
        whole = whole_traffic(part)
        if isinstance(whole, str):
            return Missing(WholeSets, f"{name} traffic: {whole}")
        found[name] = whole
    return WholeSets(found["real"], found.get("test"), found["synthetic"])


def evaluate_sets(
    sets: Comparison, inputs: Inputs, provenance: dict[str, str], config: EvaluateConfig, spread: Spread = one_by_one
) -> Generator[Scored, None, Evaluation]:
    """The same from a comparison and further inputs: metrics and baselines by `spread`, then what pictures need."""
    first = sets.train.series[..., : min(IMAGE_LENGTH, sets.train.series.shape[-1])]
    codec = GasfCodec.fit(first, sets.channels)
    inputs = inputs.joined(sets, Imaged(sets, lambda series: codec.encode(series[..., : first.shape[-1]])))
    scores: list[Score] = []
    total = len(METRICS) + (len(BASELINES) if config.baselines else 0) + 1
    metrics, seed = dict(METRICS), config.seed
    computed = spread(lambda name: list(compute(name, inputs, seed, metrics[name])), metrics)
    for done, (name, found) in enumerate(zip(metrics, computed, strict=True), start=1):
        scores += found
        yield Scored(name, done, total)
    if config.baselines:
        of_baselines = spread(lambda name: list(baseline_scores(name, sets, scores, seed)), BASELINES)
        for done, (name, found) in enumerate(zip(BASELINES, of_baselines, strict=True), start=len(metrics) + 1):
            scores += found
            yield Scored(f"baseline {name}", done, total)
    rng = np.random.default_rng(seed)
    nearest, points = nearest_distances(sets, rng), embedding(sets, rng)
    yield Scored("pictures", total, total)
    names = image_channels(sets.channels)
    images, whole = example_images(sets, codec), inputs.get(WholeSets)
    return Evaluation(scores, sets, inputs.get(PacketSets), whole, images, names, provenance, nearest, points)


def baseline_scores(name: str, sets: Comparison, scores: list[Score], seed: int) -> Iterator[Score]:
    """The scores of a baseline that learned from the same training part, between the same floors and ceilings.

    They are called `baseline.NAME.SCORE`. It generates as many traces of each label as the synthetic set has, up to
    4,000 in all.
    """
    known = sets.synthetic.take(np.isin(sets.synthetic.labels, sets.train.labels))
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    wanted = known.sample(BASELINE_TRACES, rng).counts()
    if not wanted:
        return
    generated = Traces(*BASELINES[name](sets.train.series, sets.train.labels, wanted, rng))
    for score, value in baseline_values(replace(sets, synthetic=generated), seed).items():
        other = find(scores, score)
        if other is not None:
            yield replace(other, name=f"baseline.{name}.{score}", value=value, note="", confusion=None)


def _arrays(table: pl.DataFrame, names: list[str], length: int) -> Traces:
    return Traces(series(table, length, names), table["label"].to_numpy().astype(np.str_))


def _losses(
    model: Path, real: LoadedTraces, test: pl.DataFrame, drawn: LoadedTraces, seed: int, *, own: bool
) -> Losses:
    """Losses of the model's members and of test traces; `own`: those are of the same dataset."""
    from netdiffus.models.backends import load_model  # torch, which nothing else here needs
    from netdiffus.models.membership import members, promise_of
    from netdiffus.models.packet_membership import losses_of

    loaded, rng = load_model(model), np.random.default_rng(seed)
    inside = members(loaded, real.traces, real.hash)
    outside = test.join(inside, on="trace_id", how="anti") if own else test
    losses = losses_of(loaded, inside, outside, real.packets if own else None, rng)
    return Losses(*losses, promise=promise_of(loaded, drawn.traces, [maker(path) for path in drawn.captures]))


def _shared_channels(tables: dict[str, pl.DataFrame]) -> list[str]:
    channels = {name: channel_names(table) for name, table in tables.items()}
    shared = [name for name in channels["real"] if all(name in others for others in channels.values())]
    if not shared:
        listed = "; ".join(f"{name}: {', '.join(found)}" for name, found in channels.items())
        raise InputError(
            "real and synthetic traces with a channel in common", listed, "prepare both with the same columns"
        )
    return shared


def example_images(sets: Comparison, codec: GasfCodec) -> dict[str, tuple[Floats, Floats]]:
    """GASF images of each label's first test and synthetic trace; the codec is fitted on the training part."""
    images = {}
    for label in sets.labels:
        real, synthetic = (part.of(label).series[:1, :, : codec.length] for part in (sets.test, sets.synthetic))
        if len(real) and len(synthetic):
            images[label] = (codec.encode(real)[0], codec.encode(synthetic)[0])
    return images
