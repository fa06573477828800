"""The worked examples of docs/working-on-the-code.md run."""

import re
from pathlib import Path

import pytest

import netdiffus
from netdiffus import prepare, recordings
from netdiffus.diffusion import causal
from netdiffus.imaging import codec

PAGE = (Path(__file__).parents[1] / "docs" / "working-on-the-code.md").read_text(encoding="utf-8")
MARK = re.escape("<!-- executed by tests/test_working_on_the_code.py -->")
PROGRAMS = re.findall(MARK + r"\n```python\n(.*?)```", PAGE, re.DOTALL)


def program(word: str) -> str:
    (found,) = (text for text in PROGRAMS if word in text)
    return found


def test_a_denoiser_of_ones_own(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(causal, "Block", causal.Block)
    prepare([recordings.captures()[label][0] for label in ("dns", "ntp")], "dataset", packets=8)
    exec(compile(program("GatedBlock"), "working-on-the-code.md", "exec"), {"__name__": "example"})
    assert causal.Block.__name__ == "GatedBlock"
    assert re.search(r"dns|ntp", capsys.readouterr().out)


def test_an_angle_of_ones_own() -> None:
    before = dict(codec.ANGLES)
    try:
        exec(compile(program("ANGLES"), "working-on-the-code.md", "exec"), {"__name__": "example"})
        assert "even" in codec.ANGLES
    finally:
        codec.ANGLES.clear()
        codec.ANGLES.update(before)


def test_the_rule_of_ones_own_fits_into_the_code() -> None:
    """The lines between which the diff puts its own stand in the files that it names, in this order."""
    (diff,) = re.findall(r"```diff\n(.*?)```", PAGE, re.DOTALL)
    parts = re.findall(r"--- (\S+)\n(.*?)(?=\n--- |\Z)", diff, re.DOTALL)
    assert len(parts) == 2
    for name, text in parts:
        source = (Path(netdiffus.__file__).parent / name).read_text(encoding="utf-8")
        lines = [line[1:] for line in text.splitlines() if line.startswith(" ")]
        places = [source.index(f"{line}\n") for line in lines]
        assert places == sorted(places), name


@pytest.mark.parametrize("file", sorted(set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE))))
def test_files_of_tests_exist(file) -> None:
    assert (Path(__file__).parents[1] / file).exists()
