"""What synthetic traces add to few real ones, and to rare labels, beside resampling with jitter and shifted copies.

python -m bench augmentation [--only mirage,fgnet,imbalance,mirage-shared,fgnet-shared] [--minutes-scale 1]
                             [--balance 0.5] [--shifts 10] [--seeds 0,1,2] [--write]

The shared ones take the traces that `python -m bench sets --only mirage,fgnet` left in build/: what someone with all
traces would give away.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench.results import place, spread, table, write_section
from bench.sets.collection import SETS
from bench.sets.measures import CLASSIFIERS, arrays, macro
from bench.sets.run import BUILD as DRAWN
from netdiffus.api.verbs import generate, prepare, train
from netdiffus.baselines import BASELINES
from netdiffus.baselines.jitter import resampled
from netdiffus.metrics import Traces
from netdiffus.metrics.copies import seen_before
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.shifts import shifted
from netdiffus.traffic.traces import channel_names

BUILD = Path(__file__).parents[1] / "build" / "bench" / "augmentation"
FEW = 20  # real traces of a label
ADDED = (50, 200, 800)  # synthetic ones of a label, to choose from
LEVELS = (200, 400, 800, 1600)  # what rare labels are filled up to, to choose from
RAREST = 5
HELD_BACK = 0.2
MINUTES = 5.0  # of each training on all of them
FEW_MINUTES, FEW_SHIFTS = 1.0, 10  # of each training on few
TUNING_SEED = 1000  # of the draw that the numbers are chosen on
WAYS = ("synthetic", "jitter", "shifts")
SHARED = "-shared"

Score = Callable[[Mapping[str, float]], float]  # of the F1 of each label
Classifier = Callable[[Traces, Traces, tuple[str, ...], int], Mapping[str, float]]
Result = dict[str, Any]


@dataclass(frozen=True)
class Real:
    """Real traces to learn from, as a table and as arrays, and how netdiffus learns, unless `shared` is there:
    synthetic traces of someone who had more of them."""

    frame: pl.DataFrame
    channels: tuple[str, ...]
    length: int
    options: Mapping[str, Any]  # of train
    shared: Traces | None = None

    @property
    def traces(self) -> Traces:
        """As arrays."""
        return arrays(self.frame, self.channels, self.length)

    def take(self, rows: np.ndarray) -> Real:
        """The traces of these rows (indices)."""
        return replace(self, frame=self.frame[np.sort(rows)])

    def more(self, counts: Mapping[str, int], seed: int) -> dict[str, Traces]:
        """So many traces of each label, by netdiffus, by jitter, and real ones with one position left out or twice."""
        mine, rng = self.traces, np.random.default_rng(seed)
        jittered = Traces(*BASELINES["jitter"](mine.series, mine.labels, counts, rng))
        copies = mine.take(resampled(mine.labels, counts, rng))
        copies = Traces(shifted(copies.series, rng), copies.labels)
        return {"synthetic": self.shared or self._drawn(counts, seed), "jitter": jittered, "shifts": copies}

    def _drawn(self, counts: Mapping[str, int], seed: int) -> Traces:
        """By netdiffus trained on these traces alone."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            known = self.frame.select("label", *self.channels).with_columns(split=pl.lit("train"))
            known.write_parquet(folder / "real.parquet")
            prepare(folder / "real.parquet", folder / "dataset", test=0.0)
            train(folder / "dataset", folder / "model", seed=seed, **self.options)
            generate(folder / "model", folder / "drawn.parquet", count=dict(counts), seed=seed)
            return arrays(pl.read_parquet(folder / "drawn.parquet"), self.channels, self.length)


def joined(one: Traces, two: Traces, counts: Mapping[str, int]) -> Traces:
    """One set, and of the other the first so many of each label."""
    rows = np.concatenate([np.flatnonzero(two.labels == label)[:count] for label, count in counts.items()])
    return one.joined(two.take(rows.astype(np.intp)))


