"""Every program in examples/ runs, is short, and prints what its text says."""

import ast
import re
import runpy
from pathlib import Path

import pytest

import netdiffus
from netdiffus import metrics

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(path.name for path in FOLDER.glob("*.py"))
PUBLIC = {"netdiffus", "netdiffus.recordings", "netdiffus.metrics", "netdiffus.metrics.null"}


@pytest.fixture
def printed(tmp_path, monkeypatch, capsys):
    """Runs an example in an empty folder; returns what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["example"])

    def run(name: str) -> str:
        before = dict(metrics.METRICS)
        try:
            runpy.run_path(str(FOLDER / name))
        finally:
            metrics.METRICS.clear()
            metrics.METRICS.update(before)
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("name", EXAMPLES)
def test_short_and_public(name) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert 20 <= len(text.splitlines()) <= 60
    modules = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            modules |= {f"{node.module}.{alias.name}" for alias in node.names} & PUBLIC or {node.module}
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
    assert {module for module in modules if module.startswith("netdiffus")} <= PUBLIC
    assert all(getattr(netdiffus, verb) for verb in re.findall(r"netdiffus\.(\w+)\(", text))


def test_every_example_is_listed() -> None:
    assert re.findall(r"`(\d\d_\w+\.py)`", (FOLDER / "README.md").read_text(encoding="utf-8")) == EXAMPLES


def test_first_report(printed, only_metrics) -> None:
    only_metrics("utility", "copies")  # what it prints
    ratio, real = re.search(r"TSTR / TRTR (\S+), where real flows get (\S+)", printed("01_first_report.py")).groups()
    assert 0.5 < float(ratio) <= float(real) + 0.1
    assert Path("first-report/report/report.html").stat().st_size > 50_000


def test_own_captures(printed) -> None:
    out = printed("02_own_captures.py")
    assert re.search(r"dns-over-tls ┆ \d{3} ", out)
    assert re.search(r"quic +┆ \d{3} ", out)
    assert "addresses mapped: True" in out


def test_plain_arrays(printed, only_metrics) -> None:
    only_metrics("atoms", "copies", "membership")  # what this looks for
    noisy, memorised = printed("03_plain_arrays.py").splitlines()
    assert "atoms.size.share" in noisy
    assert "copies.exact" not in noisy
    assert {"copies.exact", "membership.auc"} <= set(re.findall(r"[\w.]+", memorised))


def test_new_metric(printed) -> None:
    alike, different = printed("04_new_metric.py").splitlines()
    assert alike.startswith("alike: first_packet.tvd")
    assert alike.endswith("flagged False")
    assert different.endswith("flagged True")


def test_likelihood(printed) -> None:
    out = printed("05_likelihood.py")
    assert float(re.search(r"accuracy (\S+)", out)[1]) > 0.8
    real, reversed_ = re.search(r"nats per flow: (\S+), reversed (\S+)", out).groups()
    assert float(real) > float(reversed_) + 5
    assert out.count("continues") == 3


def test_packets(printed) -> None:
    out = printed("06_packets.py")
    assert re.search(r"\d{3} packets: 0 errors, 0 warnings", out)
    assert netdiffus.check("packets/synthetic.pcapng").clean
