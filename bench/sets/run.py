"""Runs sets: prepare, train, generate, judge; every figure goes to a JSON file, and all of those to the page."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import polars as pl

from bench.results import place
from bench.sets.collection import SETS
from bench.sets.limits import limits
from bench.sets.measures import Parts, arrays, judged, membership
from bench.sets.page import show, write
from netdiffus.api.verbs import generate, train
from netdiffus.models.backends import load_model
from netdiffus.store.cards import ModelCard
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.traces import channel_names

BUILD = Path(__file__).parents[2] / "build" / "bench" / "sets"


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(prog="python -m bench sets", description=__doc__)
    parser.add_argument("--only", default=",".join(SETS), help=f"names with commas between, among {', '.join(SETS)}")
    parser.add_argument("--minutes-scale", type=float, default=1.0, help="train this many times as long (a trial)")
    parser.add_argument("--seed", type=int, default=0, help="of training and of the first draw; forests have their own")
    parser.add_argument("--draws", type=int, default=3, help="synthetic sets, drawn with one seed after the other")
    parser.add_argument("--rows", type=int, help="synthetic traces, about (a trial); default: as many as real ones")
    parser.add_argument("--ablation", action="store_true", help="train on the series too, without images")
    parser.add_argument("--draw", action="store_true", help="draw and judge again, without training")
    parser.add_argument("--judge", action="store_true", help="judge what lies in build/ again, without training")
    parser.add_argument("--write", action="store_true", help="only write the page from what was measured")
    options = parser.parse_args(given)
    unknown = [name for name in options.only.split(",") if name not in SETS]
    if unknown:
        parser.error(f"expected sets among {', '.join(SETS)}; got {unknown[0]}; correct --only")
    return options


def main(given: Sequence[str] = ()) -> None:
    """Measure the sets one after the other, and write what is known of all; a trial is printed only."""
    options = arguments(given)
    trial = options.minutes_scale != 1 or options.rows is not None
    folder = BUILD / "trial" if trial else BUILD
    if not options.write:
        for name in options.only.split(","):
            for image in ("gasf", "series") if options.ablation else ("gasf",):
                result = measure(name, image, folder, options)
                file = folder / f"{name}-{image}-{options.seed}.json"
                file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
                print(json.dumps(result, indent=1), flush=True)
    (show if trial else write)(folder)


def measure(name: str, image: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one set and one kind of model."""
    chosen = SETS[name]
    made = folder / f"{name}-{image}-{options.seed}"
    made.mkdir(parents=True, exist_ok=True)
    dataset, model, notes = made / "dataset", made / "model", made / "notes.json"
    drawn = {options.seed + k: made / f"synthetic{f'-{k}' if k else ''}.parquet" for k in range(options.draws)}
    trains = not (options.judge or options.draw)
    if trains:
        chosen.prepare(made)
    card, traces = read_dataset(dataset)
    parts = Parts.of(traces, channel_names(traces))
    dropped = _dropped(name, parts)
    if trains:
        train(dataset, model, minutes=chosen.minutes * options.minutes_scale, seed=options.seed, image=image)
        _note(notes, trained=place())
    if not options.judge:
        _draw(model, drawn, parts.counts(options.rows), notes)
    trained, found = ModelCard.read(model), []
    for seed, file in drawn.items():
        synthetic = arrays(pl.read_parquet(file), parts.channels, parts.train.series.shape[-1])
        found.append(judged(parts, synthetic, chosen.benign, seed))
    loaded = load_model(model)
    more = limits(loaded, model, parts, made / "more.parquet", options.seed)
    known = {"membership": membership(loaded, parts)} | more
    return {
        "name": name,
        "image": image,
        "seed": options.seed,
        "minutes": chosen.minutes * options.minutes_scale,
        "train": len(parts.train),
        "test": len(parts.test),
        "dropped": dropped,
        "synthetic": len(synthetic),
        "training_seconds": trained.seconds,
        "training_steps": trained.steps,
        "faults": card.faults,
        "figures": {figure: fmean(one[figure] for one in found) for figure in found[0]} | known,
        "ratios": [one["ratio"] for one in found],
        **json.loads(notes.read_text(encoding="utf-8")),
    }


def _dropped(name: str, parts: Parts) -> int:
    """How many test traces equal a training trace; prints what the set has."""
    dropped = int((~parts.unseen).sum())
    print(f"{name}: {len(parts.train):,} training and {len(parts.test):,} test traces, "
          f"{', '.join(parts.channels)}, {parts.train.series.shape[-1]} positions; "
          f"{dropped:,} test traces equal a training trace and are dropped", flush=True)  # fmt: skip
    return dropped


def _draw(model: Path, drawn: dict[int, Path], count: dict[str, int], notes: Path) -> None:
    """Generate a synthetic set for each seed, and note the time it took."""
    began = time.perf_counter()
    for seed, file in drawn.items():
        generate(model, file, count=count, seed=seed)
    _note(notes, drawn=place(), sampling_seconds=(time.perf_counter() - began) / len(drawn))


def _note(file: Path, **known: Any) -> None:
    """Add to what is known of a set's model and draws."""
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    file.write_text(json.dumps(before | known), encoding="utf-8")
