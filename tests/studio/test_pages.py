"""Every page of a folder with something of everything; hostile names are shown and never obeyed."""

from __future__ import annotations

import html
import json
import re
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from netdiffus.studio.recent import KEPT_S

if TYPE_CHECKING:
    from tests.studio.conftest import Site

HOSTILE = "<img src=x onerror=alert(1)>'\"&\u202e"


def test_home_lists_what_is_there_and_what_is_broken(site: Site) -> None:
    page = site.get("/")
    for name in ("captures/ntp.pcap.xz", "dataset", "model", "synthetic.parquet"):
        assert f">{name}</a>" in page, name
    broken = re.search(r"broken</b> (.*?)</p>", page)
    assert broken
    assert "dataset.json" in html.unescape(broken[1])
    assert "way-out" not in page
    assert page.count('class="edge"') >= 3  # dataset → model → synthetic, captures → packets


def test_the_first_page_with_a_hundred_datasets_takes_no_second(site: Site) -> None:
    made = [site.space.root / f"many-{number}" for number in range(100)]
    for folder in made:
        shutil.copytree(site.space.root / "dataset", folder)
    time.sleep(KEPT_S)  # the page of a moment ago is given again
    try:
        began = time.process_time()
        assert site.get("/").count("many-") >= 100
        assert time.process_time() - began < 1
    finally:
        for folder in made:
            shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["dataset", "packets", "synthetic.parquet", f"set {HOSTILE}"])
def test_a_dataset_is_browsed(site: Site, name: str) -> None:
    page = site.get("/dataset", path=name, row=1)
    assert "Flow 2" in page
    assert page.count("<g data-text=") >= 1
    assert HOSTILE not in page
    distributions = site.get("/dataset/distributions", path=name)
    assert distributions.count("<figure>") >= 2
    channel = re.search(r"channel=(\w+)", page)
    assert channel
    picture = site.client.get("/dataset/gasf.png", params={"path": name, "row": "1", "channel": channel[1]})
    assert picture.content.startswith(b"\x89PNG")
    assert "\u202e" not in re.sub(r'"[^"]*"', "", page)


def test_hostile_labels_are_text(site: Site) -> None:
    page = site.get("/dataset", path=f"set {HOSTILE}")
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "\\u202e" in page
    label = re.search(r'<option value="([^"]*img[^"]*)"', page)
    assert label
    assert html.unescape(label[1]) == HOSTILE
    filtered = site.get("/dataset", path=f"set {HOSTILE}", label=HOSTILE)
    assert "40" in filtered
    assert filtered.count('class="bars small"') == 20


def test_packets_of_a_flow_have_their_fields(site: Site) -> None:
    page = site.get("/dataset", path="packets", row=0)
    for word in ("<h4>IPv", "hop limit", "source port", "client → server"):
        assert word in page or word.replace("hop limit", "TTL") in page, word


def test_a_capture_is_listed_like_in_other_tools(site: Site) -> None:
    page = site.get("/capture", path="captures/dns.pcap.xz", page=1, packet=60)
    assert "Packet 60" in page
    assert page.count("<tr class=") == 50
    assert "<h4>UDP</h4>" in page or "<h4>TCP</h4>" in page
    assert "0000  " in page
    assert site.client.get("/capture", params={"path": "dataset"}).status_code == 400


@pytest.mark.parametrize(
    ("verb", "form", "line"),
    [
        (
            "prepare",
            {"source": ["captures/ntp.pcap.xz", "captures/dns.pcap.xz"], "labels": "file", "packets": "8",
             "strict": "on",             "test": "0.2", "seed": "0", "out": "new"},
            "netdiffus prepare captures/ntp.pcap.xz captures/dns.pcap.xz --labels file --packets 8 --strict --out new",
        ),
        ("prepare", {"source": "hostile.parquet", "out": "a b"}, "netdiffus prepare hostile.parquet --out 'a b'"),
        (
            "train",
            {"dataset": "packets", "image": "fields", "preset": "tiny", "steps": "20", "balance": "on", "out": "m2"},
            "netdiffus train packets --out m2 --preset tiny --image fields --steps 20 --balance",
        ),
        (
            "generate",
            {"model": "model", "label": ["web", "dns"], "count": ["5", "0"], "seed": "7", "out": "s.csv", "rate": "2"},
            "netdiffus generate model --out s.csv --count web=5 --seed 7",
        ),
        (
            "generate",
            {"model": "model", "label": ["web"], "count": ["5"], "sessions": "9", "rate": "2", "out": "s.pcap"},
            "netdiffus generate model --out s.pcap --sessions 9 --rate 2",
        ),
        (
            "generate",
            {"model": "model", "label": ["web", "dns"], "count": ["5", "2"], "prompt": "-v, udp", "out": "s.pcap"},
            "netdiffus generate model --out s.pcap --count 7 '--prompt=-v, udp'",
        ),
        (
            "train",
            {"dataset": "packets", "image": "prompt", "validation": "0.05", "rank": "4", "control": "on", "out": "m3"},
            "netdiffus train packets --out m3 --image prompt --validation 0.05 --rank 4 --control",
        ),
        ("evaluate", {"real": "dataset", "synthetic": "synthetic.parquet", "baselines": "on", "out": "report"},
         "netdiffus evaluate dataset synthetic.parquet --out report --no-baselines"),
        ("repair", {"capture": "captures/dns.pcap.xz", "out": "-x.pcap"},
         "netdiffus repair captures/dns.pcap.xz --out ./-x.pcap --json"),
    ],
)  # fmt: skip
def test_forms_stand_for_command_lines(site: Site, verb: str, form: dict[str, object], line: str) -> None:
    said = json.loads(site.post(f"/command/{verb}", form).text)
    assert said == {"command": line, "error": ""}


