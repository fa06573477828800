"""Test traces among the synthetic ones are found, whatever the cause; what real traffic repeats is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bench.corrupted import CHANNELS, GENERATORS, MUST_ANSWER, parts
from netdiffus import evaluate
from netdiffus.metrics import METRICS, Score, Traces, find, scores

More = Callable[[int, int], Traces]


def run(train: Traces, test: Traces, made: Traces) -> dict[str, Score]:
    return {score.name: score for score in scores(train, test, made, CHANNELS, only=["contamination"])}


def some(traces: Traces, count: int, seed: int = 0) -> Traces:
    return traces.take(np.random.default_rng(seed).permutation(len(traces))[:count])


def jittered(traces: Traces) -> Traces:
    """The same with other gaps."""
    series = traces.series.copy()
    series[:, 2] = np.round(series[:, 2] * np.random.default_rng(3).uniform(0.9, 1.1, series[:, 2].shape))
    return Traces(series, traces.labels)


def test_what_never_saw_the_test_part_is_not_blamed(train: Traces, held_out: Traces, more: More) -> None:
    for made in (more(100, 5), train, some(train, 20), jittered(train), train.take(np.zeros(500, np.intp))):
        assert not [name for name, score in run(train, held_out, made).items() if score.flagged]


def test_copies_are_counted_beside_those_that_training_traces_are(train: Traces, held_out: Traces) -> None:
    found = run(train, held_out.joined(some(train, 30)), held_out.joined(train))
    copies = found["contamination.copies"]
    assert copies.value == pytest.approx((len(held_out) + 30) / (len(held_out) + len(train)))
    assert copies.floor == pytest.approx(30 / len(train))
    only = found["contamination.unseen"]
    assert only.value == pytest.approx(len(held_out) / (len(held_out) + len(train))), "others are training traces too"
    assert only.note.startswith(f"{len(held_out)} distinct test traces that no training trace equals are among ")


@pytest.mark.parametrize("count", [10, 40])
def test_a_mistaken_argument(count: int, train: Traces, held_out: Traces) -> None:
    assert run(train, held_out, some(held_out, count))["contamination.unseen"].flagged


def test_a_model_that_learned_by_heart_from_all_traces(train: Traces, held_out: Traces) -> None:
    found = run(train, held_out, some(train.joined(held_out), 400))
    assert found["contamination.unseen"].flagged


def test_other_gaps_do_not_hide_it(train: Traces, held_out: Traces) -> None:
    found = run(train, held_out, jittered(held_out))
    assert not found["contamination.unseen"].flagged
    assert found["contamination.unseen_shape"].flagged


def test_traffic_that_repeats_itself() -> None:
    """Sizes of few values, so that a third of the traces are not alone: a fresh set of them copies no test part."""
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(40):
        series = rng.geometric(0.5, (900, 3, 3)).astype(float)
        train, test, made = (Traces(part, np.repeat("a", 300)) for part in np.split(series, 3))
        found = run(train, test, made)
        assert (found["contamination.unseen_shape"].floor or 0) > 0.01
        wrong += any(found[f"contamination.unseen{end}"].flagged for end in ("", "_shape"))
        assert run(train, test, test)["contamination.unseen_shape"].flagged
    assert wrong == 0


@pytest.mark.usefixtures("quick_metrics")
def test_half_of_the_test_part_handed_in_gets_no_yes(recorded: Traces, only_metrics: Callable[..., None]) -> None:
    only_metrics(*(name for name, metric in METRICS.items() if any(kind.evidence for kind in metric.types)))
    train, test, fresh = parts(recorded, 40, 0)
    (expected,) = (MUST_ANSWER[name] for name in ("half of the test part",))
    made = GENERATORS["half of the test part"](train, test, fresh, CHANNELS, np.random.default_rng(1))
    sets = [(part.series, part.labels) for part in (train, made, test)]
    found = evaluate(sets[0], sets[1], test=sets[2], channels=CHANNELS, baselines=False)
    assert tuple(verdict.answer for verdict in found.verdicts()) == expected
    said = found.contamination()
    assert said.startswith(f"{len(made):,} distinct test traces that no training trace equals are among {len(made):,} ")
    assert "membership.auc is 0." in said
    score = find(list(found), "membership.auc")
    assert score is not None
    assert score.too_good
