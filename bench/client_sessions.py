"""Sessions of clients: how many flows, when, in which order, after which look-up, and connection records of them.

The recordings of sessions are prepared with all packets, learned and drawn again. SESSIONS_FOLDER=DIR keeps dataset,
model and capture there, and goes on with those that it finds; SESSIONS_STEPS=N trains for N steps, not 20 minutes;
SESSIONS_DRAWN=N draws so many sessions; with one of the latter two the section is only printed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from bench.results import table, write_section
from bench.stacks import stack_lines, written
from netdiffus import generate, prepare, recordings, train
from netdiffus.compiler import concatenate, rows_of_flows
from netdiffus.compiler.fidelity import Fidelity
from netdiffus.metrics.connections import connections
from netdiffus.metrics.score import Score
from netdiffus.metrics.sessions import sessions
from netdiffus.metrics.wavelet import NAMES, wavelet
from netdiffus.metrics.whole import WholeSets
from netdiffus.steps.payload_check import check_with_payload
from netdiffus.store.cards import ModelCard
from netdiffus.traffic.flows.reader import flows_of_capture
from netdiffus.traffic.labels.names import labels_path
from netdiffus.traffic.labels.rules import FolderLabels, MapLabels
from netdiffus.traffic.whole.flows import joined
from netdiffus.traffic.whole.reader import whole_of_capture

NEAR, AUC = 0.1, 0.65
ASKED = 3000
"""Flows that a real kernel is asked about."""
TIMES = 2
"""A wavelet energy may be so many times as far from real traffic as real halves are from each other."""
WANTED = dict.fromkeys(("sessions.flows", "sessions.gaps", "sessions.order", "sessions.lookups"), "real + .1")


def recorded() -> list[Path]:
    """The recordings of sessions."""
    return [path for some in recordings.sessions().values() for path in some]


def wholes(capture: Path) -> WholeSets:
    """All traffic of a generated capture and of the recordings."""
    real = joined([whole_of_capture(path, number, FolderLabels()) for number, path in enumerate(recorded())])
    return WholeSets(real, None, whole_of_capture(capture, 0, MapLabels.read(labels_path(capture))))


def scores(sets: WholeSets) -> Iterator[Score]:
    """What sessions and connection records are, beside those of the recordings."""
    rng = np.random.default_rng(0)
    yield from sessions(sets, rng)
    yield from connections(sets, rng)


def scales(sets: WholeSets) -> str:
    """How far wavelet energies are from real ones at each time scale, and which are within twice real halves."""
    found: dict[str, list[Score]] = {name: [] for name in NAMES}
    for score in wavelet(sets, np.random.default_rng(0)):
        if score.value is not None and score.floor is not None and not score.name.endswith(".mean"):
            found[score.name.split(".")[1]].append(score)
    near = {
        name: sum(one.value <= TIMES * one.floor for one in some if one.value is not None and one.floor is not None)
        for name, some in found.items()
    }
    rows = [
        [one.name.rpartition(".")[2], *(f"{number:.2f}" for score in pair for number in (score.floor, score.value))]
        for pair in zip(*found.values(), strict=True)
        for one in pair[:1]
    ]
    said = ", ".join(f"{name} at {near[name]} of {len(found[name])} scales" for name in NAMES)
    head = ["scale", *(f"{name}, {kind}" for name in NAMES for kind in ("real halves", "synthetic"))]
    return f"Wavelet energy, in bits away from real windows, within {TIMES} times real halves: {said}.\n\n" + table(
        head, rows
    )


def real_capture(folder: Path) -> Path:
    """The recorded flows as one capture, with payload of zeros in place of what recordings do not keep."""
    parts = []
    for path in recorded():
        read = flows_of_capture(path, packets=10**7, timeout_s=2e7)
        parts.append(rows_of_flows(read.flows, read.packets, path.parent.name)[0])
    return written(concatenate(parts), folder / "real.pcap", fidelity=Fidelity.REAL)


def lines(found: list[Score]) -> list[list[object]]:
    """Rows of the table: value, what halves of real traffic get, and whether that is reached."""
    rows: list[list[object]] = []
    for score in found:
        if score.label is not None:
            continue
        if score.value is None or score.floor is None:
            rows.append([score.name, "none", "none", "", score.note])
            continue
        reached = score.value <= (score.floor + NEAR if score.name in WANTED else AUC)
        wanted = WANTED.get(score.name, f"≤ {AUC}")
        rows.append([score.name, f"{score.value:.3f}", f"{score.floor:.3f}", wanted, "yes" if reached else "no"])
    return rows


def main() -> None:
    """Write the section."""
    steps, asked = os.environ.get("SESSIONS_STEPS"), os.environ.get("SESSIONS_DRAWN")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(os.environ.get("SESSIONS_FOLDER", scratch))
        folder.mkdir(parents=True, exist_ok=True)
        dataset, model, capture = folder / "dataset", folder / "model", folder / "made.pcapng"
        if not dataset.exists():
            prepare(recordings.folder("sessions"), dataset, packets="all", payload_shapes=True)
        if not (model / ModelCard.FILE).exists():
            length = {"minutes": 20.0} if steps is None else {"steps": int(steps)}
            train(dataset, model, image="fields", length=16, **length)
        if not capture.exists():
            generate(model, capture, sessions=int(asked or 480), seed=1)
        card, flows = ModelCard.read(model), pl.read_csv(labels_path(capture))
        checked, sets = check_with_payload(capture), wholes(capture)
        text = (
            f"{card.steps:,} steps in {card.seconds / 60:.1f} minutes; {flows['session'].n_unique():,} sessions of "
            f"{len(flows):,} flows, {checked.packets:,} packets; findings of `netdiffus check`: "
            f"{sum(fault.packets for fault in checked.faults):,} in {checked.packets:,} packets.\n\n"
            + table(["score", "synthetic", "real halves", "wanted", "reached"], lines(list(scores(sets))))
            + "\n\n"
            + table(("gate", "answer", "wanted"), stack_lines(capture, real_capture(Path(scratch)), ASKED))
            + "\n\n"
            + scales(sets)
        )
    if steps is None and asked is None:
        write_section("client_sessions", "Sessions of clients", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
