"""Payload: what DPI engines say of generated application layers, what they give away, and what they cost.

PAYLOAD_FOLDER names a folder of recordings with payload, LABEL/LABEL.pcap (tools/record with --raw-only makes them);
apps_pcap is read where it is there. The flows are real ones whose payload is written anew: a model would only blur.
PAYLOAD_PARTS=ndpi,tshark,apps,identity,speed,model,whole measures those alone, and only prints.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np

from bench import payload_apps as apps
from bench import payload_learned as learned
from bench import payload_oracles as oracles
from bench.payload_flows import captures, ends_of, learn, placed, save, several
from bench.payload_model import from_model, whole
from bench.payload_ndpi import agreement
from bench.results import write_section
from netdiffus.compiler import FlowRows, write_packets
from netdiffus.compiler.application import speak
from netdiffus.traffic.payload.knowledge import PayloadKnowledge

FOLDER = Path(os.environ.get("PAYLOAD_FOLDER", "/nonexistent"))
WANTED = 100_000
PARTS = ("ndpi", "tshark", "apps", "identity", "speed", "model", "whole")
NAMED = """Columns real, random payload and protocol: share of flows with payload that nDPI gives a name that it gives
real ones; a flow without payload has nothing to be named."""


def identity(train: list[Path], rows: FlowRows, known: PayloadKnowledge, folder: Path) -> str:
    """Runs of bytes and host names that generated payload shares with training and with unrelated payload."""
    made = [
        learned.payloads([save(folder / f"{seed}.pcap", packets, speak(packets, seed, known))])
        for seed in range(1, 6)
        for packets in [placed(rows, seed)]
    ]
    one, others = made[0], list(chain.from_iterable(made[1:]))
    drawn = np.setdiff1d(learned.runs(one), learned.runs(others))
    trained = learned.payloads(train)
    there = captures(apps.FOLDER) if apps.FOLDER.exists() else {}
    unrelated = learned.payloads([path for paths in there.values() for path in paths])
    lines = [
        f"{len(drawn):,} runs of {learned.RUN} bytes are in one generated capture and in none of four other seeds."
    ]
    free = learned.without_constants(drawn, others)
    outside = f"the {len(free):,} without {learned.CONSTANT} bytes in a row that other seeds have"
    kinds = (drawn, "them"), (free, outside)
    sources = ("training payload", trained), ("unrelated payload (apps_pcap)", unrelated)
    for name, other in ((name, learned.runs(payloads)) for name, payloads in sources if payloads):
        for runs, words in kinds:
            shared = np.intersect1d(runs, other)
            rate = f"{len(shared) / len(runs) / len(other) * 1e6:.5f} per million of its {len(other):,} runs"
            lines.append(f"In {name} are {len(shared):,} of {words} ({rate}).")
    recovered = learned.names(trained) & learned.names(one)
    lines.append(f"Host names of the training payload: {len(learned.names(trained)):,}; recovered: {len(recovered)}.")
    told = " ".join(sorted(name.decode() for name in recovered)[:5])
    return "\n".join(f"* {line}" for line in lines) + f" {told}"


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


def conformance(rows: FlowRows, known: PayloadKnowledge, folder: Path) -> str:
    """What tshark complains of, JA4 from the bytes, and the flows that were left random."""
    packets = placed(several(rows, WANTED), 4)
    content = speak(packets, 4, known)
    path = save(folder / "all.pcap", packets, content)
    said = oracles.complaints(path)
    ends = ends_of(packets)
    intended = {ends[flow]: text for flow, text in content.ja4.items()}
    hellos = [(intended[key], text) for key, text in oracles.client_hellos(path) if key in intended]
    return (
        f"tshark, {len(packets.owner):,} packets: **{said.total()}** malformed or in error above the transport. "
        + "; ".join(f"{words}: {n}" for words, n in said.most_common(5))
        + f"\n\nJA4 from the bytes equals the drawn one in {sum(a == b for a, b in hellos):,} of {len(hellos):,} "
        f"hellos ({len({a for a, _ in hellos})} distinct).\n\n"
        f"Flows: {sum(content.written.values()):,} written; left random: {content.misfits}."
    )


def complained(real: dict[str, list[Path]]) -> str:
    """What tshark says of the real captures."""
    said: Counter[str] = Counter()
    for paths in real.values():
        for path in paths:
            said.update(oracles.complaints(path))
    return f"Of the real recordings it says so {said.total():,} times. " + "; ".join(
        f"{words}: {n}" for words, n in said.most_common(4)
    )


def main() -> None:
    """Measure what PAYLOAD_PARTS names, all by default; all of it is written as the section."""
    real = captures(FOLDER)
    if not real:
        print("PAYLOAD_FOLDER names no folder of recordings with payload: nothing is measured")
        return
    parts = os.environ.get("PAYLOAD_PARTS", ",".join(PARTS)).split(",")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train, _, known = learn(real, folder / "recordings")
        captured = [p for each in real.values() for p in each]
        sources = [path.parent for path in captured]
        measured: dict[str, Callable[[], str]] = {
            "ndpi": lambda: NAMED + "\n\n" + agreement(real, train, known, folder),
            "tshark": lambda: conformance(train, known, folder) + "\n\n" + complained(real),
            "apps": lambda: "### apps_pcap\n\n" + apps.measured(folder),
            "identity": lambda: identity(captured, train, known, folder),
            "speed": lambda: speed(train, known, folder),
            "model": lambda: from_model(sources, folder),
            "whole": lambda: whole(folder),
        }
        body = []
        for part in parts:
            body.append(measured[part]())
            print(body[-1], flush=True)
        if "PAYLOAD_PARTS" not in os.environ:
            write_section("payload", "Payload", "\n\n".join(body))


if __name__ == "__main__":
    main()
