"""Do the scores tell good from bad: planted generators on the recordings and on MIRAGE, over seeds that chose nothing.

Every seed draws other training, test and fresh traces and spoils them anew. The right scores must flag each spoilt set,
and no score may flag the fresh traces as they are. PLANTED_SEEDS sets how many (default 10, some three minutes each).
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from bench.corrupted import CHANNELS, GENERATORS, MUST_ANSWER, MUST_FLAG, parts
from bench.results import table, write_section
from netdiffus import recordings
from netdiffus.api.verbs import prepare
from netdiffus.imaging.codec import GasfCodec
from netdiffus.metrics import METRICS, Imaged, Inputs, Score, Traces, comparison, compute, metric_of, type_of
from netdiffus.report import verdicts
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.traces import series

SHARED = Path(__file__).parents[2] / "shared" / "data"
FIRST_SEED, SEEDS = 1_000, 10
PER_LABEL = {"recordings": 40, "MIRAGE": 60}
Sets = tuple[Traces, Traces, Traces]


def sources(folder: Path) -> dict[str, Traces]:
    """All traces of the recordings, and of MIRAGE where it is there."""
    prepare(recordings.folder(), folder / "recordings", packets=32)
    found = {"recordings": (folder / "recordings", 32)}
    mirage = [SHARED / "mirage_appxact" / f"{side}.parquet" for side in ("train", "test")]
    if all(path.exists() for path in mirage):
        columns = "size=PL,direction=DIR,gap_us=IAT,label=LABEL"
        prepare(mirage, folder / "mirage", columns=columns, strip_padding=True)
        found["MIRAGE"] = (folder / "mirage", 10)
    return {name: _traces(path, length) for name, (path, length) in found.items()}


def _traces(folder: Path, length: int) -> Traces:
    _, rows = read_dataset(folder)
    return Traces(series(rows, length, CHANNELS), rows["label"].to_numpy().astype(np.str_))


def scored(sets: Sets, generator: str, metrics: set[str], seed: int) -> list[Score]:
    """The scores of what a generator makes."""
    train, test, fresh = sets
    made = GENERATORS[generator](train, test, fresh, CHANNELS, np.random.default_rng(seed))
    codec = GasfCodec.fit(train.series, CHANNELS)
    compared = comparison(train, test, made, CHANNELS)
    inputs = Inputs(compared, Imaged(compared, codec.encode))
    return [score for name in METRICS if name in metrics for score in compute(name, inputs, seed)]


def flagged(found: list[Score]) -> tuple[set[str], int]:
    """The scores over all labels that are worse than real, or clearly below 0.5, and how many could have been."""
    able = [score for score in found if score.excess is not None and score.label is None]
    return {score.name for score in able if score.flagged or (score.too_good and _independent(score.name))}, len(able)


def _independent(name: str) -> bool:
    """Whether a score tells of synthetic traces too near to the test part."""
    kind = type_of(name)
    return kind is not None and "independence" in kind.evidence


def corrupted(hits: dict[str, Counter[str]], count: int) -> str:
    """A row for each corrupted generator: in how many of `count` sets the scores and verdicts were right."""
    pairs = [(generator, name) for generator, names in MUST_FLAG.items() for name in names]
    pairs += [(generator, ", ".join(wanted)) for generator, wanted in MUST_ANSWER.items()]
    grouped: dict[tuple[str, ...], list[str]] = {}
    for generator, name in pairs:
        shares = [f"{hits[source][f'{generator}: {name}']} of {count}" for source in hits]
        grouped.setdefault((generator, *shares), []).append(f"`{name}`")
    columns = ("corrupted set", "scores that must flag it, or verdicts", *hits)
    return table(columns, [(key[0], ", ".join(names), *key[1:]) for key, names in grouped.items()])


def main() -> None:
    """Count flags over all seeds."""
    count = int(os.environ.get("PLANTED_SEEDS", str(SEEDS)))
    hits: dict[str, Counter[str]] = {}
    wrong: dict[str, Counter[str]] = {}
    looked: Counter[str] = Counter()
    clean: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        for source, traces in sources(Path(scratch)).items():
            hits[source], wrong[source] = Counter(), Counter()
            for seed in range(FIRST_SEED, FIRST_SEED + count):
                sets = parts(traces, PER_LABEL[source], seed)
                found, able = flagged(scored(sets, "resample", set(METRICS), seed))
                wrong[source].update(found)
                looked[source] += able
                clean[source] += not found
                for generator, names in MUST_FLAG.items():
                    met, _ = flagged(scored(sets, generator, {str(metric_of(name)) for name in names}, seed))
                    hits[source].update((f"{generator}: {name}") for name in names if name in met)
                for generator, wanted in MUST_ANSWER.items():
                    given = tuple(v.answer for v in verdicts(scored(sets, generator, set(METRICS), seed)))
                    hits[source][f"{generator}: {', '.join(wanted)}"] += given == wanted
                print(f"{source} seed {seed}: resample flagged by {sorted(found) or 'nothing'}", flush=True)
    body = f"{count} seeds, none of which was used to choose a threshold, each with different training, test and fresh "
    body += "traces.\n\n"
    rows = [
        (source, f"{clean[source]} of {count}", f"{sum(wrong[source].values())} of {looked[source]:,}",
         ", ".join(f"{name} {n}" for name, n in wrong[source].most_common()) or "–")
        for source in hits
    ]  # fmt: skip
    body += (
        table(("fresh real traces", "sets without a false alarm", "false alarms among scores", "which"), rows) + "\n\n"
    )
    body += corrupted(hits, count)
    if count == SEEDS:
        write_section("planted", "Corrupted generators", body)
    else:
        print(body)


if __name__ == "__main__":
    main()
