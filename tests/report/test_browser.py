"""The page in a real browser: nothing fetched, nothing complained of, named for those who hear it, fit for a phone."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.small_traffic import two_labels
from chromium import Tab, chromium
from netdiffus import recordings
from netdiffus.api.verbs import evaluate, prepare
from netdiffus.metrics import Inputs, compute
from netdiffus.steps.inputs.load import load_traces
from netdiffus.steps.inputs.packet_sets import packet_sets
from quick_metrics import quick_metrics

SPOKEN = {"image", "img", "region", "table", "link", "heading", "graphics-document"}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a real evaluation, with the packets of a recording."""
    folder = tmp_path_factory.mktemp("page")
    two_labels(100, seed=0).write_parquet(folder / "real.parquet")
    two_labels(80, seed=1).write_parquet(folder / "synthetic.parquet")
    with quick_metrics():
        scores = evaluate(folder / "real.parquet", folder / "synthetic.parquet")
    prepare(recordings.folder() / "mqtt", folder / "dataset", packets=8)
    loaded = load_traces(folder / "dataset")
    part = loaded, loaded.traces.head(60)
    packets = packet_sets([part, part, part], 8, np.random.default_rng(0))
    fields = list(compute("fields", Inputs(packets), 0))
    scores.evaluation = replace(scores.evaluation, packets=packets, scores=[*scores, *fields])
    scores.save(folder / "report")
    return folder / "report" / "report.html"


@pytest.fixture(scope="module")
def tab(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        opened.open(page)
        yield opened


def test_nothing_is_complained_of_and_nothing_is_fetched(tab: Tab, page: Path) -> None:
    said = [event for event in tab.events if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")]
    said += [event for event in tab.events if event["method"] == "Runtime.consoleAPICalled"]
    assert said == []
    asked = {
        event["params"]["request"]["url"] for event in tab.events if event["method"] == "Network.requestWillBeSent"
    }
    assert page.as_uri() in asked
    assert {url for url in asked if not url.startswith("data:")} == {page.as_uri()}


def test_everything_that_is_spoken_of_has_a_name(tab: Tab) -> None:
    tab.call("Accessibility.enable")
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    roles = {node["nodeId"]: node["role"]["value"] for node in nodes if not node["ignored"]}
    named = [node for node in nodes if node["nodeId"] in roles and roles[node["nodeId"]] in SPOKEN - {"table"}]
    assert len(named) > 20
    assert [node for node in named if not node.get("name", {}).get("value", "").strip()] == []
    assert {"image", "heading", "table"} <= set(roles.values())
    assert any("nPrint bits of a synthetic mqtt flow" in node["name"]["value"] for node in named)


@pytest.mark.parametrize("width", [360, 1200])
def test_no_page_is_wider_than_the_screen(tab: Tab, width: int) -> None:
    tab.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500)
    assert tab.value("document.documentElement.scrollWidth") <= width
    assert (
        tab.value("Math.min(...[...document.querySelectorAll('svg, img')].map(e => e.getBoundingClientRect().width))")
        > 20
    )


def test_it_prints(tab: Tab) -> None:
    pdf = base64.b64decode(tab.call("Page.printToPDF")["data"])
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 20_000
