"""What --payload protocol costs from a model to a file, sampling included, and how long flows fare."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from bench.whole import long_labels
from netdiffus import generate, prepare, recordings, train
from netdiffus.store.cards import ModelCard

MODEL, WHOLE_MODEL = os.environ.get("PAYLOAD_MODEL"), os.environ.get("PAYLOAD_WHOLE")
FLOWS, LONG_FLOWS, STEPS = 600, 60, 40


def from_model(sources: list[Path], folder: Path) -> str:
    """Packets per CPU-second of `generate`; PAYLOAD_MODEL names a model, else one is trained for a moment."""
    model = Path(MODEL) if MODEL else _trained(sources, folder, "64")
    said = [f"{name}: {_rate(model, folder, FLOWS, name)}" for name in ("protocol", "random")]
    preset = json.loads((model / ModelCard.FILE).read_text())["config"].get("preset", "")
    return f"From a model (preset {preset}) to a file, sampling included: " + "; ".join(said) + "."


def whole(folder: Path) -> str:
    """The same of the long flows of a model of whole ones; PAYLOAD_WHOLE names it, else one is trained for a moment.

    Heads of such flows are drawn by the network, and packets after them by counted chains, so that long flows cost
    little a packet.
    """
    model = Path(WHOLE_MODEL) if WHOLE_MODEL else _trained([recordings.folder("whole")], folder, "all")
    labels = long_labels(model)
    counts = dict.fromkeys(labels, LONG_FLOWS)
    said = [f"{name}: {_rate(model, folder, counts, name)}" for name in ("protocol", "random")]
    return f"Of {LONG_FLOWS} whole flows each of {', '.join(labels)}: " + "; ".join(said) + "."


def _trained(sources: list[Path], folder: Path, packets: str) -> Path:
    dataset, model = folder / f"dataset-{packets}", folder / f"model-{packets}"
    kept: int | str = packets if packets == "all" else int(packets)
    prepare(sources, out=dataset, payload_shapes=True, packets=kept)
    train(dataset, model, image="fields", preset="tiny", steps=STEPS)
    return model


def _rate(model: Path, folder: Path, flows: int | dict[str, int], payload: str) -> str:
    out = folder / f"{model.name}-{payload}.pcap"
    began = time.process_time()
    generate(model, out, count=flows, payload=payload)
    seconds = time.process_time() - began
    account = json.loads(out.with_name(out.name + ".json").read_text())
    spoken, left = sum(account["payload_by_protocol"].values()), sum(account["payload_random"].values())
    words = f", {spoken:,} flows written and {left:,} left random" if spoken else ""
    packets = account["packets_written"]
    return f"**{packets / seconds:,.0f} packets per CPU-second** ({packets:,} packets{words})"
