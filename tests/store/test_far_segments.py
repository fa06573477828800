"""Large captures of an object store, read in segments: each task copies its range, and the rows are the same."""

from functools import partial
from pathlib import Path

import pytest

from netdiffus.spread import one_by_one
from netdiffus.steps.prepare import prepare
from netdiffus.steps.sources import segmented
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.store import copies
from netdiffus.store.copies import fetched
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.store.objects import fetch, fetch_ranges, send, sha256_of, size_of
from netdiffus.traffic.flows.reader import FlowReader
from netdiffus.wire.files.writer import write_pcap
from netdiffus.wire.headers.packets import Packet
from wire_packets import udp

pytest.importorskip("pyarrow", reason="pyarrow is not installed")
SEGMENT = 1 << 20


def test_some_ranges_are_copied(place, tmp_path) -> None:
    (tmp_path / "one").write_bytes(bytes(range(256)) * (1 << 13))  # 2 MiB
    path = Path(place("one.gz"))  # stored as it is, whatever its name says
    send(tmp_path / "one", path)
    assert size_of(path) == 2 << 20
    assert size_of(Path(place("none"))) == size_of(tmp_path) == -1
    assert sha256_of(path) == sha256_of(tmp_path / "one")
    assert fetch(path, tmp_path / "copy").read_bytes() == (tmp_path / "one").read_bytes()
    fetch_ranges(path, tmp_path / "some", [(0, 3), (300, (1 << 20) + 400), ((2 << 20) - 2, 9 << 20)])
    want = bytearray(2 << 20)
    for begin, end in ((0, 3), (300, (1 << 20) + 400), ((2 << 20) - 2, 2 << 20)):
        want[begin:end] = (tmp_path / "one").read_bytes()[begin:end]
    assert (tmp_path / "some").read_bytes() == want


def taps(folder: Path) -> Path:
    """A capture of 4 MiB, and two files of a tap of 2 MiB, whose flows go on from segment to segment."""
    frames = [udp(bytes(k % 250), k * k % 7 // 4, ports=(1000 + k * k % 311, 53), checksum=1) for k in range(1000)]
    many = [Packet(10**18 + k * 3_000_000, frames[k % 1000], len(frames[k % 1000])) for k in range(22_000)]
    half = len(many) // 2
    for name, packets in (("large/a", many), ("tap/b", many[:half]), ("tap/c", many[half:])):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_pcap(folder / f"{name}.pcap", packets)
    return folder


@pytest.mark.parametrize("out", ["here", "there"])
def test_large_captures_of_a_store_are_read_in_segments(place, tmp_path, monkeypatch, out) -> None:
    monkeypatch.setattr(segmented, "SEGMENT_BYTES", SEGMENT)
    monkeypatch.setattr("netdiffus.steps.sources.captures.FlowReader", partial(FlowReader, batch_bytes=SEGMENT))
    near, far = taps(tmp_path / "taps"), Path(place("taps"))
    for path in near.rglob("*.pcap"):
        send(path, far / path.relative_to(near))
    copied: list[str] = []

    def copy(path: Path, folder: Path, most: int | None = None) -> Path:
        copied.extend([path.name] if most is None else [])
        return fetch(path, folder, most)

    monkeypatch.setattr(copies, "fetch", copy)
    config = PrepareConfig.of(rotated=True)
    whole, parts = tmp_path / "whole", tmp_path / "parts" if out == "here" else Path(place("made/parts"))
    list(prepare([near], whole, config))
    list(prepare([far], parts, config, one_by_one))
    assert not [name for name in copied if name.endswith(".pcap")]
    with fetched(parts) as local:
        (card, traces), (other, of_parts) = read_dataset(whole), read_dataset(local)
        assert traces.drop("source").equals(of_parts.drop("source"))
        assert read_packets(whole).equals(read_packets(local))
        names = {str(path.relative_to(local)) for path in local.rglob("*") if path.is_file()}
    for a, b in zip(card.sources, other.sources, strict=True):
        assert a.model_dump(exclude={"file"}) == b.model_dump(exclude={"file"})
        assert b.file.endswith(f"/{a.file}")
        assert b.file.startswith(place("taps/"))
    assert len([name for name in names if name.startswith("traces/")]) > 2  # in batches
    assert {name.partition("/")[0] for name in names} == {"dataset.json", "traces", "packets"}
