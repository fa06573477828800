"""The command line as a process: signals, limits of the system, and pipes that close."""

import os
import resource
import signal
import subprocess
import sys
import time

from handmade import ethernet, ipv4, udp
from netdiffus import recordings
from netdiffus.store.cards import ModelCard
from netdiffus.wire.files.reader import Packet
from netdiffus.wire.files.writer import write_pcap


def start(*arguments: object, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "netdiffus", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def finished(*arguments: object, **options) -> tuple[int, str, str]:
    process = start(*arguments, **options)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def test_a_file_that_may_not_grow(small_model, tmp_path) -> None:
    """A real refusal by the system, not a planted one: the process may write no file of more than 2 kB."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))

    capture = recordings.captures()["dns"][0]
    for command in (
        ("generate", small_model, "--out", tmp_path / "s.parquet", "--count", 500),
        ("prepare", capture, "--out", tmp_path / "dataset"),  # whose packets a thread writes
    ):
        code, _, err = finished(*command, preexec_fn=limit)
        assert code == 2
        assert "expected room to write" in err.splitlines()[-1]
        assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_captures_are_read_leaves_nothing(tmp_path) -> None:
    os.mkfifo(tmp_path / "endless.pcap")
    process = start("prepare", tmp_path / "endless.pcap", "--unlabelled", "--out", tmp_path / "dataset")
    packet = ethernet(0x0800, ipv4(udp(b"hello")))
    with open(tmp_path / "endless.pcap", "wb") as file:
        write_pcap(file, [Packet(k, packet, len(packet)) for k in range(100_000)])
        file.flush()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "nothing half-written was left" in err
    assert [path.name for path in tmp_path.iterdir()] == ["endless.pcap"]


def test_ctrl_c_saves_and_exits_130(small_dataset, tmp_path) -> None:
    model = tmp_path / "model"
    command = ("train", small_dataset, "--out", model, "--preset", "tiny", "--steps", 100_000)
    process = start(*command)
    deadline = time.monotonic() + 120
    while not (model / "README.md").exists():  # the last file of the first save
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    last = err.splitlines()[-1]
    assert last.startswith("netdiffus: interrupted after step ")
    assert last.endswith("go on with the same command and --resume")
    assert ModelCard.read(model).steps == int(last.split()[4].rstrip(";"))


def test_output_into_a_closed_pipe_is_quiet(small_dataset) -> None:
    command = f"{sys.executable} -m netdiffus info {small_dataset} | true"
    ended = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert ended.stderr == ""


def test_the_command_line_alone_collects_garbage_rarely() -> None:
    """A library leaves the collector of those who import it as it is."""
    program = "import gc; usual = gc.get_threshold(); import {}; print(gc.get_threshold() == usual)"
    for module, kept in (("netdiffus", "True"), ("netdiffus.cli.main", "False")):
        command = [sys.executable, "-c", program.format(module)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == kept
