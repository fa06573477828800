"""The page stands alone, can be read without seeing it, and says the figures."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from netdiffus.metrics import Confusion, Score, Traces
from netdiffus.report import Content, markdown, render

NAN = np.nan
VOID = {"meta", "link", "img", "br"}
CHANNELS = ["size", "direction", "gap_ns"]
PROVENANCE = {"netdiffus": "0.1.0", "dataset": "sha256 0123abcd", "seed": "42"}
IMAGES = {"web": (np.eye(4)[None].repeat(3, 0) * 2 - 1, np.zeros((3, 4, 4)))}
SCORES = [
    Score("marginal.size.jsd", 0.0625, 0.03125, None, "min", note="a <b>note</b> | bar", low=0.01, high=0.05),
    Score("marginal.size.jsd", 0.375, 0.125, 0.5, "min", label="web"),
    Score("marginal.gap_ns.wasserstein", 2.5e6, 1e6, None, "min", "ns"),
    Score("marginal.by_label.jsd", 0.25, 0.125, 0.5, "min"),
    Score("utility.trtr_accuracy", 0.9, 0.5, None, "max", confusion=Confusion(("dns", "web"), ((9, 1), (0, 7)))),
    Score("utility.tstr_accuracy", 0.72, 0.5, 0.9, "max", confusion=Confusion(("dns", "web"), ((3, 7), (2, 5)))),
    Score("utility.ratio", 0.8, 0.5, 1.0, "max"),
    Score("utility.trtr_f1", 0.95, 0, 1, "max", label="web"),
    Score("utility.tstr_f1", 0.61, 0, 0.95, "max", label="web"),
    Score("copies.exact", 0.015, 0.02, 1, "min", "share"),
    Score("detection.auc", None, 0.5, 1, "min", note="needs 20 traces"),
]


def traces(seed: int, *labels: str) -> Traces:
    rng = np.random.default_rng(seed)
    series = np.stack([rng.integers(0, 1449, (6, 8)), rng.integers(0, 2, (6, 8)), rng.integers(0, 10**9, (6, 8))], 1)
    series = series.astype(np.float64)
    series[::2, :, 5:] = NAN
    return Traces(series, np.array((labels * 6)[:6]))


REAL, SYNTHETIC = traces(0, "web", "dns"), traces(1, "web", "dns")


class Page(HTMLParser):
    """Collects elements and text, and checks that every element is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


BARE = Content(SCORES, REAL, SYNTHETIC, CHANNELS)
CONTENT = replace(BARE, title="Web & DNS", provenance=PROVENANCE, images=IMAGES)


@pytest.fixture(scope="module")
def html() -> str:
    return render(CONTENT)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_nothing_is_fetched(html: str, page: Page) -> None:
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), attributes
    assert not page.all("script")
    assert not re.search(r"@import|url\((?!#)", html)


def test_every_picture_has_words(page: Page) -> None:
    assert len(page.all("img")) == 6
    assert all(image["alt"] for image in page.all("img"))
    assert page.all("img")[0]["alt"] == "Image of a real web flow, size"
    # three channels and the length; two labels, real and synthetic
    assert len(page.all("svg")) == 4 + 4
    assert all(picture["role"] == "img" and picture["aria-label"] for picture in page.all("svg"))


def test_ids_are_unique_and_every_reference_has_one(html: str, page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="#|url\(#)([\w.-]+)', html)) <= set(ids)


def test_the_figures_are_there(page: Page) -> None:
    for text in ("Web & DNS", "0.800", "72.0% of the test flows against 90.0%", "1.5%", "needs 20 traces", "2.5 ms",
                 "a <b>note</b>", "size 0.375 (real 0.125)", "0.610", "sha256 0123abcd", "42"):  # fmt: skip
        assert text in page.text, text
    assert "70" in page.text, "the confusion of dns with web, in per cent"


def test_colours_follow_the_page(html: str) -> None:
    assert "var(--real)" in html
    assert "currentColor" in html
    drawings = "".join(re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL))
    assert "#0067a8" not in drawings


def test_the_same_input_gives_the_same_page(html: str) -> None:
    assert html == render(CONTENT)


def test_bare_input_still_makes_a_page() -> None:
    stranger = traces(1, "other")
    page = Page(render(Content([], REAL, stranger, CHANNELS)))
    assert "Not computed." in page.text
    assert not page.all("img")


@pytest.mark.parametrize("channels", [["size"], ["gap_ns"], ["up_bytes", "down_bytes"], ["direction"]])
def test_any_channels_can_be_drawn(channels: list[str]) -> None:
    real, synthetic = (Traces(part.series[:, : len(channels)], part.labels) for part in (REAL, SYNTHETIC))
    page = Page(render(Content(SCORES, real, synthetic, channels)))
    assert len(page.all("svg")) == len(channels) + 1 + 4


def test_markdown_has_the_same_words() -> None:
    text = markdown(Content(SCORES, REAL, SYNTHETIC, CHANNELS, title="Web & DNS", provenance=PROVENANCE))
    assert text.startswith("# Web &amp; DNS\n")
    assert "72.0% of the test flows against 90.0%" in text
    row = "| marginal.size.jsd | 0.062 | 0.031 | – | 0.010 to 0.050 | as real | small | "
    assert row + "a &lt;b&gt;note&lt;/b&gt; \\| bar |" in text
    assert "| web | 3 | 3 | 0.950 | 0.610 | size 0.375 (real 0.125) |" in text
    assert "* seed: 42" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(row.replace("\\|", "").count("|") in (7, 9) for row in rows)


def test_copies_of_the_test_part_stand_on_top() -> None:
    note = "9 distinct test traces that no training trace equals are among 9 synthetic traces"
    found = [*SCORES, Score("contamination.unseen", 1.0, 0.0, 1.0, "min", "share", note=note, low=0.0, high=0.1)]
    content = replace(BARE, scores=found)
    page, text = Page(render(content)), markdown(content)
    for said in (page.text, text):
        assert said.index("The synthetic traces copy the test part.") < said.index(note) < said.index("May I use it?")
        assert said.count("Withdrawn: ") == 3 + 4, "three answers, four figures"
    assert "copy the test part" not in render(BARE) + markdown(BARE)
