"""What the commands of a cluster are measured on: captures, datasets and a small model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bench.small_traffic import two_labels
from netdiffus import prepare, recordings, train
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.writer import write_pcap


def captures(folder: Path, files: int, packets: int) -> Path:
    """Captures of so many packets each: the shipped ones again and again, later and later."""
    blocks = [list(read_capture(path)) for path in recordings.captures()["web"]]
    base = [packet for each in blocks for block in each for packet in block.packets()]
    span = max(packet.time_ns for packet in base) - min(packet.time_ns for packet in base) + 200 * 10**9
    first: Path | None = None
    for number in range(files):
        path = folder / ("web", "other")[number % 2] / f"{number:03}.pcap"
        path.parent.mkdir(parents=True, exist_ok=True)
        if first is not None:
            shutil.copyfile(first, path)
            continue
        again = (
            base[k % len(base)]._replace(time_ns=base[k % len(base)].time_ns + (k // len(base)) * span)
            for k in range(packets)
        )
        with path.open("wb") as file:
            write_pcap(file, again)
        first = path
    return folder


def same_rows(one: Path, other: Path) -> bool:
    """Whether two datasets have the same traces, split and packets."""
    return read_dataset(one)[1].equals(read_dataset(other)[1]) and read_packets(one).equals(read_packets(other))


def small_model(folder: Path, **sizes: Any) -> Path:
    """A small model of two labels; `sizes` are options of training."""
    two_labels(400, seed=0).write_parquet(folder / "traces.parquet")
    prepare(folder / "traces.parquet", folder / "traces")
    return train(folder / "traces", folder / "model", preset="tiny", steps=100, **sizes)


def small_packet_model(folder: Path, **sizes: Any) -> Path:
    """The same of packets, eight of a flow, learned of shipped recordings."""
    sources = [path for label in ("dns", "web") for path in recordings.captures()[label]]
    dataset = prepare(sources, folder / "packets", packets=8)
    return train(dataset, folder / "packet-model", preset="tiny", image="fields", steps=100, **sizes)
