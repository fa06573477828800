"""What --payload protocol costs from a model to a file, sampling included, and how long flows fare."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from netdiffus import generate, prepare, train
from netdiffus.store.cards import ModelCard

MODEL = os.environ.get("PAYLOAD_MODEL")
FLOWS, STEPS = 600, 40


def from_model(sources: list[Path], folder: Path) -> str:
    """Packets per CPU-second of `generate`; PAYLOAD_MODEL names a model, else one is trained for a moment."""
    model = Path(MODEL) if MODEL else _trained(sources, folder, "64")
    said = [f"{name}: {_rate(model, folder, FLOWS, name)}" for name in ("protocol", "random")]
    preset = json.loads((model / ModelCard.FILE).read_text())["config"].get("preset", "")
    return f"From a model (preset {preset}) to a file, sampling included: " + "; ".join(said) + "."


def whole(sources: list[Path], folder: Path) -> str:
    """The same of a model of whole flows (prepare --packets all)."""
    model = _trained(sources, folder, "all")
    said = [f"{name}: {_rate(model, folder, FLOWS // 6, name)}" for name in ("protocol", "random")]
    return "Of a model of whole flows (preset tiny): " + "; ".join(said) + "."


def _trained(sources: list[Path], folder: Path, packets: str) -> Path:
    dataset, model = folder / f"dataset-{packets}", folder / f"model-{packets}"
    kept: int | str = packets if packets == "all" else int(packets)
    prepare(sources, out=dataset, payload_shapes=True, packets=kept)
    train(dataset, model, image="fields", preset="tiny", steps=STEPS)
    return model


def _rate(model: Path, folder: Path, flows: int, payload: str) -> str:
    out = folder / f"{model.name}-{payload}.pcap"
    began = time.process_time()
    generate(model, out, count=flows, payload=payload)
    seconds = time.process_time() - began
    account = json.loads(out.with_name(out.name + ".json").read_text())
    spoken, left = sum(account["payload_by_protocol"].values()), sum(account["payload_random"].values())
    words = f", {spoken:,} flows written and {left:,} left random" if spoken else ""
    packets = account["packets_written"]
    return f"**{packets / seconds:,.0f} packets per CPU-second** ({packets:,} packets{words})"
