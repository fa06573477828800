"""What `netdiffus evaluate` says of every synthetic set that the other benchmarks left behind, and of the recordings.

python -m bench verdicts [--set NAME=REAL,SYNTHETIC[,TEST] ...]

Without options: every folder below build/bench that holds `dataset` and `synthetic.parquet` (or .pcap, .pcapng), and
the recordings, for which a model is trained first if none lies in build/bench/recordings (VERDICT_MINUTES, default 10).
The reports are kept beside the sets.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.results import table, write_section
from netdiffus import recordings
from netdiffus.api.scores import Scores
from netdiffus.api.verbs import evaluate, generate, prepare, train

BUILD = Path(__file__).parents[1] / "build" / "bench"
RECORDINGS = BUILD / "recordings" / "recordings"
FORMS = ("synthetic.parquet", "synthetic.pcap", "synthetic.pcapng")
PER_LABEL = 100
FIGURES = (
    "utility.trtr_accuracy", "utility.tstr_accuracy", "utility.ratio", "utility.tstr_macro_f1",
    "utility.augmented_accuracy", "lowdata.10.augmented", "anomaly.tstr_auc", "fingerprinting.tstr_accuracy",
    "marginal.by_label.jsd", "atoms.size.share", "autocorrelation.size", "correlation.channels", "totals.bytes",
    "spectrum.up_bytes", "manifold.precision", "manifold.coverage", "mmd", "images.fid", "detection.auc",
    "detection.cnn_auc", "copies.exact", "copies.near", "membership.auc", "membership.tpr",
    "membership.likelihood_auc", "membership.likelihood_tpr", "disclosure.excess", "fields.ttl.ks", "fields.window.ks",
    "fields.size.ks", "fields.gap.ks", "fields.server_port.tvd", "fields.options.tvd", "bits.varying.jsd",
    "bits.detection_auc", "bits.tstr_accuracy", "conformance.clean_flows", "conformance.capture_clean_flows",
)  # fmt: skip


class Pair(NamedTuple):
    """A real set, a synthetic one, and a real test set where the first has none of its own."""

    name: str
    real: Path
    synthetic: Path
    test: Path | None = None
    report: Path | None = None
    model: Path | None = None


def left_behind() -> list[Pair]:
    """What other benchmarks made."""
    found = []
    for dataset in sorted(BUILD.glob("*/*/dataset")):
        folder = dataset.parent
        made = next((folder / form for form in FORMS if (folder / form).is_file()), None)
        if made is not None:
            model = folder / "model" if (folder / "model" / "model.json").is_file() else None
            found.append(Pair(folder.name, dataset, made, None, folder / "report", model))
    return found


def recorded() -> None:
    """A dataset, a model and synthetic traces of the recordings, unless they are there."""
    if (RECORDINGS / FORMS[0]).is_file():
        return
    RECORDINGS.mkdir(parents=True, exist_ok=True)
    prepare(recordings.folder(), RECORDINGS / "dataset", packets=32)
    train(RECORDINGS / "dataset", RECORDINGS / "model", minutes=float(os.environ.get("VERDICT_MINUTES", "10")))
    count = PER_LABEL * len(recordings.labels())
    generate(RECORDINGS / "model", RECORDINGS / FORMS[0], count=count, balance=True)


def named(given: Sequence[str]) -> list[Pair]:
    """Pairs from the command line.

    Raises:
        SystemExit: a set is no NAME=REAL,SYNTHETIC[,TEST].
    """
    parser = argparse.ArgumentParser(prog="python -m bench verdicts", description=__doc__)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=REAL,SYNTHETIC[,TEST]")
    found = []
    for argument in parser.parse_args(given).set:
        name, _, rest = argument.partition("=")
        paths = [Path(text) for text in rest.split(",") if text]
        if not name or len(paths) not in (2, 3):
            raise SystemExit(f"expected NAME=REAL,SYNTHETIC[,TEST]; got {argument}; correct it")
        found.append(Pair(name, paths[0], paths[1], paths[2] if len(paths) == 3 else None))
    return found


def main(given: Sequence[str] = ()) -> None:
    """Evaluate every pair; only what was left behind goes to the page."""
    if not given:
        recorded()
    pairs = named(given) or left_behind()
    answers, sections = [], []
    for pair in pairs:
        began = time.perf_counter()
        scores = evaluate(pair.real, pair.synthetic, pair.report, test=pair.test, model=pair.model)
        seconds = time.perf_counter() - began
        print(f"{pair.name}: {seconds:.0f} s", file=sys.stderr, flush=True)
        own = [score for score in scores if score.label is None and not score.name.startswith("baseline.")]
        known = sum(score.low is not None or score.high is not None for score in own)
        worse = f"{sum(score.flagged for score in own)} of {known}"
        answers.append((pair.name, *(verdict.answer for verdict in scores.verdicts()), worse, f"{seconds:.0f}"))
        figures = table(("score", "good is", "synthetic", "real", "95 %", ""), rows(scores))
        sections.append(f"### {pair.name}\n\n{figures}")
    header = ("set", "alone", "mixed in", "publish", "IDS", "scores worse than real", "seconds")
    body = "May one train on it alone, mix it in, publish it, feed it to an IDS?\n\n" + table(header, answers)
    body += "\n\n" + "\n\n".join(sections)
    if given:
        print(body)
    else:
        write_section("verdicts", "Verdicts on every set", body)


def rows(scores: Scores) -> list[tuple[str, ...]]:
    """The chosen scores that the set has, with what real traffic gets and its interval."""
    found = {score.name: score for score in scores if score.label is None and score.value is not None}
    return [
        (
            f"`{name}`", score.goal, f"{score.value:.3f}",
            "–" if score.reference is None else f"{score.reference:.3f}",
            "–" if score.low is None or score.high is None else f"{score.low:.3f} to {score.high:.3f}",
            "worse" if score.flagged else "",
        )
        for name in FIGURES if (score := found.get(name)) is not None
    ]  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
