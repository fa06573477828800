"""The verdict in words: four questions, answered by comparing the scores with those of real traffic.

Which scores count for which answer is declared with each metric (`ScoreType.evidence`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

from netdiffus.metrics import Score, find, type_of
from netdiffus.metrics.intervals import NORMAL
from netdiffus.metrics.lowdata import SIZES
from netdiffus.metrics.score import FLAGGED
from netdiffus.metrics.scoretype import Evidence
from netdiffus.metrics.sessions import NO_SESSIONS
from netdiffus.report.headlines import Headline, figure, grade

FEED = "May I feed it to an IDS or a flow collector?"
RULE = (
    f"A score counts as worse than real if it lies more than {FLAGGED:g} times as far beyond the real value as the end "
    "of the 95 % interval, which is the range that other real traces of the same numbers get."
)
WITHDRAWN = "Withdrawn: the synthetic traces are not independent of the test part."
TOO_FEW = "Too few test traces to tell"
PUBLISHABLE = 8.0  # epsilon up to which a guarantee is worth its name
MARGIN = 0.1  # a loss of accuracy that a test part must be able to exclude before the answer is "no harm"
AUC_MARGIN = 0.2  # the same of a detector's AUC
NAMED = 3  # labels, and reasons
CAPPED = 20.0  # so that no single score decides which label is the weakest


@dataclass(frozen=True)
class Verdict:
    """An answer, "yes", "with care", "no" or "unknown", and what it rests on."""

    question: str
    answer: str
    why: str

    @property
    def grade(self) -> str:
        """The grade of the same colour."""
        return {"yes": "good", "with care": "fair", "no": "poor"}.get(self.answer, "unknown")


def verdicts(scores: Sequence[Score]) -> list[Verdict]:
    """The four answers: train on it alone, mix it in, publish it, feed it to an IDS."""
    found = list(scores)
    answers = [_alone(found), _mixed(found), _publish(found), _feed(found)]
    if not contamination(found):
        return answers
    withdrawn = [Verdict(answer.question, "unknown", WITHDRAWN) for answer in answers]
    copied = _telling(found, "contamination", flagged=True)
    if copied:
        why = f"It contains real test traces: {copied[0].note}."
        withdrawn[2] = Verdict(answers[2].question, "no", why)
    else:
        withdrawn[2] = answers[2]
    return withdrawn


def contamination(scores: Sequence[Score]) -> str:
    """The warning shown first when synthetic traces copy the test part or are too near to it; empty otherwise."""
    found = list(scores)
    reasons = [f"{score.note}." for score in _telling(found, "contamination", flagged=True)][:1]
    below = [score for score in _telling(found, "independence") if score.too_good]
    if below:
        figures = " and ".join(f"{score.name} is {_with_real(score)}" for score in below)
        reasons.append(
            f"{figures}: clearly below 0.5, so synthetic traces are nearer to the test part than chance allows."
        )
    if not reasons:
        return ""
    cause = (
        "Was SYNTHETIC made before the split, by a model that learned from the test part, or is it a wrong argument? "
        "Scores on this test part cannot judge the synthetic traces: evaluate with test traces that the generator has "
        "not seen."
    )
    return " ".join([*reasons, cause])


def graded(lines: Sequence[Headline], scores: Sequence[Score]) -> list[Headline]:
    """The headlines with their grades, or without grades if synthetic traces copy the test part."""
    if not contamination(scores):
        return list(lines)
    return [replace(line, grade="unknown", verdict=WITHDRAWN) for line in lines]


def weakest(scores: Sequence[Score]) -> list[str]:
    """The labels that are worse than real, those that lose most F1 first, and why.

    A label is listed if one of its scores is worse than real or its F1 lies outside the 95 % interval.
    """
    found = list(scores)
    reasons: dict[str, list[Score]] = {}
    for score in found:
        lost = score.name == "utility.tstr_f1" and (score.excess or 0.0) > 1
        if score.label is not None and (score.flagged or lost) and score.name != "marginal.mean.jsd":
            reasons.setdefault(score.label, []).append(score)
    missing = [s.label for s in found if s.label and s.name == "marginal.mean.jsd" and s.value is None]
    lines = [f"{label}: it has no synthetic traces" for label in missing]

    def loss(label: str) -> tuple[float, float]:
        f1 = find(found, "utility.tstr_f1", label)
        lost = (f1.ceiling or 0.0) - (f1.value or 0.0) if f1 else 0.0
        return -max(0.0, lost), -sum(min(score.excess or 0.0, CAPPED) for score in reasons[label])

    order = sorted(reasons, key=loss)
    for label in order[:NAMED]:
        worst = sorted(reasons[label], key=lambda score: -(score.excess or 0.0))
        kinds: dict[str, Score] = {}
        for score in worst:
            if not score.name.startswith("utility."):
                kinds.setdefault(score.name.split(".")[1], score)
        described = [f"{_called(score)} {_with_real(score)}" for score in list(kinds.values())[:NAMED]]
        before, after = (find(found, f"utility.{name}_f1", label) for name in ("trtr", "tstr"))
        if before and after:
            described.append(f"F1 {figure(after.value)} instead of {figure(before.value)}")
        lines.append(f"{label}: {', '.join(described)}")
    return lines


def _called(score: Score) -> str:
    first, *rest = score.name.split(".")
    return " ".join(rest).replace("_", " ") if first == "marginal" else score.name.replace(".", " ").replace("_", " ")


def _with_real(score: Score) -> str:
    return f"{figure(score.value, score.unit)} (real {figure(score.reference, score.unit)})"


def _telling(scores: list[Score], *evidence: Evidence, flagged: bool = False, valued: bool = False) -> list[Score]:
    """The scores over all labels that count for one of these.

    `flagged`: only those that are worse than real; `valued`: only those that could be computed.
    """
    chosen = []
    for score in scores:
        wanted = score.label is None and (score.flagged or not flagged) and (score.value is not None or not valued)
        kind = type_of(score.name) if wanted else None
        if kind is not None and not set(evidence).isdisjoint(kind.evidence):
            chosen.append(score)
    return chosen


def _worse(scores: list[Score], *evidence: Evidence) -> list[Score]:
    """Those that are worse than real, worst first."""
    return sorted(_telling(scores, *evidence, flagged=True), key=lambda score: -(score.excess or 0.0))


def _list(worse: list[Score]) -> str:
    more = f" and {len(worse) - NAMED} more" if len(worse) > NAMED else ""
    return ", ".join(f"{score.name} {_with_real(score)}" for score in worse[:NAMED]) + more


def _alone(scores: list[Score]) -> Verdict:
    question = "May I train a classifier on it alone?"
    ratio, covered = find(scores, "utility.ratio"), find(scores, "labels.covered")
    tstr, trtr = (find(scores, f"utility.{name}_accuracy") for name in ("tstr", "trtr_matched"))
    f1 = find(scores, "utility.tstr_macro_f1")
    if ratio is None or ratio.value is None or tstr is None or trtr is None:
        return Verdict(question, "unknown", (ratio.note if ratio else "") or "No classifier was trained.")
    if covered is not None and covered.value is not None and covered.value < 1:
        return Verdict(question, "no", f"Labels are missing: {covered.note}.")
    figures = (
        f"A classifier trained on it recognises {figure(tstr.value, 'share')} of the real test traces; one trained "
    )
    figures += f"on as many real traces recognises {figure(trtr.value, 'share')}"
    if not ratio.flagged and (few := _too_few(scores, tstr, trtr.value)):
        return Verdict(question, "unknown", f"{few} {figures}.")
    if not ratio.flagged:
        return Verdict(question, "yes", f"{figures}: no statistically significant difference.")
    for size in reversed(SIZES):
        real = find(scores, f"lowdata.{size}.real")
        if f1 and f1.value is not None and real and real.value is not None and f1.value >= real.value:
            worth = f"It is worth at least as much as {size} real traces per label."
            return Verdict(question, "with care", f"{figures}. {worth}")
    return Verdict(question, "no", f"{figures}. Training on {SIZES[0]} real traces per label works better.")


def _mixed(scores: list[Score]) -> Verdict:
    question = "May I mix it with real traffic to train on?"
    both = find(scores, "utility.augmented_accuracy")
    if both is None or both.value is None:
        return Verdict(question, "unknown", "No classifier was trained on both together.")
    worse = _worse(scores, "mixing")
    if worse:
        return Verdict(question, "no", f"It hurts when many real traces are available: {_list(worse)}.")
    helped = [
        size for size in SIZES
        if (score := find(scores, f"lowdata.{size}.augmented")) and score.value is not None
        and score.high is not None and score.value > score.high
    ]  # fmt: skip
    harmed = _worse(scores, "few_shot")
    if harmed:
        why = f"It does no harm when many real traces are available, but hurts when few are: {_list(harmed)}."
        return Verdict(question, "with care", why)
    accuracy = f"Accuracy {figure(both.value, 'share')} with it, {figure(both.ceiling, 'share')} without"
    if few_tested := _too_few(scores, both, both.ceiling):
        return Verdict(question, "unknown", f"{few_tested} {accuracy}.")
    if helped:
        few = " or ".join(map(str, helped))
        return Verdict(question, "yes", f"{accuracy}; it helps when only {few} real traces per label are available.")
    return Verdict(question, "yes", f"{accuracy}: it does no harm, and has no measurable benefit.")


def _too_few(scores: list[Score], score: Score, real: float | None) -> str:
    """A warning if the test part is too small to exclude that `score` is MARGIN below `real`; else empty."""
    trtr = find(scores, "utility.trtr_accuracy")
    if trtr is None or trtr.confusion is None or score.value is None or real is None:
        return ""
    count = sum(map(sum, trtr.confusion.counts))
    (low, _), (_, high) = wilson(score.value, count), wilson(real, count)
    lost = real - score.value + sqrt((score.value - low) ** 2 + (high - real) ** 2)  # Newcombe 1998, method 10
    if lost <= MARGIN:
        return ""
    return f"{TOO_FEW}: {count:,} cannot exclude a loss of {100 * lost:.0f} points of accuracy."


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` (Wilson 1927)."""
    z2 = NORMAL**2 / count
    half = NORMAL * sqrt((share * (1 - share) + z2 / 4) / count)
    return (share + z2 / 2 - half) / (1 + z2), (share + z2 / 2 + half) / (1 + z2)