def chosen(
    real: Real, held: Traces, fill: Callable[[int], dict[str, int]], levels: Sequence[int], score: Score
) -> Result:
    """For each classifier and way the level that does best on held-back training traces, and how each level did."""
    more = real.more(fill(max(levels)), TUNING_SEED)
    mine, found = real.traces, {}
    for name, learn in CLASSIFIERS.items():

        def reached(way: str, level: int, learn: Classifier = learn) -> float:
            return score(learn(joined(mine, more[way], fill(level)), held, real.channels, TUNING_SEED))

        tried = {way: {level: reached(way, level) for level in levels} for way in WAYS}
        found[name] = {"tried": tried, "level": {way: max(tried[way], key=tried[way].__getitem__) for way in WAYS}}
    return found


def compared(
    real: Real, test: Traces, fill: Callable[[int], dict[str, int]], choice: Result, score: Score, seed: int
) -> dict[str, dict[str, float]]:
    """Each classifier's score on the test traces that equal no training trace: real alone, and with what each way
    adds."""
    mine = real.traces
    unseen = test.take(~seen_before(test, mine, list(range(len(real.channels)))))
    most = max(level for one in choice.values() for level in one["level"].values())
    more = real.more(fill(most), seed)
    found: dict[str, dict[str, float]] = {}
    for name, learn in CLASSIFIERS.items():
        found[name] = {"real": score(learn(mine, unseen, real.channels, seed))}
        for way in WAYS:
            both = joined(mine, more[way], fill(choice[name]["level"][way]))
            found[name][way] = score(learn(both, unseen, real.channels, seed))
    every = list(range(len(real.channels)))
    found["copies"] = {way: float(seen_before(more[way], mine, every).mean()) for way in WAYS}
    return found


def draw(labels: np.ndarray, count: Callable[[int], int], seed: int) -> np.ndarray:
    """Rows: of each label as many as `count` says of the number there are."""
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    return np.concatenate([mine[: count(len(mine))] for mine in rows])


def measure(name: str, options: argparse.Namespace) -> Result:
    """One case: `mirage` and `fgnet` with few traces of each label, shared or not, `imbalance` as MIRAGE is."""
    few, source = name != "imbalance", name.removesuffix(SHARED)
    minutes = options.minutes_scale * (FEW_MINUTES if few else MINUTES)
    own = {"shifts": options.shifts, "validation": 0.0} if few else {"balance": options.balance}
    learning = {"minutes": minutes} | own
    with tempfile.TemporaryDirectory() as scratch:
        _, traces = read_dataset(SETS[source if few else "mirage"].prepare(Path(scratch)))
    channels = tuple(channel_names(traces))
    length = int(traces.select(pl.col(channels[0]).list.len().max()).item())
    shared = _given(source, channels, length) if name.endswith(SHARED) else None
    whole = Real(traces.filter(split="train"), channels, length, learning, shared)
    test = arrays(traces.filter(split="test"), channels, length)
    labels = whole.traces.labels
    counts = dict(whole.frame["label"].value_counts().sort("count", "label").iter_rows())
    rare = list(counts)[:RAREST]
    first = draw(labels, lambda n: FEW if few else round((1 - HELD_BACK) * n), TUNING_SEED)
    held = whole.take(np.setdiff1d(np.arange(len(labels)), first)).traces

    def fill(level: int, real: Real) -> dict[str, int]:
        if few:
            return dict.fromkeys(counts, level)
        there = dict(real.frame["label"].value_counts().iter_rows())
        return {label: level - there[label] for label in rare if level > there[label]}

    score: Score = macro if few else lambda f1: float(np.mean([f1[label] for label in rare]))  # type: ignore[assignment]
    tuning = whole.take(first)
    choice = chosen(tuning, held, lambda level: fill(level, tuning), ADDED if few else LEVELS, score)
    runs = []
    for seed in options.seeds:
        real = whole.take(draw(labels, lambda n: FEW, seed)) if few else whole
        runs.append(compared(real, test, lambda level, real=real: fill(level, real), choice, score, seed))  # type: ignore[misc]
        print(f"{name}, seed {seed}: {runs[-1]}", flush=True)
    return {
        "name": name,
        "options": learning,
        "rare": rare,
        "seeds": options.seeds,
        "choice": choice,
        "runs": runs,
        "measured": place(),
    }