@pytest.mark.parametrize(
    ("verb", "form", "words"),
    [
        ("prepare", {"out": "x"}, "captures or tables to prepare"),
        ("prepare", {"source": "hostile.parquet", "out": ""}, "a name for the result"),
        ("prepare", {"source": "hostile.parquet", "out": "no/where"}, "a folder no for the result"),
        ("prepare", {"source": "hostile.parquet", "out": "x", "packets": "many"}, "1,000,000, or all; got many"),
        ("prepare", {"source": "hostile.parquet", "out": "x", "packets": "0"}, "packets"),
        ("prepare", {"source": "hostile.parquet", "out": "x", "stride": "2"}, "--stride together with --window"),
        ("train", {"dataset": "dataset", "out": "x", "minutes": "1", "steps": "1"}, "--minutes or --steps"),
        ("train", {"dataset": "nothing", "out": "x"}, "which does not exist"),
        ("train", {"dataset": "dataset", "out": "x", "preset": "huge"}, "a preset among"),
        ("generate", {"model": "model", "out": "x.csv"}, "at least one trace"),
        ("generate", {"model": "model", "label": "web", "count": "some", "out": "x.csv"}, "a whole number of web"),
        ("generate", {"model": "model", "label": "web", "count": "5", "out": "x.pcap", "start": "soon"}, "expected"),
        ("generate", {"model": "model", "sessions": "0", "out": "x.pcap"}, "sessions"),
        ("train", {"dataset": "packets", "out": "x", "image": "prompt", "patience": "3", "length": "1"}, "length"),
        ("train", {"dataset": "packets", "out": "x", "image": "prompt", "epsilon": "4"}, "for --image prompt"),
        ("train", {"dataset": "packets", "out": "x", "rank": "4"}, "--image prompt for --rank"),
        ("dance", {}, "a step among"),
    ],
)  # fmt: skip
def test_forms_that_are_wrong_say_why(site: Site, verb: str, form: dict[str, object], words: str) -> None:
    said = json.loads(site.post(f"/command/{verb}", form).text)
    assert said["command"] == ""
    assert words in said["error"]
    refused = site.post(f"/start/{verb}", form)
    assert refused.status_code == 400
    assert words in refused.json()["error"]


def test_forms_show_every_option_with_the_help_of_the_command_line(site: Site) -> None:
    from netdiffus.steps.sources.prepare_config import PrepareConfig

    page = html.unescape(site.get("/prepare"))
    for name, field in PrepareConfig.model_fields.items():
        assert f'name="{name}"' in page or name in ("labels", "unlabelled", "columns"), name
        if name not in ("labels", "unlabelled", "columns"):
            assert field.description in page
    for path, names in (("/train", ("steps", "patience", "contexts")), ("/generate", ("guidance", "window", "seed"))):
        assert all(f'name="{name}"' in site.get(path) for name in names)
    assert 'name="public"' not in site.get("/train")  # a path, and it may lie outside of the workspace


def test_sources_are_guessed_before_they_are_prepared(site: Site) -> None:
    both = {"source": ["captures/ntp.pcap.xz", "hostile.parquet"], "labels": "file"}
    page = site.post("/prepare/guess", both).text
    assert '<span class="tag">ntp</span>' in page
    assert '<span class="tag">label</span>' in page
    assert "<img src=x" not in page
    table = site.space.root / "foreign.csv"
    table.write_text("PL,DIR,IAT,App\n[1,2],[0,1],[0,5],web\n", encoding="utf-8")
    try:
        page = site.post("/prepare/guess", {"source": "foreign.csv"}).text
        assert "size=PL,direction=DIR,gap_us=IAT,label=App" in page
        assert 'class="error"' not in page
        table.write_bytes(b"\xff\xfe\0\0")
        assert "error" in site.post("/prepare/guess", {"source": "foreign.csv"}).text
    finally:
        table.unlink()


def test_very_many_captures_are_prepared_by_their_folders(site: Site) -> None:
    folder = site.space.root / "lots"
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
        for number in range(101):
            (folder / label / f"{number}.pcap").touch()
    try:
        page = site.get("/prepare")
        assert 'value="lots"' in page
        assert 'value="lots/a/1.pcap"' not in page
        guessed = site.post("/prepare/guess", {"source": "lots"}).text
        assert "lots/a/0.pcap" in guessed
        assert '<span class="tag">a</span>' in guessed
        assert "and 162 more" in guessed
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("path", ["/nothing", "/jobs/none", "/jobs/../x", "/report?path=model", "/dataset?path=model"])
def test_what_is_not_there_is_said_in_a_page(site: Site, path: str) -> None:
    answer = site.client.get(path, headers={"accept": "text/html"})
    assert answer.status_code in (400, 404)
    assert 'role="alert"' in answer.text
