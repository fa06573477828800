"""The section of docs/results.md, made of all that was measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.results import spread, table, write_section
from bench.sets.collection import SETS, TrafficSet

Result = dict[str, Any]
COPIES, DETECTION, JSD, ANOMALY = 1.0, 0.65, 3.0, 0.95  # wanted: times the test's own, AUC, times the floor, ratio


def read(folder: Path) -> list[Result]:
    """What was measured, in the order of SETS."""
    results = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    return sorted(results, key=lambda result: (list(SETS).index(result["name"]), result["image"], result["seed"]))


def show(folder: Path) -> None:
    """Print the section."""
    print(body(read(folder)))


def write(folder: Path) -> None:
    """Put the section into the page."""
    results = read(folder)
    if not results:
        raise SystemExit(f"nothing was measured yet: no JSON files in {folder}")
    write_section("sets", "Sets of real traffic", body(results))


def body(results: list[Result]) -> str:
    """Two tables (usefulness, likeness), the ablation if there is one, what was chosen, and where it was measured."""
    main = [result for result in results if result["image"] == "gasf"]
    series = [result for result in results if result["image"] == "series"]
    text = (
        "TSTR and TRTR: accuracy of a random forest (200 trees) trained on synthetic or on real traces and tested on "
        "real ones, with as many synthetic as real training traces of each label. Test traces that equal a training "
        "trace are dropped first. The forest sees every value of every channel, and -1 past the end of a trace. "
        "Every figure is the mean over samples (seeds) of one model, with the standard deviation of TSTR / TRTR. The "
        "last three columns give the baselines relative to TRTR.\n\n"
    )
    header = ("set", "seed", "minutes", "draws", "test traces (dropped)", "TRTR", "TSTR", "TSTR / TRTR", "wanted")
    text += table((*header, "jitter", "histograms", "Markov chain"), [_usefulness(result) for result in main])
    text += (
        "\n\nCompared with the whole real test part: the share of exact copies of training traces, next to that of the "
        "test part itself; the AUC of gradient boosting that separates synthetic from real test traces, next to that "
        "for real training traces; the AUC of telling training from test traces by their likelihood under the model; "
        "the Jensen-Shannon divergence in bits, mean over positions, next to that of as many real training traces.\n\n"
    )
    columns = (
        "copies",
        "of the test part",
        "detection AUC",
        "real",
        "membership AUC",
        "JSD",
        "real",
        "wanted and reached",
    )
    text += table(("set", "seed", *columns), [_likeness(result) for result in main])
    text += _limits([result for result in main if "bayes" in result["figures"]])
    text += "".join(_anomaly(result) for result in main if SETS[result["name"]].benign)
    if series:
        text += "\n\nAblation: the same diffusion on the series, no imaging (`--image series`).\n\n"
        text += _ablation(series, main)
    text += "\n\n" + "\n".join(f"* {SETS[name].title}: {SETS[name].note}." for name in _names(main))
    return text + "\n\n" + "\n".join(_measured(result) for result in results)


def _limits(limited: list[Result]) -> str:
    """What limits TSTR / TRTR; nothing where it was not measured."""
    if not limited:
        return ""
    text = (
        "\n\nWhat limits TSTR / TRTR, as shares of TRTR: a forest trained on a bootstrap sample of the real "
        "training part; one trained on four times as many synthetic traces; and no forest, but the label under "
        "which the model finds a test trace most likely.\n\n"
    )
    return text + table(("set", "TSTR", "bootstrap of real", "four times as many", "likelihood"), [
        (SETS[one["name"]].title, *(f"{one['figures'][key]:.3f}" for key in LIMITS)) for one in limited
    ])  # fmt: skip


def _ablation(series: list[Result], main: list[Result]) -> str:
    """A row for each model of series, beside that of GASF images."""
    pairs = [(one, _twin(one, main)) for one in series]
    rows = [
        (
            SETS[one["name"]].title,
            one["seed"],
            *(f"{side['figures'][figure]:.3f}" if side else "–" for figure in SHOWN for side in (twin, one)),
        )
        for one, twin in pairs
    ]
    return table(("set", "seed", *(f"{words} {kind}" for words in SHOWN.values() for kind in KINDS)), rows)


SHOWN = {"ratio": "TSTR / TRTR,", "detection": "detection,", "jsd": "JSD,"}
KINDS = ("GASF", "series")
LIMITS = ("ratio", "bootstrap", "more", "bayes")
DETECTORS = {"forest": "isolation forest", "svm": "support vector machine"}


def _names(results: list[Result]) -> list[str]:
    return list(dict.fromkeys(result["name"] for result in results))


def _measured(result: Result) -> str:
    name = SETS[result["name"]].title + ("" if result["image"] == "gasf" else ", series")
    return f"* {name}, seed {result['seed']}: trained {result['trained']}; drawn {result['drawn']}."


def _twin(one: Result, others: list[Result]) -> Result | None:
    same = ("name", "seed", "minutes")
    return next((other for other in others if all(other[key] == one[key] for key in same)), None)


def _usefulness(result: Result) -> tuple[object, ...]:
    found, chosen = result["figures"], SETS[result["name"]]
    baselines = (f"{found[name] / found['trtr']:.3f}" for name in ("jitter", "histogram", "markov"))
    return (
        chosen.title,
        result["seed"],
        f"{result['minutes']:g}",
        len(result["ratios"]),
        f"{result['test'] - result['dropped']:,} ({result['dropped']:,})",
        f"{found['trtr']:.3f}",
        f"{found['tstr']:.3f}",
        f"**{spread(result['ratios'])}**",
        f"{chosen.ratio:g}: {_word(found['ratio'] >= chosen.ratio)}",
        *baselines,
    )


def _likeness(result: Result) -> tuple[object, ...]:
    found, chosen = result["figures"], SETS[result["name"]]
    return (
        chosen.title,
        result["seed"],
        f"{found['copies']:.4f}",
        f"{found['test_copies']:.4f}",
        f"{found['detection']:.3f}",
        f"{found['detection_floor']:.3f}",
        f"{found['membership']:.3f}" if "membership" in found else "–",
        f"{found['jsd']:.4f}",
        f"{found['jsd_floor']:.4f}",
        _strict(found, chosen),
    )


def _strict(found: dict[str, float], chosen: TrafficSet) -> str:
    if not chosen.strict:
        return "–"
    copies = found["copies"] <= COPIES * found["test_copies"]
    alike = found["jsd"] / found["jsd_floor"]
    return (
        f"copies not above the test part's: {_word(copies)}; "
        f"AUC ≤ {DETECTION}: {_word(found['detection'] <= DETECTION)}; "
        f"JSD ≤ {JSD:g} × real: {_word(alike <= JSD)} ({alike:.1f} ×)"
    )


def _anomaly(result: Result) -> str:
    text = f"\n\n{SETS[result['name']].title}, seed {result['seed']}: attack detection by one-class models fitted "
    text += f"to benign traces only, AUC on the real test part, synthetic / real; wanted: {ANOMALY} of real. "
    found = []
    for name, words in DETECTORS.items():
        real, synthetic = (result["figures"][f"anomaly_{name}_{way}"] for way in ("trtr", "tstr"))
        share = synthetic / real
        found.append(f"{words} {synthetic:.3f} / {real:.3f} = {share:.3f} ({_word(share >= ANOMALY)})")
    return text + "; ".join(found) + "."


def _word(reached: bool) -> str:
    return "reached" if reached else "not reached"
