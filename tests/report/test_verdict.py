"""The answers follow the scores and the intervals, not a taste."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdiffus.metrics import Confusion, Score
from netdiffus.metrics.sessions import NO_SESSIONS
from netdiffus.report import contamination, verdicts, weakest
from netdiffus.report.verdict import wilson


def spanned(name: str, value: float, real: float, half: float, goal: str = "min", label: str | None = None) -> Score:
    floor, ceiling = (real, 1.0) if goal == "min" else (0.0, real)
    return Score(name, value, floor, ceiling, goal, "", label, low=real - half, high=real + half)  # type: ignore[arg-type]


def scores(**changed: float) -> list[Score]:
    """Those of a perfect generator, with some values changed."""
    values = {
        "utility.ratio": 1.0, "utility.tstr_accuracy": 0.9, "utility.trtr_matched_accuracy": 0.9,
        "utility.augmented_accuracy": 0.9, "utility.tstr_macro_f1": 0.9, "labels.covered": 1.0,
        "copies.exact": 0.0, "membership.auc": 0.5, "totals.bytes": 0.1, "bursts.length": 0.1, "detection.auc": 0.5,
        "lowdata.5.augmented": 0.5,
    } | {name.replace("__", "."): value for name, value in changed.items()}  # fmt: skip
    real = {"utility.ratio": 1.0, "labels.covered": 1.0, "copies.exact": 0.0, "membership.auc": 0.5,
            "totals.bytes": 0.1, "bursts.length": 0.1, "detection.auc": 0.5, "lowdata.5.augmented": 0.5,
            "bits.detection_auc": 0.5, "connections.auc": 0.5} | dict.fromkeys(
                ("flows.bytes", "load.active", "wavelet.bytes.64ms", "sessions.order"), 0.1)  # fmt: skip
    large = ("utility", "labels", "lowdata", "conformance")
    found = [
        spanned(name, value, real.get(name, 0.9), 0.02, "max" if name.startswith(large) else "min")
        for name, value in values.items()
    ]
    return [*found, Score("lowdata.5.real", 0.5, None, None, "max"), Score("lowdata.20.real", 0.7, None, None, "max")]


@pytest.mark.parametrize(
    ("changed", "answers"),
    [
        ({}, ["yes", "yes", "with care", "yes"]),
        ({"utility__ratio": 0.96}, ["yes", "yes", "with care", "yes"]),  # within chance
        ({"utility__ratio": 0.8, "utility__tstr_macro_f1": 0.72}, ["with care", "yes", "with care", "yes"]),
        ({"utility__ratio": 0.4, "utility__tstr_macro_f1": 0.4}, ["no", "yes", "with care", "yes"]),
        ({"labels__covered": 0.5}, ["no", "yes", "with care", "yes"]),
        ({"utility__augmented_accuracy": 0.8}, ["yes", "no", "with care", "yes"]),
        ({"lowdata__5__augmented": 0.3}, ["yes", "with care", "with care", "yes"]),
        ({"membership__auc": 0.7}, ["yes", "yes", "no", "yes"]),
        ({"copies__exact": 0.2}, ["yes", "yes", "no", "yes"]),
        ({"detection__auc": 0.9}, ["yes", "yes", "with care", "with care"]),
        ({"totals__bytes": 0.5}, ["yes", "yes", "with care", "no"]),
        ({"bits__detection_auc": 0.9}, ["yes", "yes", "with care", "with care"]),
        ({"conformance__clean_flows": 0.5}, ["yes", "yes", "with care", "no"]),
        ({"totals__bytes": 0.17}, ["yes", "yes", "with care", "no"]),  # of cut traces, worse is too much
        ({"flows__bytes": 0.1}, ["yes", "yes", "with care", "yes"]),
        ({"flows__bytes": 0.17}, ["yes", "yes", "with care", "with care"]),
        ({"flows__bytes": 0.5}, ["yes", "yes", "with care", "no"]),
        ({"totals__bytes": 0.5, "flows__bytes": 0.1}, ["yes", "yes", "with care", "yes"]),  # whole flows tell more
        ({"connections__auc": 0.6}, ["yes", "yes", "with care", "with care"]),
        ({"connections__auc": 0.7}, ["yes", "yes", "with care", "no"]),
        ({"load__active": 0.9}, ["yes", "yes", "with care", "with care"]),
        ({"wavelet__bytes__64ms": 0.9}, ["yes", "yes", "with care", "with care"]),
        ({"sessions__order": 0.9}, ["yes", "yes", "with care", "with care"]),
    ],
)
def test_answers(changed: dict[str, float], answers: list[str]) -> None:
    assert [verdict.answer for verdict in verdicts(scores(**changed))] == answers


def test_why_names_the_figures() -> None:
    alone, mixed, publish, feed = verdicts(scores(utility__ratio=0.8, utility__tstr_macro_f1=0.72, membership__auc=0.7))
    assert "at least as much as 20 real traces per label" in alone.why
    assert "no harm" in mixed.why
    assert "membership.auc 0.700 (real 0.500)" in publish.why
    assert "Headers were not compared" in feed.why
    helped = verdicts(scores(lowdata__5__augmented=0.8))[1]
    assert "helps when only 5 real traces per label are available" in helped.why


def test_whole_traffic_that_was_not_compared_is_named() -> None:
    whole = [Score(name, None, None, 1.0, "min", note="real traffic: flows are cut") for name in
             ("flows.packets", "flows.bytes", "load.active", "sessions.flows")]  # fmt: skip
    feed = verdicts([*scores(), *whole])[3]
    assert feed.answer == "with care"
    assert "flows.packets, flows.bytes, load.active and others: real traffic: flows are cut." in feed.why
    none = [Score("sessions.flows", None, None, 1.0, "min", note=NO_SESSIONS)]
    feed = verdicts([*scores(flows__bytes=0.1), *none])[3]
    assert (feed.answer, "So are whole flows, load and sessions" in feed.why) == ("yes", True)


def judged_on(count: int, found: list[Score]) -> list[Score]:
    """The scores with what is known of a test part of so many traces of one label."""
    return [*found, Score("utility.trtr_accuracy", 0.9, 0, None, "max", confusion=Confusion(("a",), ((count,),)))]


@pytest.mark.parametrize(("count", "answer"), [(16, "unknown"), (60, "unknown"), (200, "yes"), (2000, "yes")])
def test_few_test_traces_do_not_tell_that_nothing_was_lost(count: int, answer: str) -> None:
    alone, mixed = verdicts(judged_on(count, scores()))[:2]
    assert (alone.answer, mixed.answer) == (answer, answer)
    said = f"Too few test traces to tell: {count} cannot exclude a loss of"
    assert alone.why.startswith(said) == mixed.why.startswith(said) == (answer == "unknown")
    harmed = verdicts(judged_on(count, scores(utility__augmented_accuracy=0.5)))[1]
    assert harmed.answer == "no", "a loss that chance does not explain is one, however few told it"
    worse = verdicts(judged_on(count, scores(utility__augmented_accuracy=0.86)))[1]
    assert worse.answer == ("yes" if count == 2000 else "unknown")


def test_attacks_that_were_not_made_are_not_claimed() -> None:
    note = "needs 20 training and 20 test traces"
    none = [score for score in scores() if score.name != "membership.auc"]
    publish = verdicts([*none, Score("membership.auc", None, 0.5, 1.0, "min", note=note)])[2]
    assert (publish.answer, publish.why) == ("unknown", f"Too few test traces to tell: membership inference {note}.")
    assert "None of copies and membership inference finds more" in verdicts(scores())[2].why
    wide = [replace(score, high=0.75) if score.name == "detection.auc" else score for score in scores()]
    feed = verdicts(wide)[3]
    assert feed.answer == "unknown"
    assert "real traces get up to 0.750 by chance" in feed.why


def test_the_interval_of_a_share_is_wilsons() -> None:
    assert wilson(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(1.0, 16) == pytest.approx((0.8064, 1.0), abs=1e-4)


@pytest.mark.parametrize("name", ["membership.auc", "detection.auc"])
def test_an_auc_clearly_below_a_half_is_named_and_withdraws(name: str) -> None:
    found = scores(**{name.replace(".", "__"): 0.3})
    said = contamination(found)
    assert f"{name} is 0.300 (real 0.500): clearly below 0.5" in said
    assert "Was SYNTHETIC made before the split" in said
    assert [verdict.answer for verdict in verdicts(found)] == ["unknown", "unknown", "with care", "unknown"]
    assert verdicts(found)[0].why.startswith("Withdrawn: ")
    assert contamination(scores(**{name.replace(".", "__"): 0.46})) == "", "that is within chance"


def test_copies_of_test_traces_are_named_and_withdraw() -> None:
    note = "8 distinct test traces that no training trace equals are among 8 synthetic traces"
    copied = Score("contamination.unseen", 1.0, 0.0, 1.0, "min", "share", note=note, low=0.0, high=0.2)
    found = [*scores(), copied]
    assert contamination(found).startswith(f"{note}. Was SYNTHETIC made before the split")
    answers = verdicts(found)
    assert [verdict.answer for verdict in answers] == ["unknown", "unknown", "no", "unknown"]
    assert answers[2].why == f"It contains real test traces: {note}."
    assert contamination([*scores(), replace(copied, value=0.4)]) == ""


def test_nothing_known_is_said_to_be_unknown() -> None:
    assert {verdict.answer for verdict in verdicts([])} == {"unknown"}


def test_the_weakest_labels_and_why() -> None:
    found = [
        spanned("marginal.gap_ns.jsd", 0.3, 0.1, 0.02, label="mqtt"),
        spanned("marginal.size.jsd", 0.9, 0.1, 0.02, label="web"),
        spanned("marginal.size.jsd", 0.11, 0.1, 0.02, label="dns"),
        Score("marginal.mean.jsd", None, None, None, "min", label="ssh"),
        Score("utility.trtr_f1", 0.95, 0, 1, "max", label="web"),
        Score("utility.tstr_f1", 0.61, 0, 0.95, "max", label="web"),
        Score("utility.trtr_f1", 0.97, 0, 1, "max", label="redis"),
        Score("utility.tstr_f1", 0.5, 0, 0.97, "max", label="redis", low=0.7, high=1.0),
    ]
    assert weakest(found) == [
        "ssh: it has no synthetic traces",
        "redis: F1 0.500 instead of 0.970",
        "web: size jsd 0.900 (real 0.100), F1 0.610 instead of 0.950",
        "mqtt: gap ns jsd 0.300 (real 0.100)",
    ]


@pytest.mark.parametrize(("epsilon", "answer"), [(1.0, "yes"), (8.0, "yes"), (8.1, "with care")])
def test_a_guarantee_allows_to_publish_up_to_an_epsilon_of_8(epsilon: float, answer: str) -> None:
    sentence = "These satisfy it with respect to any one flow."
    stated = Score("membership.epsilon", epsilon, None, None, "min", note=sentence)
    publish = verdicts([*scores(), stated])[2]
    assert publish.answer == answer
    assert (sentence in publish.why) == (answer == "yes")


def test_a_guarantee_does_not_help_where_an_attack_succeeds() -> None:
    stated = Score("membership.epsilon", 1.0, None, None, "min", note="a sentence")
    refuted = Score("membership.audit_epsilon", 3.0, 0.0, None, "min", low=0.0, high=0.5)
    assert verdicts([*scores(membership__auc=0.7), stated])[2].answer == "no"
    assert verdicts([*scores(), refuted, stated])[2].answer == "no"
