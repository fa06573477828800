"""The command line: what it prints, how it ends, and one line for every bad input."""

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from handmade import ethernet, ipv4, udp
from netdiffus.cli import main as cli
from netdiffus.wire.files.reader import Packet
from netdiffus.wire.files.writer import write_pcap


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.run([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys, netdiffus.cli.main as m; m.run(['--help']); print({'torch', 'numba', 'polars'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines()[-1] == "set()"
    for _ in range(5):  # at most: on a busy machine one may take longer
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "netdiffus", "--help"], capture_output=True, check=True)
        seconds = time.perf_counter() - began
        if seconds < 0.5:
            break
    assert seconds < 0.5


def test_help_lists_what_is_there_and_nothing_else(capsys) -> None:
    code, out, _ = run(capsys)
    assert code == 0
    listed = [
        line.split()[0] for line in out.split("Commands:")[1].splitlines() if line.startswith("  ") and line[2] != " "
    ]
    verbs = ["demo", "prepare", "train", "generate", "evaluate", "check", "repair", "info", "image", "studio", "import"]
    assert listed == verbs
    for verb in listed:
        code, out, _ = run(capsys, verb, "--help")
        assert code == 0
        assert out.startswith(f"Usage: netdiffus {verb}")
    assert run(capsys, "--version")[1].startswith("netdiffus 0.")


def test_the_four_verbs(capsys, small_table, tmp_path, only_metrics) -> None:
    only_metrics("utility")  # test_docs.py and tests/steps/test_evaluate.py compute all
    dataset, model, synthetic, report = (tmp_path / name for name in ("dataset", "model", "s.parquet", "report"))
    code, out, _ = run(capsys, "prepare", small_table, "--out", dataset)
    assert code == 0
    assert "bulk      80    20" in out
    code, out, err = run(capsys, "train", dataset, "--out", model, "--preset", "tiny", "--steps", 20)
    assert code == 0
    assert "step 20" in err
    code, out, _ = run(capsys, "generate", model, "--out", synthetic, "--count", "chat=30", "--count", "bulk=20")
    assert code == 0
    code, out, _ = run(capsys, "evaluate", dataset, synthetic, "--out", report, "--no-baselines")
    assert code == 0
    assert str(report / "report.html") in out
    for path, words in [
        (dataset, "split:"),
        (model, "20 steps"),
        (synthetic, "chat"),
        (report, "utility.tstr_accuracy"),
    ]:
        code, out, _ = run(capsys, "info", path)
        assert code == 0
        assert words in out


def test_images_and_back(capsys, small_table, tmp_path) -> None:
    code, out, _ = run(capsys, "image", small_table, "--out", tmp_path / "images", "--scale", "minmax", "--length", 8)
    assert code == 0
    lost = [line for line in out.splitlines() if line.startswith("lost in .png: ")]
    assert "size" in lost[0]
    assert lost[0].endswith("bytes at most")
    code, out, _ = run(capsys, "image", tmp_path / "images", "--out", tmp_path / "back.csv")
    assert (code, out) == (0, f"traces: 200 in {tmp_path / 'back.csv'}\n")


def test_import_and_generate(capsys, tmp_path) -> None:
    import torch

    from netdiffus.diffusion.unet import UNet, UNetShape

    torch.save(UNet(UNetShape(1, 2, 32, (1, 2), 1, frozenset({1}), 4, 2)).state_dict(), tmp_path / "ema.pt")
    options = ("--image-size", 4, "--steps", 10, "--labels", "web,dns", "--scale", "-1460,1460")
    code, out, _ = run(capsys, "import", tmp_path / "ema.pt", "--out", tmp_path / "model", *options)
    assert code == 0
    assert "1 channels of 4 x 4 pixels, 32 channels x 1, 2, 1 blocks, attention at 4, 2 classes" in out
    code, out, _ = run(capsys, "generate", tmp_path / "model", "--out", tmp_path / "s.csv", "--count", "web=3")
    assert code == 0
    assert run(capsys, "info", tmp_path / "s.csv")[0] == 0
    code, out, _ = run(capsys, "info", tmp_path / "model")
    assert code == 0
    assert "imported" in out


def test_prepare_says_what_it_read_of_each_file(capsys, tmp_path) -> None:
    packets = [Packet(k * 10**9, ethernet(0x0800, ipv4(udp(bytes(k)))), 60) for k in range(4)]
    for k in range(21):
        (tmp_path / "web").mkdir(exist_ok=True)
        write_pcap(tmp_path / "web" / f"{k:02}.pcap", [*packets, Packet(5 * 10**9, ethernet(0x0806, b""), 60)])
    code, out, _ = run(capsys, "prepare", tmp_path / "web/0[01].pcap", "--out", tmp_path / "two")
    assert code == 0
    assert [line.split() for line in out.splitlines()[1:5]] == [
        ["source", "packets", "bytes", "seconds", "flows", "short", "flows", "faults"],
        ["00.pcap", "5", "292", "5.000", "1", "0", "1"],
        ["01.pcap", "5", "292", "5.000", "1", "0", "1"],
        ["all", "2", "files", "10", "584", "10.000", "2", "0", "2"],
    ]
    assert "fault: not IP: ARP: 2 (in 00.pcap, 01.pcap)" in out
    code, out, _ = run(capsys, "prepare", tmp_path / "web", "--out", tmp_path / "many")
    assert "sources: 21 files; dataset.json says of each what follows for all" in out
    assert [line.split()[3:5] for line in out.splitlines() if line.startswith("all 21 files")] == [["105", "6,132"]]
    assert "00.pcap  " not in out
    code, out, _ = run(capsys, "info", tmp_path / "web" / "00.pcap")
    assert "packets: 5 in 5.000 s; link types: Ethernet 5" in out
    assert "fault: not IP: ARP: 1" in out


@pytest.fixture
def places(tmp_path, small_dataset, small_model, monkeypatch):
    """A folder with one of everything that can be wrong."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(small_dataset, "dataset")
    shutil.copytree(small_model, "model")
    shutil.copytree(small_model, "old-model")
    card = json.loads(Path("old-model/model.json").read_text())
    Path("old-model/model.json").write_text(json.dumps(card | {"format": 0, "netdiffus": "0.0.1"}))
    Path("empty").mkdir()
    Path("letter.pcap").write_text("Dear reader")
    write_pcap("cut.pcap", [])
    with open("cut.pcap", "ab") as file:
        file.write(b"123")
    Path("table.csv").write_text("label,length\nweb,3\n")
    Path("three.csv").write_text('label,size\nweb,"[1, 2]"\nweb,"[3, 4]"\nweb,"[5]"\n')
    return tmp_path


BAD = [
    ("prepare nothing.pcap --out out", "nothing.pcap, which does not exist"),
    ("prepare empty --out out", "got 0 other files; name a folder with captures"),
    ("prepare letter.pcap --out out", "which begins with b'Dear rea'"),
    ("prepare *.erf --out out", "a pattern that matches files; got *.erf, which matches none"),
    ("prepare - --out out", "a label for standard input; got --labels folder"),
    ("prepare cut.pcap --out out", "at least one flow in the sources"),
    (
        "prepare cut.pcap --strict --out out",
        "without faults (--strict); got cut.pcap: file ends inside a packet record: 1;",
    ),
    ("prepare table.csv --out out", "at least one of the columns size"),
    ("prepare table.csv --columns size=sizes --out out", "the column 'sizes'"),
    ("prepare three.csv --columns length=size --out out", "--columns NAME=COLUMN"),
    ("prepare three.csv --labels nobody.csv --out out", "a CSV table for --labels"),
    ("prepare three.csv --out .", "got ., which holds three.csv"),
    ("prepare three.csv --out table.csv", "a file; name another"),
    ("prepare three.csv --out letter.pcap", "captures or nPrint files for letter.pcap; got three.csv, a table"),
    ("prepare letter.pcap --out rows.nprint --test 0.5", "options that nPrint rows can have; got --test"),
    ("prepare three.csv", "Missing option '--out'"),
    ("prepare three.csv --out out --packets 0", "--packets"),
    ("prepare three.csv --out out --frobnicate", "No such option: --frobnicate"),
    ("train empty --out out", "a dataset folder"),
    ("train dataset --out out --preset huge", "a preset among default, tiny, netdiffus, netdiffus2; got 'huge'"),
    ("train dataset --out out --image jpeg", "an image among gasf, series, fields, prompt; got 'jpeg'"),
    ("train dataset --out out --minutes 0", "'--minutes': Input should be greater than or equal to 0.01"),
    ("train dataset --out out --resume", "a model with resume/"),
    ("train dataset --out model --preset tiny --steps 60 --resume", "more steps or minutes than the training has had"),
    ("train dataset --out out --scale sqrt", "scale 'empirical', 'minmax' or 'log'; got 'sqrt'"),
    ("train dataset --out out --patience 3 --validation 0", "validation above 0 with patience"),
    ("generate model --out x.csv --guidance 2", "a model trained with --label-dropout for --guidance"),
    ("generate model --out x.csv --sampler euler", "--sampler for a published model (netdiffus, netdiffus2)"),
    ("import letter.pcap --out out --image-size 10", "a guided-diffusion checkpoint"),
    ("import letter.pcap --out out", "Missing option '--image-size'"),
    ("image nothing --out out", "nothing, which does not exist"),
    ("image empty --out out.csv", "in one folder per label"),
    ("image three.csv --out out --form jpeg", "form 'npz', 'png' or 'both'; got 'jpeg'"),
    ("image three.csv --out out --model empty", "a model folder"),
    ("generate old-model --out x.csv", "a model of format 6"),
    ("generate model --out x.doc", "one of the suffixes"),
    ("generate model --out x.csv --count web=3", "labels among bulk, chat; got 'web'"),
    ("generate model --out x.csv --count many", "--count N, or --count LABEL=N"),
    ("evaluate dataset nothing.csv --out out", "nothing.csv, which does not exist"),
    ("evaluate dataset three.csv --out out", "at least 10 synthetic traces; got 3"),
    ("info nothing", "which does not exist"),
    ("info " + "n" * 300, "a name that the file system can hold"),
    ("info empty", "a folder that is none"),
    ("demo --minutes 0", "'--minutes': Input should be greater than or equal to 0.01"),
    ("demo --out letter.pcap", "a folder for --out"),
    ("frobnicate", "No such command 'frobnicate'"),
]


@pytest.mark.parametrize(("command", "words"), BAD)
def test_bad_input_is_one_line_and_exit_2(command, words, places, capsys) -> None:
    before = {path: path.read_bytes() for path in places.rglob("*") if path.is_file()}
    code, out, err = run(capsys, *command.split())
    assert (code, out) == (2, "")
    lines = [line for line in err.splitlines() if not line.startswith(("reading:", "scoring:"))]
    assert len(lines) == 1
    assert lines[0].startswith("netdiffus: ")
    assert words in lines[0]
    assert {path: path.read_bytes() for path in places.rglob("*") if path.is_file()} == before


def test_a_dataset_with_three_traces(places, capsys) -> None:
    assert run(capsys, "prepare", "three.csv", "--out", "three")[0] == 0
    code, _, err = run(capsys, "train", "three", "--out", "out")
    assert code == 2
    assert "at least 10 training traces; got 2 in three; prepare more traffic" in err
    assert not Path("out").exists()


def test_a_full_disk(places, capsys, monkeypatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = sorted(path.name for path in places.iterdir())
    monkeypatch.setattr(os, "fsync", full)
    for command in ("prepare three.csv --out out", "generate model --out x.csv --count 12"):
        code, _, err = run(capsys, *command.split())
        assert code == 2
        assert err.splitlines()[-1] == (
            "netdiffus: expected room to write; got no space left on the disk; free some, or name another --out"
        )
    assert sorted(path.name for path in places.iterdir()) == before


def test_a_defect_says_so(capsys, monkeypatch, small_table, tmp_path) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("a planted defect")

    monkeypatch.setattr("netdiffus.steps.prepare.find_files", broken)
    code, _, err = run(capsys, "prepare", small_table, "--out", tmp_path / "out")
    assert code == 70
    assert len(err.splitlines()) == 1
    assert "this is a defect of netdiffus" in err
    assert "a planted defect" in err