def _given(name: str, channels: Sequence[str], length: int) -> Traces:
    file = DRAWN / f"{name}-gasf-0" / "synthetic.parquet"
    if not file.is_file():
        raise SystemExit(f"expected drawn traces; got no file {file}; run first: python -m bench sets --only {name}")
    return arrays(pl.read_parquet(file), channels, length)


def body(results: Sequence[Result]) -> str:
    """The section."""
    text = (
        "Macro F1 of a random forest (200 trees), of gradient boosting and of the CNN on GASF images on real test "
        "traces that equal none they learned from; mean and standard deviation over draws (seeds). Few: "
        f"{FEW} real training traces of each label, and netdiffus trained {FEW_MINUTES:g} minutes with --shifts "
        f"{FEW_SHIFTS} --validation 0 on these alone. "
        f"Imbalance: all training traces of MIRAGE, F1 of its {RAREST} rarest labels, which alone are filled up; "
        f"netdiffus trained {MINUTES:g} minutes with --balance. Shifts: real traces with one position left out or "
        "repeated. How many traces join the real ones was chosen for each classifier and way on one more draw of the "
        "training part, judged on other training traces. From a model of all: the synthetic traces are drawn from a "
        "model of the whole training part, which someone else may have and give away.\n\n"
    )
    rows, copies = [], []
    for result in results:
        case = result["name"].removesuffix(SHARED) + ", few" * (result["name"] != "imbalance")
        case += ", from a model of all" * result["name"].endswith(SHARED)
        for name, choice in result["choice"].items():
            figures = {way: np.array([run[name][way] for run in result["runs"]]) for way in ("real", *WAYS)}
            gain, above, beside = (100 * (figures["synthetic"] - figures[way]) for way in ("real", "jitter", "shifts"))
            row = [case, name, len(result["runs"]), *(spread(figures[way].tolist()) for way in ("real", *WAYS))]
            points = [spread(each.tolist(), 1) for each in (gain, above, beside)]
            row += [f"**{points[0]}**", *points[1:]]
            rows.append([*row, "/".join(str(choice["level"][way]) for way in WAYS)])
        shares = [np.mean([run["copies"][way] for run in result["runs"]]) for way in WAYS]
        copies.append([case, *(f"{100 * share:.1f} %" for share in shares)])
    header = ("case", "classifier", "draws", "real alone", "with synthetic", "with jitter", "with shifts")
    text += table((*header, "gain in points", "points above jitter", "above shifts", "levels"), rows)
    text += "\n\nLevels: traces of a label that are added (synthetic/jitter/shifts), or in the imbalance, that each"
    rare = next((", ".join(result["rare"]) for result in results if result["name"] == "imbalance"), "")
    text += " rare label is filled up to." + (f" The rarest labels: {rare}." if rare else "")
    text += " Wanted: a gain of 3 points with few, a gain for the rarest labels, and more than jitter brings."
    text += "\n\nTraces that are added and equal a real one that was learned from:\n\n"
    text += table(("case", "synthetic", "jitter", "shifts"), copies)
    return text + "\n\nMeasured: " + "; ".join(sorted({result["measured"] for result in results})) + "."


def main(given: Sequence[str] = ()) -> None:
    """Measure the cases; a trial is printed only."""
    parser = argparse.ArgumentParser(prog="python -m bench augmentation", description=__doc__)
    parser.add_argument("--only", default="mirage,fgnet,imbalance,mirage-shared,fgnet-shared")
    parser.add_argument("--minutes-scale", type=float, default=1.0, help="train this many times as long (a trial)")
    parser.add_argument("--balance", type=float, default=0.5, help="of the training on all labels as they are")
    parser.add_argument("--shifts", type=int, default=FEW_SHIFTS, help="of the training on few (another one: a trial)")
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--write", action="store_true", help="only write the page from what was measured")
    options = parser.parse_args(given)
    trial = options.minutes_scale != 1 or options.shifts != FEW_SHIFTS
    folder = BUILD / "trial" if trial else BUILD
    folder.mkdir(parents=True, exist_ok=True)
    for name in [] if options.write else options.only.split(","):
        (folder / f"{name}.json").write_text(json.dumps(measure(name, options), indent=1) + "\n", encoding="utf-8")
    text = body([json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))])
    print(text) if trial else write_section("augmentation", "Augmentation", text)


if __name__ == "__main__":
    main()
