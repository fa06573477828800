"""What is measured of a set: forests, copies, a detector, divergences, the baselines, and a detector of anomalies."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import OneClassSVM
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.baselines import BASELINES
from netdiffus.imaging.channels import fold
from netdiffus.imaging.codec import GasfCodec
from netdiffus.metrics import cnn
from netdiffus.metrics.binning import fit_edges
from netdiffus.metrics.boosting import boost
from netdiffus.metrics.comparison import Traces
from netdiffus.metrics.copies import seen_before
from netdiffus.metrics.distances import jsd
from netdiffus.metrics.features import ABSENT
from netdiffus.metrics.images import STEPS, steps
from netdiffus.metrics.marginal import Sample
from netdiffus.metrics.ranks import rank_scale, ranks
from netdiffus.metrics.utility import judge
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


def flat(traces: Traces) -> NDArray[np.float64]:
    """What classifiers see (N, C * n): every value of every channel, ABSENT past the end."""
    return np.nan_to_num(traces.series, nan=ABSENT).reshape(len(traces), -1)


def forest(train: Traces, test: Traces, seed: int = FOREST_SEED) -> tuple[float, dict[str, float]]:
    """Accuracy, and the F1 of each label of the test traces, of a random forest."""
    model = RandomForestClassifier(TREES, random_state=seed, n_jobs=len(os.sched_getaffinity(0)))
    said = model.fit(flat(train), train.labels).predict(flat(test))
    labels = np.unique(test.labels)
    f1 = f1_score(test.labels, said, labels=labels, average=None, zero_division=0.0)
    return float(np.mean(said == test.labels)), dict(zip(map(str, labels), map(float, f1), strict=True))


def convolved(train: Traces, test: Traces, channels: tuple[str, ...], seed: int) -> dict[str, float]:
    """The F1 of each label of the test traces, of the CNN on GASF images, whose scale is that of the traces it learns
    from."""
    codec, labels = GasfCodec.fit(train.series, channels), np.unique(train.labels)
    images, unknown = (codec.encode(part.series).astype(np.float32) for part in (train, test))
    targets = np.searchsorted(labels, train.labels)
    model = cnn.fit(images, targets, len(labels), steps(len(train), STEPS), seed)
    return judge(test.labels, labels[np.argmax(cnn.logits(model, unknown), axis=1)]).f1


CLASSIFIERS: dict[str, Callable[[Traces, Traces, tuple[str, ...], int], dict[str, float]]] = {
    "random forest": lambda train, test, _, seed: forest(train, test, seed)[1],
    "gradient boosting": lambda *known: boost(*known).f1,
    "CNN": convolved,
}


def macro(f1: dict[str, float]) -> float:
    """The mean over labels."""
    return float(np.mean(list(f1.values())))


def detection(real: Traces, other: Traces, rng: np.random.Generator) -> float:
    """Area under the ROC curve of gradient boosting that tells `other` from `real`, cross-validated; of each label
    equally many."""
    other = other.matching(real, rng)
    real = real.matching(other, rng)
    x, y = np.concatenate([flat(real), flat(other)]), np.repeat([0, 1], [len(real), len(other)])
    suspicion = np.zeros(len(y))
    with threadpool_limits(1):
        for learn, held in StratifiedKFold(FOLDS, shuffle=True, random_state=FOREST_SEED).split(x, y):
            model = HistGradientBoostingClassifier(random_state=FOREST_SEED).fit(x[learn], y[learn])
            suspicion[held] = model.predict_proba(x[held])[:, 1]
    return float(roc_auc_score(y, suspicion))


def divergence(real: Traces, other: Traces, channels: Sequence[str], known: Traces) -> float:
    """Jensen-Shannon divergence in bits, mean over positions and channels (size and direction as one signed size).

    Common values of the real traces `known` have a bin each (metrics/binning.py); absence is a value.
    """
    found = []
    folded = [fold(part.series, channels) for part in (real, other, known)]
    for k in range(folded[0].shape[1]):
        edges = fit_edges(folded[2][:, k])
        p, q = (Sample(part[:, k], np.ones(len(part))).histograms(edges) for part in folded[:2])
        found.append(jsd(p, q).mean())
    return float(np.mean(found))


ONE_CLASS: dict[str, Callable[[], IsolationForest | OneClassSVM]] = {
    "forest": lambda: IsolationForest(n_estimators=TREES, random_state=FOREST_SEED),
    "svm": lambda: OneClassSVM(nu=0.1, gamma="scale"),  # as metrics/anomaly.py
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


def judged(parts: Parts, synthetic: Traces, benign: str | None, seed: int) -> dict[str, float]:
    """Every figure of a synthetic set.

    Forests and the detector of anomalies are tested on test traces that equal no training trace. Detection and
    divergences compare with the whole test part: without the traces that repeat themselves it would be other traffic.
    """
    rng = np.random.default_rng(seed)
    train, test, channels = parts.train, parts.test, parts.channels
    unseen, every = test.take(parts.unseen), list(range(len(channels)))
    found = {"trtr": forest(train, unseen), "tstr": forest(synthetic, unseen)}
    wanted = synthetic.counts()
    for name, make in BASELINES.items():
        found[name] = forest(Traces(*make(train.series, train.labels, wanted, rng)), unseen)
    figures = {name: accuracy for name, (accuracy, _) in found.items()}
    figures |= {f"{name}_f1": macro(f1) for name, (_, f1) in found.items()}
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
