"""The commands and the program in README.md do what they say, on captures laid out as it says."""

import os
import re
import shlex
import subprocess
import sys
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from netdiffus import recordings
from netdiffus.cli.main import run
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.writer import write_pcap

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUICK = {"--minutes 10": "--preset tiny --steps 20", "--count 1000": "--count 150"}  # instead of ten minutes
FIRST = {"web": 2500, "dns": 250}  # packets: some 75 flows of each label


def block(language: str) -> str:
    found = re.search(rf"<!-- executed by tests/test_docs.py -->\n```{language}\n(.*?)```", README, re.DOTALL)
    assert found, f"no executed {language} block in README.md"
    return found[1]


@pytest.fixture
def captures(tmp_path, monkeypatch) -> Path:
    """Two labels, one folder each, as a reader would have them."""
    monkeypatch.chdir(tmp_path)
    for label, count in FIRST.items():
        (source,) = recordings.captures()[label]
        (tmp_path / "captures" / label).mkdir(parents=True)
        with closing(packet for block in read_capture(source) for packet in block.packets()) as packets:
            write_pcap(tmp_path / "captures" / label / "first.pcap", islice(packets, count))
    return tmp_path


def test_the_four_verbs_of_the_readme(captures, capsys, quick_metrics) -> None:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    lines = block("sh").splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["netdiffus", verb] for verb in ("prepare", "train", "generate", "evaluate")
    ]
    for slow, quick in QUICK.items():
        lines = [line.replace(slow, quick) for line in lines]
    commands = [shlex.split(line) for line in lines]
    ended = subprocess.run(commands[0], env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    for command in commands[1:]:  # the same in this process, which has torch already
        assert run(command[1:]) == 0, f"{command}\n{capsys.readouterr().err}"
    assert (captures / "report" / "report.html").stat().st_size > 50_000


def test_the_python_of_the_readme(captures, capsys, only_metrics, quick_metrics) -> None:
    only_metrics("utility")  # the commands above compute all of them, on the same captures
    program = block("python").replace("minutes=10", "preset='tiny', steps=20")
    exec(compile(program, "README.md", "exec"), {})
    assert 0 <= float(capsys.readouterr().out.split()[0]) <= 2
    assert Path("synthetic.parquet").exists()
    assert Path("report/scores.json").exists()


PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_exist(page) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:docs|tools|tests|bench|src)/[\w./-]*\w\.\w+", text))
    named |= set(re.findall(r"\]\(([\w./-]+)\)", text))
    missing = [
        name for name in named if not (ROOT / name).exists() and not (ROOT / page).parent.joinpath(name).exists()
    ]
    assert missing == []


def test_options_in_the_readme_exist(capsys) -> None:
    for verb, line in re.findall(r"netdiffus (prepare|train|generate|evaluate|demo) ([^\n`]*)", README):
        assert run([verb, "--help"]) == 0
        text = capsys.readouterr().out
        for option in re.findall(r"--[a-z-]+", line):
            assert option in text, f"{verb} {option}"
    assert run(["--version"]) == 0