def _publish(scores: list[Score]) -> Verdict:
    question = "May I publish it?"
    attacks = [score for score in _telling(scores, "privacy") if score.value is not None]
    if not attacks:
        return Verdict(question, "unknown", "No privacy attack was run.")
    worse = _worse(scores, "privacy", "identifiers")
    if worse:
        why = f"It reveals more about training traces than about unseen ones: {_list(worse)}."
        return Verdict(question, "no", why)
    attacked = find(scores, "membership.auc")
    if attacked is not None and attacked.value is None:
        return Verdict(question, "unknown", f"{TOO_FEW}: membership inference {attacked.note}.")
    kinds = [type_of(score.name) for score in attacks]
    tried = [kind.attack for kind in kinds if kind and kind.attack]
    names = f"None of {', '.join(tried[:-1])} and {tried[-1]}" if len(tried) > 1 else f"Not even {' '.join(tried)}"
    stated = find(scores, "membership.epsilon")
    if stated is not None and stated.value is not None and stated.value <= PUBLISHABLE:
        why = f"{stated.note} {names} finds more than in real traces that were not used for training."
        return Verdict(question, "yes", why)
    return Verdict(
        question,
        "with care",
        f"{names} finds more than in real traces that were not used for training. That is no formal guarantee; also "
        "check what the labels and sources themselves disclose.",
    )


