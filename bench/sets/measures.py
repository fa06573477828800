"""What is measured of a set: forests, copies, a detector, divergences, the baselines, and a detector of anomalies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.svm import OneClassSVM
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.baselines import BASELINES
from netdiffus.imaging.channels import fold
from netdiffus.imaging.codec import GasfCodec
from netdiffus.metrics import Traces, cnn
from netdiffus.metrics.anomaly import one_class_svm
from netdiffus.metrics.binning import fit_edges
from netdiffus.metrics.boosting import boost
from netdiffus.metrics.classification import Result, result_of
from netdiffus.metrics.copies import seen_before
from netdiffus.metrics.detection import auc
from netdiffus.metrics.features import whole
from netdiffus.metrics.fingerprinting import STEPS, steps
from netdiffus.metrics.forest import forest
from netdiffus.metrics.ranks import rank_scale, ranks
from netdiffus.metrics.weighted import Sample, position_jsd
from netdiffus.models.model import Model
from netdiffus.traffic.traces import series

TREES, FOREST_SEED = 200, 0
FOLDS = 5
FLOORS = 5  # draws of real training traces that a floor is the mean of


@dataclass(frozen=True)
class Parts:
    """A set's real training and test part; `unseen` says which test traces (N,) equal no training trace."""

    train: Traces
    test: Traces
    unseen: NDArray[np.bool_]
    channels: tuple[str, ...]

    @classmethod
    def of(cls, traces: pl.DataFrame, channels: Sequence[str]) -> Parts:
        """The parts of a dataset's table."""
        length = int(traces.select(pl.col(channels[0]).list.len().max()).item())
        train, test = (arrays(traces.filter(split=side), channels, length) for side in ("train", "test"))
        return cls(train, test, ~seen_before(test, train, list(range(len(channels)))), tuple(channels))

    def counts(self, rows: int | None = None) -> dict[str, int]:
        """The label mix of the training part; scaled to about `rows`, of each label 2 at least."""
        share = 1.0 if rows is None else min(1.0, rows / len(self.train))
        return {label: max(2, round(share * n)) for label, n in self.train.counts().items()}


def arrays(frame: pl.DataFrame, channels: Sequence[str], length: int) -> Traces:
    """A table's traces as arrays (N, C, length)."""
    return Traces(series(frame, length, list(channels)), frame["label"].to_numpy().astype(np.str_))


def learned(train: Traces, test: Traces, seed: int = FOREST_SEED) -> Result:
    """How a random forest of 200 trees that sees every position does on test traces."""
    model = forest(whole(train), train.labels, seed, TREES)
    return result_of(test.labels, model.predict(whole(test)))


def convolved(train: Traces, test: Traces, channels: tuple[str, ...], seed: int) -> dict[str, float]:
    """The F1 of each label of the test traces, of the CNN on GASF images, whose scale is that of the traces it learns
    from."""
    codec, labels = GasfCodec.fit(train.series, channels), np.unique(train.labels)
    images, unknown = (codec.encode(part.series).astype(np.float32) for part in (train, test))
    targets = np.searchsorted(labels, train.labels)
    model = cnn.fit(images, targets, len(labels), steps(len(train), STEPS), seed)
    return result_of(test.labels, labels[np.argmax(cnn.logits(model, unknown), axis=1)]).f1


CLASSIFIERS: dict[str, Callable[[Traces, Traces, tuple[str, ...], int], dict[str, float]]] = {
    "random forest": lambda train, test, _, seed: learned(train, test, seed).f1,
    "gradient boosting": lambda *known: boost(*known).f1,
    "CNN": convolved,
}


def macro(f1: dict[str, float]) -> float:
    """The mean over labels."""
    return float(np.mean(list(f1.values())))


