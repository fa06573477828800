"""Whole flows: totals, local order, conformance, packets per CPU-second and memory of flows drawn to their ends.

WHOLE_DATA=DIR names captures (LABEL/*.pcap...) other than the recordings of whole flows; WHOLE_FOLDER=DIR keeps
dataset, model and captures there, and goes on with a model that it finds; WHOLE_STEPS=N trains for N steps, not 20
minutes; WHOLE_PACKETS=N is the size of the largest capture;
WHOLE_PARTS=fidelity,ways,conformance,speed,memory measures those alone, and only prints.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from bench import gates
from bench.results import table, write_section
from bench.whole_ways import ways
from netdiffus import generate, prepare, recordings, train
from netdiffus.arrays import Floats
from netdiffus.models.backends import load_model
from netdiffus.models.packet_codec import PacketCodec
from netdiffus.models.sampling import Request, Sampling
from netdiffus.models.whole_flows import HEAD
from netdiffus.steps.payload_check import check_with_payload
from netdiffus.store.cards import ModelCard
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.flows.reader import flows_of_capture

TOTALS = ("packets", "bytes", "seconds")
REPEATS, PER_LABEL = 50, 100
LONG_PACKETS = 1000
TIMED = """
import sys, time
from pathlib import Path
from netdiffus import generate
from netdiffus.models.backends import load_model
model, out, count = Path(sys.argv[1]), Path(sys.argv[2]), eval(sys.argv[3])
generate(model, out, count=dict.fromkeys(count, 1), seed=0)  # loads the kernels
began = time.process_time()
load_model(model)
loading = time.process_time() - began
generate(model, out, count=count, seed=1)
print(time.process_time() - began - 2 * loading)
"""
"""Prints the CPU-seconds of a second `generate`."""
MEASURED = """
import sys
from pathlib import Path
from netdiffus import generate
generate(sys.argv[1], sys.argv[2], count=eval(sys.argv[3]), payload="zero", link="raw")
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""
"""Prints the peak memory of `generate` in KiB, its own: ru_maxrss has that of who started it, too."""
NS = 1e9


def sources() -> list[Path]:
    """Captures in folders named by label."""
    named = os.environ.get("WHOLE_DATA")
    if named:
        return [Path(named)]
    whole = recordings.folder().parent / "whole"
    return [whole if whole.is_dir() else recordings.folder()]


def totals(flows: pl.DataFrame) -> Floats:
    """(N, 3) packets, payload bytes and seconds of whole flows, which are rows with list columns."""
    columns = (pl.col("size").list.len(), pl.col("size").list.sum(), pl.col("gap_ns").list.sum() / NS)
    return flows.select(
        *(column.cast(pl.Float64).alias(name) for column, name in zip(columns, TOTALS, strict=True))
    ).to_numpy()


def distance(one: Floats, other: Floats, size: int, rng: np.random.Generator) -> float:
    """Mean Kolmogorov-Smirnov distance of `size` of the values of one to all of the other."""
    found = [
        ks_2samp(rng.choice(one, size, replace=len(one) < size), other, method="asymp").statistic
        for _ in range(REPEATS)
    ]
    return float(np.mean(found))


def fidelity(dataset: Path, capture: Path) -> str:
    """Totals of synthetic flows against real test flows, next to real training flows, per label."""
    rng = np.random.default_rng(0)
    _, traces = read_dataset(dataset)
    made = labelled(capture)
    lines, within = [], Counter[str]()
    labels = sorted(set(traces["label"]))
    for label in labels:
        train_, test = (
            totals(traces.filter((pl.col("label") == label) & (pl.col("split") == side))) for side in ("train", "test")
        )
        drawn = totals(made.filter(pl.col("label") == label))
        cells: list[object] = [label, len(train_), len(test), len(drawn)]
        for k, name in enumerate(TOTALS):
            floor, value = (distance(part[:, k], test[:, k], len(test), rng) for part in (train_, drawn))
            within[name] += value <= floor + 0.1
            cells += [f"{floor:.3f}", f"{value:.3f}"]
        lines.append(cells)
    head = ["label", "training flows", "test flows", "synthetic"]
    head += [f"{name}, {kind}" for name in TOTALS for kind in ("real", "synthetic")]
    shares = ", ".join(f"{name} {within[name]} of {len(labels)} labels" for name in TOTALS)
    return (
        f"KS distance to the test flows within .1 of that of real training flows: **{shares}** (wanted: 90 %).\n\n"
        + table(head, lines)
    )


def labelled(capture: Path) -> pl.DataFrame:
    """The flows of a generated capture as any reader sees them, with their labels."""
    ends = ["protocol", "client", "client_port", "server", "server_port"]
    names = pl.read_csv(capture.with_name(capture.name + ".labels.csv")).cast(
        {"client_port": pl.Int32, "server_port": pl.Int32}
    )
    flows = flows_of_capture(capture, packets=10**7, timeout_s=2e7).flows
    return flows.join(names.select(*ends, "label"), on=ends, how="left", maintain_order="left")


def network_speed(model: Path) -> float:
    """Packets per CPU-second that the network draws one by one: what windows drawn one after another could reach."""
    loaded = load_model(model)
    ids, packets = np.repeat(np.arange(len(loaded.manifest.labels)), 128), 0
    began = time.process_time()
    for draw in loaded.sample(Request(ids, Sampling(), 0)):
        packets += int(draw.sketch(HEAD)[0].head.counts.sum())
    return packets / (time.process_time() - began)


