"""The tables of metrics/README.md are the declarations of the metrics; run this file to write them again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import netdiffus.metrics
from netdiffus.metrics import METRICS, ScoreType, Traces, scores

PAGE = Path(netdiffus.metrics.__file__).with_name("README.md")
BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"
TOPICS = {
    "fidelity": "Fidelity",
    "packets": "Packets",
    "whole": "Whole traffic",
    "utility": "Use",
    "privacy": "Privacy",
}
HEAD = "| name | goal | meaning | the other end | range | compared |\n|---|---|---|---|---|---|\n"


def tables() -> str:
    text = ""
    for topic, title in TOPICS.items():
        text += f"## {title}\n\n"
        for name, metric in METRICS.items():
            if metric.topic == topic:
                text += f"**{metric.question}** (`{name}.py`)\n\n{HEAD}{''.join(map(row, metric.types))}\n"
    return text


def row(kind: ScoreType) -> str:
    low, high = (f"{end:.3g}".replace("inf", "∞") for end in kind.range)
    cells = (f"`{kind.name}`", kind.goal, kind.meaning, kind.useless_is, f"{low} to {high}",
             "yes" if kind.compared else "")  # fmt: skip
    return "| " + " | ".join(cells) + " |\n"


def test_the_page_has_the_declarations() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.split(BEGIN)[1].split(END)[0] == tables(), "run 'python tests/metrics/test_readme.py'"


def test_names_of_files_metrics_and_scores_agree() -> None:
    for name, metric in METRICS.items():
        assert metric.scores.__module__ == f"netdiffus.metrics.{name}"
        assert metric.scores.__name__ == name
        first = metric.types[0].name.split(".")[0]
        assert name.split("_")[0] == first, f"{name} gives {metric.types[0].name}"


def test_every_metric_asks_a_question_and_no_score_is_declared_twice() -> None:
    assert all(metric.question.endswith("?") for metric in METRICS.values())
    names = [kind.name for metric in METRICS.values() for kind in metric.types]
    assert len(names) == len(set(names))


def test_the_example_of_a_new_metric_runs(monkeypatch: pytest.MonkeyPatch, train: Traces, held_out: Traces) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    monkeypatch.setitem(METRICS, "gaps", names["METRIC"])
    (score,) = scores(train, held_out, held_out, ["size", "direction", "gap_ns"], only=["gaps"])
    assert (score.name, score.value, score.goal) == ("gaps.longest", 0.0, "min")


if __name__ == "__main__":
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    PAGE.write_text(before + BEGIN + tables() + END + rest.split(END)[1], encoding="utf-8")
