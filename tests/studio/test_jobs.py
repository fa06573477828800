"""Jobs are processes of their own: their end is seen, and a server that starts again finds them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from netdiffus.errors import InputError
from netdiffus.studio import jobs as jobs_module
from netdiffus.studio.jobs import DONE, FAILED, LOST, RECORD, RUNNING, STOPPED, Job, Jobs
from netdiffus.studio.process import Process, boot_id, exit_code, start
from netdiffus.studio.watch import MOST_POINTS, Progress, Watch
from netdiffus.studio.workspace import Workspace


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    (tmp_path / "work").mkdir()
    return Jobs(Workspace.open(tmp_path / "work", 1))


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_job_ends_with_its_state_and_its_log(jobs: Jobs) -> None:
    job = jobs.start(["check", "nothing.pcap"])
    until(lambda: job.state != RUNNING)
    assert job.state == FAILED
    assert "expected" in job.complaint
    assert job.ended is not None
    again = Jobs(jobs.space).job(job.id)
    assert (again.state, again.arguments, again.log) == (FAILED, job.arguments, job.log)
    jobs.forget(job)
    assert jobs.all() == []


def test_a_training_is_stopped_and_saved(jobs: Jobs, small_dataset: Path) -> None:
    shutil.copytree(small_dataset, jobs.space.root / "dataset")
    line = ["train", "dataset", "--out", "model", "--preset", "tiny", "--steps", "100000"]
    job = jobs.start(line, "model")
    with pytest.raises(InputError, match="one training at a time"):
        jobs.start([*line[:3], "other"], "other")
    with pytest.raises(InputError, match="a result that no job writes"):
        jobs.start(line, "model", beside=True)
    with pytest.raises(InputError, match="a job that has ended"):
        jobs.forget(job)
    watch = Watch()
    until(lambda: len(watch.of(job).points) >= 2, 120)
    found = Jobs(jobs.space).job(job.id)  # as after a restart of the server
    assert found.state == RUNNING
    found.process.interrupt()
    until(lambda: found.state != RUNNING)
    assert found.state == STOPPED
    assert "saved in model" in found.complaint
    assert (jobs.space.root / "model" / "resume").is_dir()
    progress = watch.of(job)
    assert progress.what == "training"
    assert 0 < progress.share < 1
    assert [point[0] for point in progress.points] == sorted({point[0] for point in progress.points})


def test_a_killed_job_is_lost_and_a_number_that_is_used_again_is_not_it(jobs: Jobs) -> None:
    job = jobs.start(["generate", "nothing", "--out", "x.csv"])
    os.killpg(job.process.pid, signal.SIGKILL)
    until(lambda: job.state != RUNNING)
    assert job.state == LOST
    own = Process(os.getpid(), 0, boot_id())
    assert not own.is_alive
    alive = replace(own, ticks=int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]))
    assert alive.is_alive
    assert not replace(alive, boot="another").is_alive


def test_records_that_are_none_are_passed_over(jobs: Jobs) -> None:
    for number, text in enumerate(["", "{}", "[]", '{"process": {"pid": "x"}}', json.dumps({"process": 1})]):
        (jobs.folder / f"j{number}").mkdir()
        (jobs.folder / f"j{number}" / RECORD).write_text(text, encoding="utf-8")
    assert jobs.all() == []
    with pytest.raises(InputError, match="a job in the list"):
        jobs.job("../x")


def test_no_room_for_a_job_says_so(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Process:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(jobs_module, "start", full)
    with pytest.raises(InputError, match="room for a job; got No space left"):
        jobs.start(["check", "x.pcap"])
    assert list(jobs.folder.iterdir()) == []


def test_a_long_curve_is_thinned_and_keeps_its_validations() -> None:
    progress = Progress()
    for step in range(10 * MOST_POINTS):
        said = {"what": "training", "time": step, "share": step / 1e5, "step": step, "loss": 1.0}
        progress.take(json.dumps(said | ({"validation": 0.5} if step % 1000 == 0 else {})).encode())
    assert len(progress.points) <= MOST_POINTS + 16
    assert sum(point[3] is not None for point in progress.points) == 15
    assert progress.points[-1][1] > 9.9 * MOST_POINTS
    assert progress.seconds_left == pytest.approx(1e5 - 10 * MOST_POINTS, rel=0.01)
    before = progress.share
    for line in (b"", b"{", b"[]", b'{"share": "x"}'):
        progress.take(line)
    assert progress.share == before


def test_a_preview_is_drawn_once_at_a_time_and_old_ones_go(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "MOST_DRAWN", 1)
    drawn: list[Job] = []
    for _ in range(3):
        job = jobs.draw(["generate", "nothing"], "a.csv", "preview")
        assert job is not None
        assert jobs.draw(["generate", "nothing"], "a.csv", "preview") is None
        os.killpg(job.process.pid, signal.SIGKILL)
        until(lambda job=job: job.state != RUNNING)
        drawn.append(job)
    assert [job.id for job in jobs.of_purpose("preview")] == [job.id for job in drawn[:0:-1]]
    assert jobs.listed() == []
    assert drawn[2].state != DONE


def test_an_end_is_noticed_though_nobody_asks(tmp_path: Path) -> None:
    process = start(["true"], tmp_path, tmp_path / "log", tmp_path / "exit")
    until(lambda: not Path(f"/proc/{process.pid}").exists())  # as a zombie it would still be there
    assert exit_code(tmp_path / "exit") == 0


def test_a_server_that_ends_leaves_its_jobs_without_a_complaint(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from netdiffus.studio.process import start
folder = Path({str(tmp_path)!r})
print(start(["sleep", "60"], folder, folder / "log", folder / "exit").pid)
"""
    ended = subprocess.run([sys.executable, "-W", "always", "-c", program], capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    os.killpg(int(ended.stdout), signal.SIGKILL)
