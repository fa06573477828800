"""`netdiffus studio` from the command line, and the progress that commands report to it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from netdiffus.cli.main import run
from studio_server import studio


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "expected a folder for the studio; got nowhere, which does not exist"),
        (["file"], "got file, a file"),
        ([".", "--port", "99999"], "65535"),
        ([".", "--host", "no.such.host.invalid"], "expected an address of this machine for --host"),
        ([".", "--host", "192.0.2.1"], "expected an address and port that this user may listen on"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert run(["studio", *arguments, "--no-browser"]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.count("\n") == 1


def test_a_port_in_use_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["studio", str(tmp_path), "--port", str(port), "--no-browser"]) == 2
    assert f"got port {port}, which another program uses" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o500)
    assert run(["studio", str(tmp_path), "--no-browser"]) == 2
    assert "a folder that can be written to" in capsys.readouterr().err


def test_without_the_extra_one_sentence_says_how_to_install_it(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['uvicorn'] = None\n"
        f"from netdiffus.cli.main import run; sys.exit(run(['studio', {str(tmp_path)!r}]))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "pip install 'netdiffus[studio]'" in ended.stderr


def test_jobs_outlive_the_server_and_are_found_again(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("label,size\nweb,[1 2 3]\n", encoding="utf-8")
    form = {"source": "a.csv", "labels": "", "out": "dataset"}
    with studio(tmp_path) as running, httpx.Client(base_url=running.base, timeout=60) as client:
        client.get("/", params={"token": running.token})
        started = client.post("/start/prepare", data=form, headers={"origin": running.base})
        where = started.headers["location"]
    with studio(tmp_path) as running, httpx.Client(base_url=running.base, timeout=60) as client:
        client.get("/", params={"token": running.token})
        state = "running"
        while state == "running":
            state = client.get(f"{where}/state").json()["state"]
        assert state == "done", client.get(where).text
        assert "netdiffus prepare a.csv --out dataset" in client.get("/jobs").text
    assert (tmp_path / "dataset" / "dataset.json").is_file()


@pytest.mark.parametrize("verb", ["prepare", "generate"])
def test_progress_is_written_as_lines_of_json(verb: str, small_table: Path, small_model: Path, tmp_path: Path) -> None:
    lines = tmp_path / "progress.jsonl"
    line = {
        "prepare": ["prepare", str(small_table), "--out", str(tmp_path / "dataset")],
        "generate": ["generate", str(small_model), "--out", str(tmp_path / "drawn.csv"), "--count", "20"],
    }[verb]
    assert run(["--progress", str(lines), *line]) == 0
    records = [json.loads(text) for text in lines.read_text(encoding="utf-8").splitlines()]
    assert records[0]["share"] == 0
    assert records[-1]["share"] == 1
    assert {record["what"] for record in records} == {{"prepare": "reading", "generate": "drawing"}[verb]}
    assert all(isinstance(record["note"], str) and record["time"] > 1e9 for record in records)
    before = lines.read_bytes()
    assert run(line) == 0
    assert lines.read_bytes() == before