def detection(real: Traces, other: Traces, rng: np.random.Generator) -> float:
    """`detection.auc` over every position and all traces, in five folds."""
    value, count = auc(real, other, whole, rng, FOREST_SEED, folds=FOLDS, most=len(other))
    if value is None:
        raise ValueError(f"{count} traces of shared labels are too few for a detector")
    return value


def divergence(real: Traces, other: Traces, channels: Sequence[str], known: Traces) -> float:
    """Jensen-Shannon divergence in bits, mean over positions and channels (size and direction as one signed size).

    Common values of the real traces `known` have a bin each (metrics/binning.py); absence is a value.
    """
    found = []
    folded = [fold(part.series, channels) for part in (real, other, known)]
    for k in range(folded[0].shape[1]):
        edges = fit_edges(folded[2][:, k])
        samples = [Sample(part[:, k], np.ones(len(part))) for part in folded[:2]]
        found.append(position_jsd(samples[0], samples[1], edges))
    return float(np.mean(found))


ONE_CLASS: dict[str, Callable[[], IsolationForest | OneClassSVM]] = {
    "forest": lambda: IsolationForest(n_estimators=TREES, random_state=FOREST_SEED),
    "svm": one_class_svm,
}


def one_class(known: Traces, test: Traces, benign: str) -> dict[str, float]:
    """AUC of what is not benign among `test`, for one-class models that saw nothing but the benign traces of `known`.

    They see ranks among those traces' values (metrics/ranks.py).
    """
    mine = known.of(benign)
    scale = rank_scale(mine)
    seen, points, truth = ranks(mine, scale), ranks(test, scale), test.labels != benign
    with threadpool_limits(1):
        models = {name: make().fit(seen) for name, make in ONE_CLASS.items()}
        return {name: float(roc_auc_score(truth, -model.decision_function(points))) for name, model in models.items()}


def membership(model: Model, parts: Parts) -> float:
    """AUC of telling training traces from test traces by their exact likelihood under the model.

    The few training traces that were held out for its validation count as members: that lowers it a little.
    """
    members, others = model.losses(parts.train), model.losses(parts.test)
    truth = np.repeat([1, 0], [len(members), len(others)])
    return float(roc_auc_score(truth, -np.concatenate([members, others])))


def judged(parts: Parts, synthetic: Traces, benign: str | None, seed: int) -> dict[str, float]:
    """Every figure of a synthetic set.

    Forests and the detector of anomalies are tested on test traces that equal no training trace. Detection and
    divergences compare with the whole test part: without the traces that repeat themselves it would be other traffic.
    """
    rng = np.random.default_rng(seed)
    train, test, channels = parts.train, parts.test, parts.channels
    unseen, every = test.take(parts.unseen), list(range(len(channels)))
    found = {"trtr": learned(train, unseen), "tstr": learned(synthetic, unseen)}
    wanted = synthetic.counts()
    for name, make in BASELINES.items():
        found[name] = learned(Traces(*make(train.series, train.labels, wanted, rng)), unseen)
    figures = {name: result.accuracy for name, result in found.items()}
    figures |= {f"{name}_f1": result.macro_f1 for name, result in found.items()}
    figures["ratio"] = figures["tstr"] / figures["trtr"]
    figures["copies"] = float(seen_before(synthetic, train, every).mean())
    figures["test_copies"] = float(1 - parts.unseen.mean())
    drawn = synthetic.matching(test, rng)
    floors = [train.matching(drawn, rng) for _ in range(FLOORS)]
    known = train.joined(test)
    figures["detection"] = detection(test, drawn, rng)
    figures["detection_floor"] = detection(test, floors[0], rng)
    figures["jsd"] = divergence(test, drawn, channels, known)
    figures["jsd_floor"] = float(np.mean([divergence(test, floor, channels, known) for floor in floors]))
    if benign is not None:
        for way, known in (("trtr", train), ("tstr", synthetic)):
            for name, value in one_class(known, unseen, benign).items():
                figures[f"anomaly_{name}_{way}"] = value
    return figures
