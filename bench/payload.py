"""Payload: what DPI engines say of generated application layers, what they give away, and what they cost.

PAYLOAD_FOLDER names a folder of recordings with payload, LABEL/LABEL.pcap (tools/record with --raw-only makes them);
apps_pcap is read where it is there. The flows are real ones whose payload is written anew: a model would only blur.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl

from bench import payload_learned as learned
from bench import payload_oracles as oracles
from bench.results import table, write_section
from netdiffus import prepare
from netdiffus.compiler import (
    FlowRows,
    Packets,
    by_label,
    compile_rows,
    concatenate,
    draw_starts,
    fresh_endpoints,
    write_packets,
)
from netdiffus.compiler.application import speak
from netdiffus.compiler.payload import Content
from netdiffus.compiler.tables import rows_of_tables
from netdiffus.store.cards import DatasetCard
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.traffic.payload.knowledge import PayloadKnowledge
from netdiffus.wire.headers.addresses import ipv4_text, ipv6_text

FOLDER = Path(os.environ.get("PAYLOAD_FOLDER", "/nonexistent"))
APPS = Path(__file__).parents[2] / "shared" / "data" / "apps_pcap"
PACKETS, WANTED, FEWEST, RECOGNISED = 64, 100_000, 20, 0.95
START_NS = 1_767_225_600 * 10**9
Ends = tuple[str, int, str, int]


def captures(folder: Path) -> dict[str, list[Path]]:
    """The captures of each label in a folder."""
    found = {each.name: sorted(each.glob("*.pcap*")) for each in sorted(folder.glob("*/"))}
    return {label: [p for p in paths if p.stat().st_size > 1000] for label, paths in found.items() if paths}


def learn(paths: dict[str, list[Path]], out: Path) -> tuple[FlowRows, FlowRows, PayloadKnowledge]:
    """Training and test flows of captures, and what their payload says."""
    prepare(
        [path.parent for each in paths.values() for path in each[:1]], out=out, payload_shapes=True, packets=PACKETS
    )
    card, traces = DatasetCard.read(out), read_dataset(out)[1]
    packets = read_packets(out)
    parts = [rows_of_tables(traces.filter(pl.col("split") == side), packets)[0] for side in ("train", "test")]
    if card.payload is None:
        raise TypeError("a dataset without payload")
    return parts[0], parts[1], card.payload


def placed(rows: FlowRows, seed: int) -> Packets:
    """The same flows between fresh hosts, compiled."""
    rng = np.random.default_rng(seed)
    fresh = fresh_endpoints(rows, rng)
    starts = draw_starts(np.array([10**7]), len(rows), rng, begin_ns=START_NS)
    fresh.flows["start_ns"] = rng.permutation(starts)
    return compile_rows(fresh)


def several(rows: FlowRows, packets: int) -> FlowRows:
    """The flows as often as it takes to have so many packets."""
    return concatenate([rows] * max(1, -(-packets // max(len(rows.rows), 1))))


def save(path: Path, packets: Packets, content: Content, seed: int = 0) -> Path:
    """Write a capture."""
    with path.open("wb") as file:
        write_packets(file, packets, payload=content, seed=seed)
    return path


def ends_of(packets: Packets) -> list[Ends]:
    """Client and server of each flow."""
    flows, texts = packets.flows, []
    for side in (0, 1):
        pairs = zip(flows["address"][:, side].tolist(), flows["version"].tolist(), strict=True)
        texts.append([ipv4_text(low) if version == 4 else ipv6_text(high, low) for (high, low), version in pairs])
    ports = flows["port"].tolist()
    return [(a, pa, b, pb) for a, b, (pa, pb) in zip(*texts, ports, strict=True)]


def agreement(
    real: dict[str, list[Path]], rows: FlowRows, known: PayloadKnowledge, folder: Path
) -> list[tuple[object, ...]]:
    """Per label: what nDPI names most of real flows, and the share of flows with names of real ones."""
    found: list[tuple[object, ...]] = []
    for label, packets in by_label(placed(rows, 1)).items():
        theirs = sum((oracles.ndpi(path) for path in real[label]), Counter())
        random = oracles.ndpi(
            save(folder / "r.pcap", packets, Content(np.zeros(0, np.uint8), np.full(len(packets.owner), -1)))
        )
        ours = oracles.ndpi(save(folder / "n.pcap", packets, speak(packets, 1, known)))
        usual, count = theirs.most_common(1)[0]
        seen = {name for name, n in theirs.items() if name != "Unknown" and n >= 0.01 * theirs.total()}
        shares = [sum(each[name] for name in seen) / max(each.total(), 1) for each in (theirs, random, ours)]
        named = f"{usual} {count / theirs.total():.2f}"
        found.append((label, theirs.total(), named, *(f"{share:.2f}" for share in shares), ours.most_common(3)))
    return found


def identity(train: list[Path], rows: FlowRows, known: PayloadKnowledge, folder: Path) -> tuple[str, list[str]]:
    """Runs of bytes and host names that generated payload shares with training and with unrelated payload."""
    made = [
        learned.payloads([save(folder / f"{seed}.pcap", packets, speak(packets, seed, known))])
        for seed in range(1, 6)
        for packets in [placed(rows, seed)]
    ]
    one, others = made[0], list(chain.from_iterable(made[1:]))
    drawn = np.setdiff1d(learned.runs(one), learned.runs(others))
    trained = learned.payloads(train)
    apps = learned.payloads([path for paths in captures(APPS).values() for path in paths]) if APPS.exists() else []
    lines = [
        f"{len(drawn):,} runs of {learned.RUN} bytes are in one generated capture and in none of four other seeds."
    ]
    for name, other in (("training payload", trained), ("unrelated payload (apps_pcap)", apps)):
        if other:
            theirs = learned.runs(other)
            shared = np.intersect1d(drawn, theirs)
            rate = len(shared) / len(drawn) / len(theirs) * 1e6
            lines.append(f"In {name} are {len(shared):,} of them ({rate:.3f} per million of its {len(theirs):,} runs).")
    recovered = learned.names(trained) & learned.names(one)
    lines.append(f"Host names of the training payload: {len(learned.names(trained)):,}; recovered: {len(recovered)}.")
    return "\n".join(f"* {line}" for line in lines), sorted(name.decode() for name in recovered)


def forest(folder: Path) -> str:
    """TSTR and TRTR of a random forest on first payload bytes of apps_pcap."""
    if not APPS.exists():
        return "apps_pcap is not there: not measured."
    paths = captures(APPS)
    train, _, known = learn(paths, folder / "apps")
    traces = read_dataset(folder / "apps")[1]
    packets = placed(train, 3)
    labels = dict(zip(ends_of(packets), packets.labels, strict=True))
    made = learned.first_bytes(save(folder / "apps.pcap", packets, speak(packets, 3, known)), labels)
    real: dict[str, dict[str, list[bytes]]] = {"train": {}, "test": {}}
    opening = read_packets(folder / "apps").filter(pl.col("index") == 0).join(traces, on="trace_id")
    sides = {
        (row["client"], row["client_port"], row["server"], row["server_port"], row["label"]): row["split"]
        for row in opening.iter_rows(named=True)
    }
    for label, each in paths.items():
        for path in each:
            for side in ("train", "test"):
                chosen = {key[:4]: label for key, split in sides.items() if split == side and key[4] == label}
                for name, datas in learned.first_bytes(path, chosen).items():
                    real[side].setdefault(name, []).extend(datas)
    kept = [n for n, datas in real["train"].items() if len(datas) >= FEWEST and real["test"].get(n) and made.get(n)]
    parts = [{name: part[name] for name in kept} for part in (real["train"], made, real["test"])]
    trtr, tstr = (learned.accuracy(part, parts[2]) for part in parts[:2])
    return f"{len(kept)} labels: TRTR {trtr:.3f}, TSTR {tstr:.3f}, TSTR/TRTR **{tstr / trtr:.3f}** (wanted: 0.85)."


def speed(rows: FlowRows, known: PayloadKnowledge, folder: Path) -> str:
    """Packets per CPU-second from values to a file."""
    rates: dict[str, list[float]] = {"protocol": [], "random": []}
    rows = several(rows, 300_000)
    for _ in range(3):
        for kind, found in rates.items():
            began = time.process_time()
            packets = placed(rows, 0)
            content = speak(packets, 0, known) if kind == "protocol" else "random"
            with (folder / "speed.pcap").open("wb") as file:
                n = write_packets(file, packets, payload=content)
            found.append(n / (time.process_time() - began))
    one, other = (float(np.median(rates[kind])) for kind in ("protocol", "random"))
    return (
        f"From values to a file: **{one:,.0f} packets per CPU-second** with protocols, {other:,.0f} with random bytes."
    )


def main() -> None:
    """Measure all of it, and write the section."""
    real = captures(FOLDER)
    if not real:
        print("PAYLOAD_FOLDER names no folder of recordings with payload: nothing is measured")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train, _, known = learn(real, folder / "recordings")
        rows = agreement(real, train, known, folder)
        packets = placed(several(train, WANTED), 4)
        content = speak(packets, 4, known)
        path = save(folder / "all.pcap", packets, content)
        said = oracles.complaints(path)
        ends = ends_of(packets)
        intended = {ends[flow]: text for flow, text in content.ja4.items()}
        hellos = [(intended[key], text) for key, text in oracles.client_hellos(path) if key in intended]
        shared, recovered = identity([p for each in real.values() for p in each], train, known, folder)
        body = [
            table(
                ("label", "real flows", "nDPI's usual name", "real", "random payload", "protocol", "what it names"),
                rows,
            ),
            "Columns real, random payload and protocol: share of flows that nDPI gives a name that it gives real ones.",
            f"tshark, {len(packets.owner):,} packets: {said.total()} malformed or in error above the transport. "
            + "; ".join(f"{words}: {n}" for words, n in said.most_common(5)),
            f"JA4 from the bytes equals the drawn one in {sum(a == b for a, b in hellos):,} of {len(hellos):,} hellos "
            f"({len({a for a, _ in hellos})} distinct).",
            f"Flows: {sum(content.written.values()):,} written; left random: {content.misfits}.",
            shared + "".join(f" {each}" for each in recovered[:5]),
            forest(folder),
            speed(train, known, folder),
        ]
        write_section("payload", "Payload", "\n\n".join(body))


if __name__ == "__main__":
    main()
