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
from netdiffus import generate, prepare, recordings, train
from netdiffus.metrics.connections import connections
from netdiffus.metrics.score import Score
from netdiffus.metrics.sessions import sessions
from netdiffus.metrics.whole import WholeSets
from netdiffus.steps.payload_check import check_with_payload
from netdiffus.store.cards import ModelCard
from netdiffus.traffic.labels.names import labels_path
from netdiffus.traffic.labels.rules import FolderLabels, MapLabels
from netdiffus.traffic.whole.flows import joined
from netdiffus.traffic.whole.reader import whole_of_capture

NEAR, AUC = 0.1, 0.65
WANTED = dict.fromkeys(("sessions.flows", "sessions.gaps", "sessions.order", "sessions.lookups"), "real + .1")


def scores(capture: Path) -> Iterator[Score]:
    """What sessions and connection records of a capture are, beside those of the recordings."""
    paths = [path for some in recordings.sessions().values() for path in some]
    real = joined([whole_of_capture(path, number, FolderLabels()) for number, path in enumerate(paths)])
    made = whole_of_capture(capture, 0, MapLabels.read(labels_path(capture)))
    sets, rng = WholeSets(real, None, made), np.random.default_rng(0)
    yield from sessions(sets, rng)
    yield from connections(sets, rng)


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
        checked = check_with_payload(capture)
        text = (
            f"{card.steps:,} steps in {card.seconds / 60:.1f} minutes; {flows['session'].n_unique():,} sessions of "
            f"{len(flows):,} flows, {checked.packets:,} packets; findings of `netdiffus check`: "
            f"{sum(fault.packets for fault in checked.faults):,} in {checked.packets:,} packets.\n\n"
            + table(["score", "synthetic", "real halves", "wanted", "reached"], lines(list(scores(capture))))
        )
    if steps is None and asked is None:
        write_section("client_sessions", "Sessions of clients", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
