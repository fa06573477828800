"""apps_pcap: what nDPI names there, and what a random forest learns of first payload bytes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from bench import payload_learned as learned
from bench.payload_flows import Ends, captures, ends_of, learn, placed, save
from bench.payload_ndpi import agreement
from netdiffus.compiler.application import speak
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.traffic.payload.shapes import LEAST_FLOWS, LEAST_PAIRS

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "apps_pcap"
FEWEST = 20


def measured(folder: Path) -> str:
    """nDPI's names and the forest's accuracy, on flows of apps_pcap whose payload is written anew."""
    if not FOLDER.exists():
        return "apps_pcap is not there: not measured."
    paths = captures(FOLDER)
    train, _, known = learn(paths, folder / "apps")
    packets = placed(train, 3)
    labels = dict(zip(ends_of(packets), packets.labels, strict=True))
    made = learned.beginnings(save(folder / "apps.pcap", packets, speak(packets, 3, known)), labels)
    sides = _split(folder / "apps")
    real = {
        side: [flow for label, each in paths.items() for path in each for flow in _of(path, label, side, sides)]
        for side in ("train", "test")
    }
    return agreement(paths, train, known, folder) + "\n\n" + forest(made, real["train"], real["test"])


def _split(dataset: Path) -> dict[tuple[Ends, str], str]:
    """The part of the split that each flow is in, by its ends and label."""
    opening = read_packets(dataset).filter(pl.col("index") == 0).join(read_dataset(dataset)[1], on="trace_id")
    return {
        ((row["client"], row["client_port"], row["server"], row["server_port"]), row["label"]): row["split"]
        for row in opening.iter_rows(named=True)
    }


def _of(path: Path, label: str, side: str, sides: dict[tuple[Ends, str], str]) -> list[learned.Beginning]:
    chosen = {ends: label for (ends, name), part in sides.items() if name == label and part == side}
    return learned.beginnings(path, chosen)


def forest(made: Iterable[learned.Beginning], train: list[learned.Beginning], test: list[learned.Beginning]) -> str:
    """TSTR and TRTR, and what real flows give that say no more than the rule of shapes permits."""
    trained, asked, synthetic = learned.by_label(train), learned.by_label(test), learned.by_label(made)
    kept = [name for name, datas in trained.items() if len(datas) >= FEWEST and asked.get(name) and synthetic.get(name)]
    permitted = learned.permitted([flow for flow in train if flow.label in kept])
    parts = [{name: part[name] for name in kept} for part in (trained, synthetic, permitted, asked)]
    trtr, tstr, most = (learned.accuracy(part, parts[3]) for part in parts[:3])
    return (
        f"{len(kept)} labels: TRTR {trtr:.3f}, TSTR {tstr:.3f}, TSTR/TRTR **{tstr / trtr:.3f}** (wanted: 0.85). "
        f"Real training flows, whose bytes are drawn anew where fewer than {LEAST_FLOWS} flows of "
        f"{LEAST_PAIRS} pairs of hosts of their label share them: {most / trtr:.3f}."
    )