def speed(model: Path, folder: Path, flows: int = 900) -> str:
    """Packets per CPU-second from a loaded model to a file, on flows of LONG_PACKETS packets and more."""
    counts = long_labels(model)
    capture = folder / "speed.pcap"
    command = [
        sys.executable,
        "-c",
        TIMED,
        str(model),
        str(capture),
        repr(dict.fromkeys(counts, flows // len(counts))),
    ]
    used = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])
    found = packets_of(capture)
    mean = float(found.mean())
    return (
        f"`generate` of {len(found)} flows of {mean:,.0f} packets on average ({', '.join(counts)}), loading excluded: "
        f"**{found.sum() / used:,.0f} packets per CPU-second** (wanted: 100,000). The network alone draws "
        f"{network_speed(model):,.0f} packets per CPU-second one by one, so windows of packets drawn one after another "
        f"cannot be faster."
    )


def packets_of(capture: Path) -> NDArray[np.int64]:
    """Packets of each flow of a generated capture."""
    return pl.read_csv(capture.with_name(capture.name + ".labels.csv"))["packets"].to_numpy()


def long_labels(model: Path) -> list[str]:
    """Labels whose flows have LONG_PACKETS packets or more on average, by the course that was learned."""
    loaded = load_model(model)
    codec = loaded.manifest.codec
    found = []
    if isinstance(codec, PacketCodec) and codec.series.course is not None:
        packets = codec.series.course.alphabets[0]
        values = np.nan_to_num(packets.known.values)
        there = ~np.isnan(packets.known.values)
        for k, name in enumerate(loaded.manifest.labels):
            if (packets.counts[k] * values * there).sum() >= LONG_PACKETS * (packets.counts[k] * there).sum():
                found.append(name.rpartition("/")[0])
    return sorted(set(found))


def conformance(model: Path, folder: Path, packets: int) -> str:
    """What the gates say of about so many packets."""
    capture, counts = folder / "conformance.pcapng", long_labels(model)
    generate(model, capture, count=dict.fromkeys(counts, max(1, packets // (1500 * len(counts)))), seed=2)
    return table(("gate", "answer", "wanted"), gated(capture))


def gated(capture: Path) -> list[tuple[str, str, str]]:
    """What each gate says of a generated capture, and what is wanted."""
    ours = check_with_payload(capture)
    longest = int(packets_of(capture).max())
    lines = [
        (
            f"netdiffus check, {ours.packets:,} packets, longest flow {longest:,}",
            f"{sum(f.packets for f in ours.faults):,} findings",
            "0",
        )
    ]
    if (said := gates.tshark(capture)) is not None:
        words = Counter(word for words in said.values() for word in words)
        words.pop("Connection reset (RST)", 0)
        lines.append(("tshark, expert ≥ warn, checksums on", f"{words.total():,} findings", "0"))
    for name, answer, wanted in (
        ("tcpdump -vv", gates.tcpdump(capture), "0"), ("capinfos -o, strict order", gates.in_order(capture), "True"),
    ):  # fmt: skip
        text = f"{len(answer):,} findings" if isinstance(answer, list) else str(answer)
        lines.append((name, text, wanted))
    return lines


def memory(model: Path, folder: Path, packets: int) -> str:
    """Peak memory of `generate` for about so many packets."""
    counts = long_labels(model)
    lines = []
    for wanted in (packets // 10, packets):
        capture = folder / "memory.pcap"
        asked = dict.fromkeys(counts, max(1, wanted // (1500 * len(counts))))
        said = subprocess.run(
            [sys.executable, "-c", MEASURED, str(model), str(capture), repr(asked)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found = packets_of(capture)
        lines.append(
            (f"{found.sum():,}", f"{len(found):,}", f"{found.max():,}", f"{int(said.split()[-1]) / 1024:,.0f} MiB")
        )
        capture.unlink()
    return table(("packets", "flows", "longest", "peak memory"), lines)


def main() -> None:
    """Write the section."""
    parts = os.environ.get("WHOLE_PARTS", "fidelity,ways,conformance,speed,memory").split(",")
    packets = int(float(os.environ.get("WHOLE_PACKETS", "1e7")))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(os.environ.get("WHOLE_FOLDER", scratch))
        folder.mkdir(parents=True, exist_ok=True)
        dataset, model, capture = folder / "dataset", folder / "model", folder / "made.pcap"
        if not dataset.exists():
            prepare(sources(), dataset, packets="all")
        if not (model / ModelCard.FILE).exists():
            steps = os.environ.get("WHOLE_STEPS")
            if steps:
                train(dataset, model, image="fields", steps=int(steps))
            else:
                train(dataset, model, image="fields", minutes=20)
        card = ModelCard.read(model)
        texts = [
            f"{card.steps:,} steps in {card.seconds / 60:.1f} minutes on one thread; a process of {peak():,.0f} MiB."
        ]
        if "fidelity" in parts:
            labels = sorted({name.rpartition("/")[0] for name in card.labels})
            generate(model, capture, count=dict.fromkeys(labels, PER_LABEL), seed=1)
            texts.append("### Totals of whole flows\n\n" + fidelity(dataset, capture))
        if "ways" in parts:
            texts.append("### Ways to draw what comes behind the first packets\n\n" + ways(dataset, model))
        if "conformance" in parts:
            texts.append("### Gates\n\n" + conformance(model, folder, min(packets, 10**6)))
        if "speed" in parts:
            texts.append("### Speed\n\n" + speed(model, folder))
        if "memory" in parts:
            texts.append("### Memory\n\n" + memory(model, folder, packets))
    body = "\n\n".join(texts)
    if "WHOLE_PARTS" in os.environ:
        print(body)
    else:
        write_section("whole", "Whole flows", body)


def peak() -> float:
    """MiB that this process took at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