def _feed(scores: list[Score]) -> Verdict:
    question = FEED
    detected = find(scores, "detection.auc")
    if detected is None or detected.value is None:
        return Verdict(question, "unknown", (detected.note if detected else "") or "No detector was trained.")
    broken = _worse(scores, "rules")
    if broken:
        return Verdict(question, "no", f"Packets break rules that real ones keep: {_list(broken)}.")
    # totals of what was compared of each trace only where whole flows were not compared
    volumes: Evidence = "whole_volumes" if _telling(scores, "whole_volumes", valued=True) else "volumes"
    auc = (
        f"a detector tells it from real traffic with an AUC of {figure(detected.value)} (real {figure(detected.floor)})"
    )
    worse = _worse(scores, volumes, "records", "load", "sessions", "shape", "headers")
    far = [score for score in _worse(scores, volumes) if volumes == "volumes" or grade(score) != "good"]
    far += [score for score in _worse(scores, "records") if grade(score) == "poor"]
    if far:
        return Verdict(question, "no", f"Flows have other volumes or shapes than real ones: {_list(worse)}; {auc}.")
    if worse or detected.flagged:
        why = f"{_list(worse)}; {auc}" if worse else auc
        return Verdict(question, "with care", f"Good for load and function tests, not for tuning thresholds: {why}.")
    if detected.high is not None and detected.floor is not None and detected.high - detected.floor > AUC_MARGIN:
        real = f"real traces get up to {figure(detected.high)} by chance"
        return Verdict(question, "unknown", f"{TOO_FEW}: {auc}, but {real}.")
    if unseen := _unseen(scores):
        why = f"What was compared is as in real traffic; {auc}. But whole traffic was not, or not all of it: {unseen}."
        return Verdict(question, "with care", why)
    compared = find(scores, "bits.jsd") is not None
    headers = "So are header fields, and packets keep the rules." if compared else "Headers were not compared."
    whole = " So are whole flows, load and sessions." if volumes == "whole_volumes" else ""
    return Verdict(question, "yes", f"Volumes, bursts and order are as in real traffic; {auc}.{whole} {headers}")


def _unseen(scores: list[Score]) -> str:
    """Which scores of whole traffic could not be computed, and why; empty if all could that the real traffic has."""
    reasons: dict[str, list[str]] = {}
    for score in _telling(scores, "whole_volumes", "records", "load", "sessions"):
        kind = type_of(score.name)
        if score.value is None and score.note != NO_SESSIONS and kind is not None and not kind.is_pattern:
            reasons.setdefault(score.note, []).append(score.name)
    return "; ".join(
        f"{', '.join(names[:NAMED])}{' and others' if names[NAMED:] else ''}: {note}" for note, names in reasons.items()
    )
