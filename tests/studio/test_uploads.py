"""Uploads: streamed, bounded, looked at, and never in place of another file."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netdiffus import recordings
from netdiffus.errors import InputError
from netdiffus.studio import uploads
from netdiffus.studio.uploads import Uploads
from netdiffus.studio.workspace import Workspace


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    (tmp_path / "work").mkdir()
    return Workspace.open(tmp_path / "work", 100_000)


def capture() -> bytes:
    (path,) = recordings.captures()["ntp"]
    return path.read_bytes()


def send(space: Workspace, name: str, *parts: bytes, announced: int | None = -1, pause_s: float = 0.0) -> str:
    async def chunks() -> AsyncIterator[bytes]:
        for part in parts:
            yield part
            await asyncio.sleep(pause_s)

    size = sum(map(len, parts)) if announced == -1 else announced
    return asyncio.run(Uploads(space).receive(name, size, chunks()))


def files(space: Workspace) -> list[str]:
    return sorted(space.name(path) for path in space.root.rglob("*") if path.is_file())


def test_a_capture_arrives_whole_and_twice_is_once(space: Workspace) -> None:
    data = capture()
    for _ in range(2):
        assert send(space, "captures/ntp.pcap.xz", data[:100], data[100:]) == "captures/ntp.pcap.xz"
    assert (space.root / "captures" / "ntp.pcap.xz").read_bytes() == data
    assert files(space) == ["captures/ntp.pcap.xz"]


def test_another_file_is_not_replaced(space: Workspace) -> None:
    (space.root / "a.csv").write_bytes(b"mine")
    with pytest.raises(InputError, match="which another file has; rename the upload"):
        send(space, "a.csv", b"label\nx\n")
    assert (space.root / "a.csv").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.pcap", b"this is no capture", "expected a capture .*got a.pcap, which begins with"),
        ("a.pcap", b"", "got a.pcap, which is empty"),
        ("a.parquet", b"NOPE", "a .parquet table"),
        ("a.exe", b"MZ", "a capture .* or a table"),
        (".pcap", b"x", "a plain file name"),
        ("../a.pcap", b"x", "a plain file name"),
        ("a/b/c/d/e/f/g.pcap", b"x", "a plain file name"),
        ("a//b.pcap", b"x", "a plain file name"),
        ("n" * 300 + ".pcap", b"x", "a plain name"),
        ("a\nb.pcap", b"x", "a plain name"),
        (".netdiffus-studio/jobs/a.pcap", b"x", "a plain file name"),
    ],
)
def test_what_is_no_capture_leaves_nothing(space: Workspace, name: str, data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        send(space, name, data)
    assert files(space) == []


def test_sizes_are_bounded(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="files of at most 100 kB"):
        send(space, "a.pcap", b"x", announced=100_001)
    with pytest.raises(InputError, match="that says its size"):
        send(space, "a.pcap", b"x", announced=None)
    with pytest.raises(InputError, match="bytes that were announced; got more"):
        send(space, "a.pcap", b"x" * 10, announced=5)
    with pytest.raises(InputError, match="bytes that were announced; got 10"):
        send(space, "a.pcap", b"x" * 10, announced=50)
    monkeypatch.setattr(uploads, "SPARE_BYTES", 1 << 60)
    with pytest.raises(InputError, match="room for the upload"):
        send(space, "a.pcap", b"x" * 10)
    assert files(space) == []


def test_a_slow_upload_is_given_up(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "IDLE_S", 0.05)
    with pytest.raises(InputError, match="an upload that goes on"):
        send(space, "a.pcap", b"x" * 10, b"x", pause_s=0.5)
    monkeypatch.setattr(uploads, "IDLE_S", 5.0)
    monkeypatch.setattr(uploads, "GRACE_S", 0.05)
    with pytest.raises(InputError, match="bytes a second"):
        send(space, "a.pcap", *[b"x"] * 20, pause_s=0.03)
    assert files(space) == []


def test_a_full_disk_says_so(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(uploads, "_place", full)
    with pytest.raises(InputError, match="no space left on the disk"):
        send(space, "a.pcap.xz", capture())
    assert files(space) == []
