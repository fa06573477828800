"""Methods of private traces on MIRAGE: tables, marginals, a network by DP-SGD, private evolution.

Settings are chosen on a fifth of the training part that is held out; the test part is used once, for what was chosen.

python -m bench privacy_methods [--only tables,sgd] [--epsilons 8,4,1] [--seeds 3] [--times 1,5] [--out FILE.json]
                                [--choose]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

import numpy as np
import polars as pl

from bench.private_evolution import by_evolution
from bench.private_marginals import marginals
from bench.private_sgd import by_sgd
from bench.private_start import CHANNELS, DELTA, Method, Private, as_product, by_label
from bench.results import ROOT, spread, table, write_section
from bench.sets.collection import SETS
from bench.sets.measures import Parts, learned
from netdiffus.imaging.channels import unfold
from netdiffus.metrics import Traces
from netdiffus.metrics.copies import seen_before

Setting = Mapping[str, float]
EPSILONS, SEEDS, TIMES = "8,4,1", 3, "1,5"
HELD_OUT = 5
"""One trace of so many of each label is held out to choose settings."""
SGD = {"contexts": 0, "share": 0.4, "steps": 120, "sampled": 0.1, "clip": 2.0, "rate": 0.01}
ALL = "tables,marginals,product,sgd,evolution"
SAID = (
    f"One flow added or removed, δ = {DELTA:g}. Forests of 200 trees that saw draws alone. The setting of each method "
    "is chosen at each ε by one training on four fifths of the training part, with as many draws of each label as "
    "there are traces, tested on those traces of the other fifth that equal none of them."
)
TESTED = (
    " The test part is used for what was chosen alone: {seeds} trainings each on the whole training part, as many "
    "draws of each label as there are traces or a multiple of that, tested on test traces that equal no training trace."
)
EVOLUTION = {"tables": 0, "rounds": 4, "candidates": 400}


@dataclass(frozen=True)
class Compared:
    """A method that is compared: its name in the table, what makes it, and the settings that one is chosen from."""

    title: str
    make: Callable[[Private, float, Setting, int], Method]
    settings: Sequence[Setting]


METHODS = {
    "tables": Compared("tables by label alone", by_label, [{"codes": 0.91}]),
    "marginals": Compared("tables, two-way marginals of a tree", marginals, [{"codes": 0.5, "pairs": 0.38}]),
    "product": Compared("tables of contexts (`train --epsilon`)", as_product, [{"contexts": 0.55}, {"contexts": 0.4}]),
    "sgd": Compared("DP-SGD on top of tables", by_sgd, [SGD, SGD | {"contexts": 1, "share": 0.5}]),
    "evolution": Compared(
        "private evolution",
        by_evolution,
        [EVOLUTION, EVOLUTION | {"rounds": 15, "candidates": 1500}, EVOLUTION | {"tables": 0.5}],
    ),
}


@dataclass(frozen=True)
class Figures:
    """Of one training: accuracy and macro F1 by draws for each training trace, epsilon spent, CPU-seconds."""

    accuracy: dict[str, float]
    macro_f1: dict[str, float]
    spent: float
    seconds: float


@dataclass
class Records:
    """Figures of trainings by what was trained, in a file, so that a run that was stopped goes on where it was."""

    path: Path
    found: dict[str, Figures]

    @classmethod
    def read(cls, path: Path) -> Records:
        """What a file holds; nothing if there is none."""
        text = path.read_text(encoding="utf-8") if path.exists() else "{}"
        return cls(path, {name: Figures(**figures) for name, figures in json.loads(text).items()})

    def of(self, name: str, measure: Callable[[], Figures]) -> Figures:
        """The figures of that name, measured if they are not there."""
        if name not in self.found:
            self.found[name] = measure()
            print(name, self.found[name], flush=True)
            text = json.dumps({name: asdict(figures) for name, figures in self.found.items()}, indent=1)
            self.path.write_text(text, encoding="utf-8")
        return self.found[name]


@dataclass(frozen=True)
class Asked:
    """What is measured: a method by name, its setting, epsilon, and draws for each training trace."""

    name: str
    setting: Setting
    epsilon: float
    times: tuple[int, ...] = (1,)

    def __str__(self) -> str:
        times = ",".join(map(str, self.times))
        return f"{self.name}, epsilon {self.epsilon:g}, {json.dumps(dict(self.setting))}, times {times}"

    def measured(self, train: Traces, test: Traces, seed: int) -> Figures:
        """Train on the first part, and test forests that saw draws alone on the second.

        Raises:
            ValueError: more was spent than was asked for.
        """
        began, private = time.process_time(), Private.of(train)
        made = METHODS[self.name].make(private, self.epsilon, self.setting, seed)
        seconds = time.process_time() - began
        if made.spent > self.epsilon:
            raise ValueError(f"{self} spent {made.spent}")
        accuracy, macro_f1, rng = dict[str, float](), dict[str, float](), np.random.default_rng(seed)
        for many in self.times:
            ids = np.repeat(np.arange(len(private.labels)), many * np.bincount(private.ids))
            drawn = unfold(made.draw(ids, rng)[:, None], CHANNELS)
            result = learned(Traces(drawn, np.array(private.labels)[ids]), test)
            accuracy[str(many)], macro_f1[str(many)] = result.accuracy, result.macro_f1
        return Figures(accuracy, macro_f1, made.spent, seconds)


def held_out(train: Traces, seed: int = 0) -> tuple[Traces, Traces]:
    """A training part without a fifth of each label, and those of the fifth that equal none of the others."""
    rng, out = np.random.default_rng(seed), np.zeros(len(train), dtype=bool)
    for label in np.unique(train.labels):
        rows = np.flatnonzero(train.labels == label)
        out[rng.permutation(rows)[: len(rows) // HELD_OUT]] = True
    rest, others = train.take(np.flatnonzero(~out)), train.take(np.flatnonzero(out))
    return rest, others.take(~seen_before(others, rest, list(range(len(CHANNELS)))))


def chosen(name: str, train: Traces, epsilon: float, records: Records) -> tuple[Setting, Figures]:
    """The setting whose forest does best on what is held out, by the sum of accuracy and macro F1."""
    parts = held_out(train)
    tried = []
    for setting in METHODS[name].settings:
        asked = Asked(name, setting, epsilon)
        tried.append((setting, records.of(f"held out: {asked}", partial(asked.measured, *parts, 0))))
    return max(tried, key=lambda each: each[1].accuracy["1"] + each[1].macro_f1["1"])


def line(name: str, epsilon: float, given: argparse.Namespace, parts: Parts) -> tuple[str, ...]:
    """A line of the table: the setting of a method that was chosen, and how it does on the test part."""
    records, test = Records.read(given.out), parts.test.take(parts.unseen)
    setting, validated = chosen(name, parts.train, epsilon, records)
    cells = [f"{validated.accuracy['1']:.3f} / {validated.macro_f1['1']:.3f}"]
    if not given.choose:
        asked = Asked(name, setting, epsilon, tuple(map(int, given.times.split(","))))
        found = [
            records.of(f"test: {asked}, seed {seed}", partial(asked.measured, parts.train, test, seed))
            for seed in range(given.seeds)
        ]
        for many in map(str, asked.times):
            cells += [spread([each.accuracy[many] for each in found]), spread([each.macro_f1[many] for each in found])]
        cells.append(f"{fmean(each.seconds for each in found):.0f}")
    named = ", ".join(f"{key} {value:g}" for key, value in setting.items())
    return (f"{epsilon:g}", METHODS[name].title, named, *cells)


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench privacy_methods")
    parser.add_argument("--only", default=ALL)
    parser.add_argument("--epsilons", default=EPSILONS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--times", default=TIMES, help="draws for each training trace")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "privacy_methods.json", help="keeps the figures")
    parser.add_argument("--choose", action="store_true", help="choose settings, and leave the test part alone")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure, and write the section; what is less than all methods, seeds and draws is printed."""
    given = options(arguments)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        dataset = SETS["mirage"].prepare(Path(scratch))
        parts = Parts.of(pl.read_parquet(dataset / "traces.parquet"), CHANNELS)
    epsilons, names = map(float, given.epsilons.split(",")), given.only.split(",")
    rows = [line(name, epsilon, given, parts) for epsilon in epsilons for name in names]
    header = ["ε", "method", "setting", "held out, accuracy / macro F1"]
    if not given.choose:
        kinds = ("accuracy", "macro F1")
        header += [f"{kind}, draws × {many}" for many in given.times.split(",") for kind in kinds] + ["CPU-seconds"]
    body = SAID + ("" if given.choose else TESTED.format(seeds=given.seeds)) + "\n\n" + table(header, rows)
    tested = given.choose or (given.times == TIMES and given.seeds >= SEEDS)
    if given.only == ALL and given.epsilons == EPSILONS and tested:
        write_section("privacy_methods", "Private models: methods compared on mirage", body)
    else:
        print(body)


if __name__ == "__main__":
    main()
