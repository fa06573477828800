"""Packets out: a model of packets is trained, a capture of 100,000 packets is made, and everything is asked about it.

PACKETS_MINUTES=20 sets the training; PACKETS_FOLDER=DIR keeps datasets, models and captures there, and goes on with a
model that it finds; PACKETS_SETS=recordings measures that collection alone.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl

from bench import gates
from bench.packet_fidelity import (
    CHANCE,
    SUMS,
    Flows,
    bit_distances,
    detector_auc,
    field_rows,
    learned,
    packets_of,
)
from bench.results import table, write_section
from bench.stacks import stack_lines, written
from netdiffus import generate, prepare, recordings, train
from netdiffus.compiler import (
    FlowRows,
    rows_of_flows,
)
from netdiffus.compiler.features.codec import first_packets
from netdiffus.compiler.fidelity import Fidelity
from netdiffus.compiler.tables import rows_of_tables
from netdiffus.imaging.bits import BitsCodec
from netdiffus.metrics.bits import ADDRESSES
from netdiffus.models.manifest import read_model
from netdiffus.models.packet_codec import PacketCodec
from netdiffus.steps.images.bits import packet_rows
from netdiffus.store.cards import DatasetCard, ModelCard
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.traffic.flows.reader import flows_of_capture
from netdiffus.wire.conformance.check import check_capture

SHARED = Path(__file__).parents[2] / "shared" / "data" / "apps_pcap"
PACKETS, WANTED, FEWEST = 32, 100_000, 50
PER_LABEL = 100
MINUTES = float(os.environ.get("PACKETS_MINUTES", "20"))
ENDS = ["protocol", "client", "client_port", "server", "server_port"]


def collections() -> dict[str, list[Path]]:
    """Captures by collection; of apps_pcap the classes with enough flows are chosen later."""
    found = {"recordings": [path for paths in recordings.captures().values() for path in paths]}
    if SHARED.is_dir():
        found["apps_pcap"] = [SHARED]
    chosen = os.environ.get("PACKETS_SETS", "").split(",")
    return {name: paths for name, paths in found.items() if not chosen[0] or name in chosen}


def real_flows(dataset: Path) -> dict[str, Flows]:
    """Train and test part of a dataset: flows that have rows and bits, of labels with enough of them."""
    card, traces = read_dataset(dataset)
    packets = read_packets(dataset)
    enough = [label for label, n in card.labels.items() if n["train"] + n["test"] >= FEWEST]
    good = _with_columns(packets)
    found = {}
    for side in ("train", "test"):
        part = traces.filter((pl.col("split") == side) & pl.col("label").is_in(enough) & pl.col("trace_id").is_in(good))
        numbered = part.with_columns(label=pl.col("trace_id").cast(pl.String))
        kept = [int(text) for text in rows_of_tables(numbered, packets)[0].labels]
        rows, _ = rows_of_tables(part.filter(pl.col("trace_id").is_in(kept)), packets)
        columns = packets_of(packets, "trace_id", kept, np.array(rows.labels), PACKETS)
        found[side] = Flows(first_packets(rows, PACKETS), columns)
    return found


def _with_columns(packets: pl.DataFrame) -> list[int]:
    """Ids of the flows whose packets all have nPrint columns."""
    lost = np.array([reason is not None for reason in BitsCodec.of(bare=True).lost(packet_rows(packets)).tolist()])
    marked = packets.select("trace_id", pl.Series("lost", lost)).group_by("trace_id").agg(pl.col("lost").any())
    return marked.filter(~pl.col("lost"))["trace_id"].to_list()


def made_flows(capture: Path) -> Flows:
    """The flows of a generated capture as any reader sees them, with the labels of FILE.labels.csv."""
    read = flows_of_capture(capture, packets=PACKETS, timeout_s=2e7)
    table_ = pl.read_csv(capture.with_name(capture.name + ".labels.csv")).cast(
        {"client_port": pl.Int32, "server_port": pl.Int32}
    )
    labels = read.flows.join(table_.select(*ENDS, "label"), on=ENDS, how="left", maintain_order="left")["label"]
    assert not labels.null_count(), "every flow is in labels.csv"
    rows, left_out = rows_of_flows(read.flows, read.packets, labels.to_list())
    assert not left_out, left_out
    ids = read.flows["flow_id"].to_list()
    return Flows(rows, packets_of(read.packets, "flow_id", ids, np.array(labels), PACKETS))


def asked(capture: Path, real: FlowRows, scratch: Path) -> tuple[list[tuple[str, str, str]], int]:
    """What each gate says of the capture, what was wanted, and how many flows labels.csv has."""
    flows = len(pl.read_csv(capture.with_name(capture.name + ".labels.csv")))
    ours = check_capture(capture)
    lines = [("netdiffus check", f"{sum(f.packets for f in ours.faults):,} findings", "0")]
    lines[0] = (f"netdiffus check, {ours.packets:,} packets", *lines[0][1:])
    resets = real.rows["flags"][real.flows["protocol"][real.owner] == 6] & 4 != 0
    if (said := gates.tshark(capture)) is not None:
        words = Counter(word for words in said.values() for word in words)
        plain = words.pop("Connection reset (RST)", 0)
        lines.append(("tshark, expert ≥ warn, checksums on", f"{words.total():,} findings", "0"))
        lines.append(
            ("plain resets among packets", f"{plain / ours.packets:.3f}", f"real {resets.sum() / len(real.rows):.3f}")
        )
    for name, answer, wanted in (
        ("tcpdump -vv", gates.tcpdump(capture), "0"),
        ("capinfos -o, strict order", gates.in_order(capture), "True"),
        ("ndpiReader, flows", gates.ndpi_flows(capture), f"{flows:,}"),
        ("NFStream, flows", gates.nfstream_flows(capture), f"{flows:,}"),
    ):
        text = "not installed" if answer is None else str(answer)
        text = f"{len(answer):,} findings" if isinstance(answer, list) else text
        lines.append((name, text, wanted))
    beside = written(real, scratch / "real.pcap", fidelity=Fidelity.VERBATIM)
    return [*lines, *stack_lines(capture, beside)], flows


def scored(real: dict[str, Flows], drawn: Flows, rng: np.random.Generator) -> str:
    """Fidelity and use as text."""
    test, made = real["test"], drawn.sample(real["train"].counts, np.random.default_rng(0))
    counts = {label: min(n, made.counts.get(label, 0), real["train"].counts[label]) for label, n in test.counts.items()}
    test, other, like = (part.sample(counts, rng) for part in (test, real["train"], made))
    head = ("field", "real against real", "synthetic against real", "labels within 0.1 of the floor", "largest excess")
    text = "Distances, mean over labels:\n\n" + table(head, field_rows(test, other, like))
    lines = []
    for name, without in (
        ("without addresses", ADDRESSES),
        ("without checksums", ADDRESSES + SUMS),
        ("without random numbers", ADDRESSES + CHANCE),
    ):
        floor, value = bit_distances(test, other, without), bit_distances(test, like, without)
        for kind, a, b in zip(("JSD", "TVD", "Hellinger"), floor, value, strict=True):
            lines.append((f"{kind}, {name}", f"{a:.4f}", f"{b:.4f}", f"{b / a:.2f}"))
        a, b = detector_auc(test, other, without), detector_auc(test, like, without)
        lines.append((f"AUC of a forest that separates them, {name}", f"{a:.3f}", f"{b:.3f}", ""))
    text += "\n\nnPrint bits of the first packets:\n\n"
    text += table(("figure", "real against real", "synthetic against real", "ratio"), lines)
    trtr, real_f1 = learned([real["train"]], real["test"])
    tstr, _ = learned([made], real["test"])
    mixed, mixed_f1 = learned([real["train"], made], real["test"])
    text += f"\n\nRandom forest on nPrint bits, tested on real flows: trained on real flows {trtr:.3f}, on "
    text += f"synthetic ones {tstr:.3f} (**TSTR / TRTR {tstr / trtr:.3f}**), on both {mixed:.3f}. "
    rare = sorted(real_f1, key=lambda label: real["train"].counts[label])[: max(1, len(real_f1) // 3)]
    most = max(real["train"].counts.values())
    filled = drawn.sample({label: most - real["train"].counts[label] for label in rare}, rng)
    _, filled_f1 = learned([real["train"], filled], real["test"])
    f1 = [np.mean([found[label] for label in rare]) for found in (real_f1, filled_f1, mixed_f1)]
    text += f"Mean F1 of the rarest third of the labels: {f1[0]:.3f} from real flows, {f1[1]:.3f} with these labels "
    text += (
        f"filled up by synthetic flows to the size of the largest, {f1[2]:.3f} with as many synthetic as real flows "
    )
    text += "of every label. "
    few = real["train"].sample(dict.fromkeys(counts, 10), rng)
    alone, joined = learned([few], real["test"])[0], learned([few, made], real["test"])[0]
    return text + f"With 10 real flows per label: {alone:.3f}, with synthetic ones added {joined:.3f}."


def speed(model: Path, scratch: Path, rows: FlowRows) -> str:
    """Packets per CPU-second from drawn values to a file, and the time for 1,000 flows."""
    packets = read_model(model).codec
    if not isinstance(packets, PacketCodec):
        raise TypeError(f"{model} is no model of packets")
    series, _ = packets.fields.encode(rows)
    rates = []
    for _ in range(4):
        before = time.process_time()
        back, _ = packets.fields.decode(series, rows.labels, np.random.default_rng(0))
        written(back, scratch / "speed.pcap")
        rates.append(len(back.rows) / (time.process_time() - before))
    began, cpu = time.perf_counter(), time.process_time()
    generate(model, scratch / "thousand.pcap", count=1000)
    wall, used = time.perf_counter() - began, time.process_time() - cpu
    return (
        f"From values to a pcap file: **{np.median(rates[1:]):,.0f} packets per CPU-second** (published: 220). "
        f"`generate --count 1000`, loading included: {wall:.0f} s, {used:.0f} CPU-seconds."
    )


def measured(name: str, sources: list[Path], folder: Path) -> str:
    """One collection from captures to figures."""
    dataset, model, capture = folder / f"{name}-dataset", folder / f"{name}-model", folder / f"{name}.pcap"
    if not (dataset / DatasetCard.FILE).exists():
        prepare(sources, dataset, packets=PACKETS)
    if not (model / ModelCard.FILE).exists():
        train(dataset, model, image="fields", minutes=MINUTES)
    card = ModelCard.read(model)
    real = real_flows(dataset)
    mean, labels = float(real["train"].rows.counts.mean()), real["train"].counts
    counts = dict.fromkeys(labels, max(PER_LABEL, round(1.2 * WANTED / mean / len(labels))))
    generate(model, capture, count=counts, seed=1)
    alike = dict.fromkeys(labels, min(labels.values()))  # of every label alike many, as in the capture
    lines, flows = asked(capture, real["train"].sample(alike, np.random.default_rng(0)).rows, folder)
    made = made_flows(capture)
    text = f"### {name}\n\n{card.steps:,} steps in {card.seconds / 60:.1f} minutes on {card.device}; "
    text += f"{len(counts)} labels with at least {FEWEST} flows; {flows:,} flows generated.\n\n"
    text += table(("gate", "answer", "wanted"), lines) + "\n\n"
    text += scored(real, made, np.random.default_rng(0))
    return text + "\n\n" + speed(model, folder, real["train"].rows)


def main() -> None:
    """Write the section."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(os.environ.get("PACKETS_FOLDER", scratch))
        folder.mkdir(parents=True, exist_ok=True)
        parts = [measured(name, sources, folder) for name, sources in collections().items()]
    body = f"First {PACKETS} packets of each flow. Real test flows are compared with as many synthetic ones and, as "
    body += "the floor, with as many real training flows of the same labels.\n\n" + "\n\n".join(parts)
    write_section("packets", "Packets out", body)


if __name__ == "__main__":
    main()
