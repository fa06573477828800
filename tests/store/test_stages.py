"""Stages and files of one result: what a killed process leaves, and what only looks like it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from netdiffus.errors import InputError
from netdiffus.store import journal, publish
from netdiffus.store.publish import check_files, publish_files
from netdiffus.store.stage import PREFIX, Stage, scratch_folder, sweep
from netdiffus.wire.files.writer import CaptureWriter
from netdiffus.wire.headers.links import ETHERNET
from netdiffus.wire.headers.packets import Packet
from published_notes import Note, names, write

pytestmark = pytest.mark.filterwarnings(
    "ignore:This process:DeprecationWarning"
)  # a child of fork that dies on purpose


def test_a_living_process_keeps_its_stage(tmp_path) -> None:
    program = (
        "import sys; from pathlib import Path; from netdiffus.store.stage import Stage\n"
        "stage = Stage(Path(sys.argv[1])); print(flush=True); input()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    sweep(tmp_path)
    assert len(names(tmp_path)) == 1
    process.kill()
    process.communicate()
    sweep(tmp_path)
    assert not names(tmp_path)


def test_what_only_looks_like_a_stage_is_left_alone(tmp_path) -> None:
    (tmp_path / f"{PREFIX}notes").mkdir()
    (tmp_path / f"{PREFIX}notes" / "a.txt").write_text("a user's")
    (tmp_path / f"{PREFIX}file").write_text("a user's")
    made = tmp_path / f"{PREFIX}0123456789ab"
    made.mkdir()
    (made / "lock").write_text("")
    (tmp_path / "thesis.txt").write_text("a user's")
    for base, gone in (
        ("", "thesis.txt"),
        ("..", "thesis.txt"),
        ("", f"../{tmp_path.name}/thesis.txt"),
        ("", str(tmp_path / "thesis.txt")),
    ):
        inode = made.stat().st_ino if gone != "thesis.txt" or base else 1  # of a stranger's archive: another one
        said = {
            "base": base,
            "moved": [],
            "retired": [gone],
            "kept": [],
            "inode": None,
            "undone": False,
            "stage": inode,
        }
        (made / "journal.json").write_text(json.dumps(said))
        sweep(tmp_path)
    assert names(tmp_path) == [f"{PREFIX}0123456789ab", f"{PREFIX}file", f"{PREFIX}notes", "thesis.txt"]
    assert (tmp_path / f"{PREFIX}notes" / "a.txt").exists()


def test_a_reader_says_that_a_folder_is_being_replaced(tmp_path) -> None:
    write(tmp_path, "old")
    stage = Stage(tmp_path)
    journal.Journal("").write(stage.path)
    with pytest.raises(InputError, match="whose files were being replaced when a run was stopped"):
        Note.read(tmp_path)
    os.close(stage._descriptor)
    assert Note.read(tmp_path).text == "old"
    assert not [name for name in names(tmp_path) if name.startswith(PREFIX)]


def test_files_of_one_result_in_order(tmp_path, monkeypatch) -> None:
    order = []
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append(Path(b).name), real(a, b))[1])
    paths = [tmp_path / name for name in ("b", "c", "a.json")]
    with publish_files(paths) as folder:
        for path in paths:
            (folder / path.name).write_text("x")
    assert [name for name in order if name in ("a.json", "b", "c")] == ["b", "c", "a.json"]
    assert names(tmp_path) == ["a.json", "b", "c"]


def test_scratch_of_a_killed_process_goes(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    child = os.fork()
    if not child:
        with scratch_folder() as folder:
            (folder / "large").write_text("x")
            os._exit(9)
    os.waitpid(child, 0)
    assert len(names(tmp_path)) == 1
    with scratch_folder() as folder:
        assert len(names(tmp_path)) == 1
        assert not names(folder)
    assert not names(tmp_path)


def test_a_file_mount_cannot_be_replaced(tmp_path, monkeypatch) -> None:
    (tmp_path / "x.csv").write_text("trace_id,source\n0,netdiffus 0.1.0 model ab seed 0\n")
    monkeypatch.setattr(publish, "mount_points", lambda: {tmp_path / "x.csv"})
    with pytest.raises(
        InputError, match=r"a file that can be replaced for --out; got .*x.csv, a mount point; mount its"
    ):
        check_files([tmp_path / "x.csv"])


@pytest.mark.parametrize("step", range(1, 20))
def test_files_of_one_result_after_a_death(step, tmp_path) -> None:
    """Killed at its n-th change of the file system: the next run finishes what was begun."""
    paths = [tmp_path / f"{name}.pcapng" for name in "abc"]  # known as ours without threads, which no fork survives

    def publish_all(seed: int) -> None:
        with publish_files(paths) as folder:
            for path in paths:
                with (folder / path.name).open("wb") as file:
                    CaptureWriter(file, ".pcapng").write_packets([Packet(seed, b"packet", 6)], ETHERNET)

    publish_all(0)
    child = os.fork()
    if not child:
        left = [step]

        def hook(event: str, arguments: tuple) -> None:
            if event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link"):
                left[0] -= 1
                if not left[0]:
                    os._exit(9)

        sys.addaudithook(hook)
        publish_all(1)
        os._exit(0)
    os.waitpid(child, 0)
    check_files(paths)
    assert len({path.read_bytes() for path in paths}) == 1
    assert names(tmp_path) == ["a.pcapng", "b.pcapng", "c.pcapng"]


def test_every_name_must_fit(tmp_path) -> None:
    name = "n" * 250 + ".pcap"
    with pytest.raises(InputError, match=r"a name of up to 255 bytes beside --out; got n*\.pcap\.json; shorten --out"):
        check_files([tmp_path / name, tmp_path / f"{name}.json"])
