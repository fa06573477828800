"""docs/results.md: benchmarks replace their own sections, and every figure says where it is from."""

import re

import pytest

from bench.__main__ import names
from bench.results import PAGE, TOPICS, placed

WHERE = r"\d{4}-\d\d-\d\d, commit [0-9a-f]{7}(-dirty)?,? .*(core|thread)s? .*of .+, Python \d"
SMALL = """# Results

Head.

## How fast is it?

### One

old one

### Two

two

## Can the scores be trusted?

### Three

three
"""


def test_a_section_is_replaced_where_it_stands() -> None:
    page = placed(SMALL, "captures", "One", "new one\n\n### inside\n\ntext\n")
    assert page == SMALL.replace("old one", "new one\n\n#### inside\n\ntext")
    assert placed(page, "captures", "One", "old one") == SMALL


def test_a_new_section_ends_its_topic() -> None:
    page = placed(SMALL, "threads", "Four", "four")
    assert re.findall(r"(?m)^##+ .*", page) == [
        "## How fast is it?", "### One", "### Two", "### Four", "## Can the scores be trusted?", "### Three",
    ]  # fmt: skip
    assert "\n## Can the scores be trusted?" in page
    assert page.endswith("three\n")


def test_without_its_topic_nothing_is_written() -> None:
    with pytest.raises(KeyError):
        placed("# Results\n", "captures", "One", "text")


def test_every_benchmark_has_a_topic_of_the_page() -> None:
    folder = PAGE.parents[1] / "bench"
    writers = [path for path in folder.rglob("*.py") if re.search(r"(?m)^ .*\bwrite_section\(\"", path.read_text())]
    assert {path.relative_to(folder).parts[0].removesuffix(".py") for path in writers} == set(names())
    assert re.findall(r"(?m)^## (.*)", PAGE.read_text(encoding="utf-8")) == ["At a glance", *TOPICS]


def test_every_section_names_its_command_and_place() -> None:
    topics = re.split(r"(?m)^## ", PAGE.read_text(encoding="utf-8"))[2:]
    sections = [section for topic in topics for section in re.split(r"(?m)^### ", topic)[1:]]
    assert len(sections) >= 11
    for section in sections:
        title, _, text = section.partition("\n")
        command, place = text.strip().split("`, ", 1)
        name = re.fullmatch(r"`(?:[A-Z_]+=\w+ )*python -m bench (\w+)(?: --only [\w,]+)?", command)
        assert name, title
        assert name[1] in names(), title
        assert re.match(WHERE, place.replace("\n", " ")), title


def test_figures_at_a_glance_stand_in_the_sections() -> None:
    glance, sections = PAGE.read_text(encoding="utf-8").split("## How useful", 1)
    rows = [line for line in glance.splitlines() if line.startswith("|") and "---" not in line][1:]
    numbers = {number for row in rows for number in re.findall(r"\b\d\.\d{2,}\b|\b\d{1,3}(?:,\d{3})+\b", row)}
    assert len(numbers) > 15
    assert {number for number in numbers if number not in sections} == {"6,215"}  # 4,650 + 19 + 1,546
