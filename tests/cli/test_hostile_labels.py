"""Labels and names of files that others would interpret go all the way and come back as they were."""

import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from netdiffus.cli.main import run
from netdiffus.steps.inputs.load import load_traces

LABELS = [
    "a\x1b[31mred", "\x1b]0;title\x07", "rtl\u202eevil", "zero\u200bwidth", "x" * 300, "Я" * 60, "漢" * 40, "..", "con",
    "a/b", "DOMAIN\\user", "\\1", "$\\nosuch{$", "%s", "{0}", "[red]", "<script>alert(1)</script>", "<img onerror=x>",
    "[x](javascript:alert(1))", "=1+1", "@cmd", "line\nbreak", "\N{PARTY POPPER}", "|pipe|",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table with these labels, a dataset and a model of it."""
    place = tmp_path_factory.mktemp("hostile")
    rng = np.random.default_rng(0)
    rows = [
        {
            "label": label,
            "size": rng.choice([0, 64, 517, 1448], n).tolist(),
            "direction": rng.integers(0, 2, n).tolist(),
        }
        for label in LABELS
        for n in rng.integers(3, 9, 20).tolist()
    ]
    pl.DataFrame(rows).write_parquet(place / "t.parquet")
    assert run(["prepare", str(place / "t.parquet"), "--out", str(place / "ds")]) == 0
    train = ["train", str(place / "ds"), "--out", str(place / "m"), "--preset", "tiny", "--steps", "2"]
    assert run(train) == 0
    return place


@pytest.mark.parametrize("name", ["s.parquet", "s.csv"])
def test_labels_come_back_from_tables(name, folder, tmp_path) -> None:
    assert run(["generate", str(folder / "m"), "--out", str(tmp_path / name), "--count", "240", "--balance"]) == 0
    assert set(load_traces(tmp_path / name).traces["label"]) == set(LABELS)


def test_labels_come_back_from_folders_of_images(folder, tmp_path) -> None:
    assert run(["generate", str(folder / "m"), "--out", str(tmp_path / "i"), "--count", "48", "--balance"]) == 0
    assert all(len(os.fsencode(path.name)) <= 120 for path in (tmp_path / "i").iterdir())
    assert run(["image", str(tmp_path / "i"), "--out", str(tmp_path / "back.csv")]) == 0
    assert set(load_traces(tmp_path / "back.csv").traces["label"]) == set(LABELS)


@pytest.mark.usefixtures("unrepeated_metrics", "quick_metrics")
def test_reports_show_labels_and_obey_none(folder, tmp_path, capsys) -> None:
    made, report = tmp_path / "s.csv", tmp_path / "report"
    assert run(["generate", str(folder / "m"), "--out", str(made), "--count", "240", "--balance"]) == 0
    assert run(["evaluate", str(folder / "ds"), str(made), "--out", str(report), "--no-baselines"]) == 0
    for path in ("ds", "m"):
        assert run(["info", str(folder / path)]) == 0
    printed = capsys.readouterr()
    assert "\x1b" not in printed.out + printed.err
    assert r"\x1b[31mred" in printed.out
    for page in (report / "report.md", report / "report.html", folder / "m" / "README.md"):
        text = page.read_text(encoding="utf-8")
        assert "<script>alert" not in text
        assert "<img onerror" not in text
        assert page.suffix == ".html" or "\x1b" not in text  # a browser obeys no escape sequences


def test_names_that_are_not_utf_8(folder, tmp_path, only_metrics) -> None:
    only_metrics("marginal", "copies")  # scores know nothing of names of files
    name = os.fsdecode(b"b\xff")
    table, dataset, model, made, report = (tmp_path / f"{name}{end}" for end in (".parquet", "-d", "-m", ".csv", "-r"))
    table.write_bytes((folder / "t.parquet").read_bytes())
    for command in (
        ["prepare", table, "--out", dataset],
        ["train", dataset, "--out", model, "--preset", "tiny", "--steps", "2"],
        ["generate", model, "--out", made, "--count", "48", "--balance"],
        ["evaluate", dataset, made, "--out", report, "--no-baselines"],
    ):
        assert run(list(map(os.fspath, command))) == 0, command[0]


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        ([], {"PYTHONIOENCODING": "ascii"}),
        ([], {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}),
        (["-O"], {}),
    ],
)
def test_terminals_and_interpreters(options, environment, folder) -> None:
    code = "from netdiffus.cli.main import main; main()"
    command = [sys.executable, *options, "-c", code, "info", str(folder / "ds")]
    found = subprocess.run(command, env=os.environ | environment, capture_output=True, check=True)
    assert b"DOMAIN" in found.stdout
