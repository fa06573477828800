"""docs/sessions.md names every field of a row and every rule."""

import re
from pathlib import Path

from netdiffus.compiler import ROW, RULES
from netdiffus.compiler.features.codec import CHANNELS

PAGE = (Path(__file__).parents[2] / "docs" / "sessions.md").read_text(encoding="utf-8")


def first_cells(heading: str) -> set[str]:
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"(?m)^\| ([^|]+) \|", section)
    return {name for cell in cells for name in cell.split(", ")} - {"---", "field", "rule"}


def test_every_field_of_a_row_has_its_meaning() -> None:
    assert first_cells("A row") == set(ROW.names)


def test_every_rule_stands_there_with_its_words() -> None:
    assert first_cells("The rules") == set(RULES)
    assert all(f"| {rule.words} | {rule.source} |" in PAGE for rule in RULES.values())


def test_every_channel_of_a_model_of_packets_stands_there() -> None:
    assert first_cells("What the model learns") - {"channel"} == set(CHANNELS)
