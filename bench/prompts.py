"""Prompts: a model without a base is trained on the recordings, asked for every label by a text, and judged.

`python -m bench prompts --minutes 20` is the full measurement; `--folder DIR` keeps dataset, models and captures there,
and goes on with models that it finds; `--flows N` are drawn of each label and protocol.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.packet_fidelity import BITS_OF, SEED, Flows, learned
from bench.packets import FEWEST, PACKETS, made_flows, real_flows
from bench.results import table, write_section
from bench.stacks import written
from netdiffus import generate, prepare, recordings, train
from netdiffus.imaging.bit_flows import flows_of_images
from netdiffus.imaging.rgb import wrong_bits
from netdiffus.metrics import bits
from netdiffus.metrics.bits import ADDRESSES
from netdiffus.metrics.bits_classifiers import bit_features
from netdiffus.metrics.forest import forest
from netdiffus.models.manifest import read_model
from netdiffus.models.prompts.codec import PromptCodec
from netdiffus.models.prompts.images import flow_images
from netdiffus.store.cards import DatasetCard, ModelCard
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.flows.frames import PROTOCOLS
from netdiffus.wire.conformance.check import check_capture

NOT_AS_DRAWN = "not_as_drawn"
PERFECT = 500
"""Flows whose perfect pictures are decoded."""
WANTED = {"findings": 0, "protocol": 0.9, "label": 0.7, "wrong": 0.001}
"""What is asked of a model that was trained for 20 minutes on two cores."""


@dataclass(frozen=True)
class Asked:
    """What came of one prompt: LABEL/PROTOCOL, the flows, findings of the check, and the account of the capture."""

    name: str
    flows: Flows
    findings: int
    account: Counter[str]


def asked(model: Path, name: str, count: int, folder: Path) -> Asked:
    """Flows of the prompt "LABEL, PROTOCOL"."""
    label, _, protocol = name.rpartition("/")
    capture = folder / f"prompt-{label}-{protocol}.pcap"
    generate(model, capture, prompt=f"{label}, {protocol}", count=count, seed=1)
    findings = sum(fault.packets for fault in check_capture(capture).faults)
    return Asked(name, made_flows(capture), findings, account_of(capture))


def account_of(capture: Path) -> Counter[str]:
    """Packets asked for, changed by the compiler, and by reason not as drawn."""
    account = json.loads(capture.with_name(f"{capture.name}.json").read_text())
    counts = Counter({name: account[name] for name in ("packets_asked", "packets_changed", "packets_left_out")})
    return counts + Counter({f"{NOT_AS_DRAWN}: {name}": count for name, count in account[NOT_AS_DRAWN].items()})


def mended(account: Counter[str]) -> str:
    """The share of packets that a picture showed as none can be, by the most frequent reason."""
    reasons = (count for name, count in account.items() if name.startswith(NOT_AS_DRAWN))
    return f"{max(reasons, default=0) / max(account['packets_asked'], 1):.1%}"


def judged(real: Flows, made: Sequence[Asked]) -> tuple[float, float]:
    """The share of flows with the protocol that was asked for, and with the label, as a forest sees it in real bits."""
    sides = [real.packets, *(each.flows.packets for each in made)]
    chosen = bits.columns(sides, ADDRESSES)
    known, *unknown = (bit_features(side, chosen, BITS_OF) for side in sides)
    model = forest(known, real.labels, SEED)
    labels, protocols = [], []
    for each, features in zip(made, unknown, strict=True):
        label, _, protocol = each.name.rpartition("/")
        labels.append(model.predict(features) == label)
        numbers = each.flows.rows.flows["protocol"].tolist()
        protocols.append(np.array([PROTOCOLS[number] == protocol for number in numbers]))
    return float(np.concatenate(protocols).mean()), float(np.concatenate(labels).mean())


def compared(folder: Path, dataset: Path, minutes: float, counts: dict[str, int]) -> tuple[Flows, Counter[str], int]:
    """What the default model of packets draws after as long a training: flows, account and findings."""
    model, capture = folder / "fields-model", folder / "fields.pcap"
    if not (model / ModelCard.FILE).exists():
        train(dataset, model, image="fields", minutes=minutes)
    generate(model, capture, count=counts, seed=1)
    return made_flows(capture), account_of(capture), sum(fault.packets for fault in check_capture(capture).faults)


def perfect(dataset: Path, codec: PromptCodec, folder: Path) -> str:
    """What decoding makes of perfect pictures of real test flows, beside NetDiffusion's own tools."""
    traces = read_dataset(dataset)[1].filter(split="test")
    images = flow_images(dataset, traces, codec.length)
    chosen = np.random.default_rng(SEED).permutation(len(images))[:PERFECT]
    shown = np.stack([codec.rgb.shown(images.image(place)) for place in chosen])
    back = codec.rgb.decode(codec.rgb.encode(shown))
    labels = [images.classes[place].rpartition("/")[0] for place in chosen]
    rows, _ = flows_of_images(codec.rgb.bits, [codec.rgb.image(each) for each in back], labels, codec.known)
    found = check_capture(written(rows, folder / "perfect.pcap"))
    wrong = {fault.rule.name: fault.packets for fault in found.faults}
    figures = [
        ("flows free of findings", "0 %", f"{found.clean_flows / found.flows:.1%} of {found.flows:,}"),
        ("packets with a wrong TCP checksum", "1,024 of 1,024", f"{wrong.get('tcp-checksum', 0)} of {found.packets:,}"),
        ("packets at time 0", "all", "none" if "time-all-equal" not in wrong else "some"),
        ("bits that are there and wrong after sizing for the network", "14 to 17 %",
         f"{wrong_bits(shown[shown >= 0], back[shown >= 0]):.1%}"),
    ]  # fmt: skip
    text = "Perfect pictures of real flows, decoded and repaired; NetDiffusion's own tools (as of 2025-09, measured on "
    text += "a TLS flow of 1,024 packets) resize pictures for the network:\n\n"
    return text + table(("figure", "NetDiffusion", "here, flows of the test part"), figures)


def share(account: Counter[str]) -> str:
    """The share of packets that the compiler changed or left out."""
    changed = account["packets_changed"] + account["packets_left_out"]
    return f"{changed / max(account['packets_asked'], 1):.1%}"


def trained(folder: Path, minutes: float) -> tuple[Path, Path]:
    """The dataset and the model of prompts; what is there stays."""
    dataset, model = folder / "dataset", folder / "prompt-model"
    if not (dataset / DatasetCard.FILE).exists():
        prepare([path for paths in recordings.captures().values() for path in paths], dataset, packets=PACKETS)
    if not (model / ModelCard.FILE).exists():
        train(dataset, model, image="prompt", base="none", minutes=minutes)
    return dataset, model


def measured(folder: Path, minutes: float, count: int) -> str:
    """Everything as text."""
    dataset, model = trained(folder, minutes)
    manifest = read_model(model)
    if not isinstance(manifest.codec, PromptCodec):
        raise TypeError(f"{model} is no model of prompts")
    real = real_flows(dataset)
    names = [name for name in manifest.labels if real["train"].counts.get(name.rpartition("/")[0], 0) >= FEWEST]
    began = time.perf_counter()
    made = [asked(model, name, count, folder) for name in names]
    seconds = (time.perf_counter() - began) / (count * len(names))
    protocol, label = judged(real["train"], made)
    findings, account = sum(each.findings for each in made), sum((each.account for each in made), Counter())
    figures = [
        ("findings of the check", f"{findings:,}", f"{WANTED['findings']}"),
        ("flows of the protocol that was asked for", f"{protocol:.1%}", f"≥ {WANTED['protocol']:.0%}"),
        ("flows that a forest on real bits gives the label asked for", f"{label:.1%}", f"≥ {WANTED['label']:.0%}"),
        ("bits wrong after the autoencoder alone", f"{manifest.codec.wrong:.3%}", f"≤ {WANTED['wrong']:.1%}"),
    ]
    counts = Counter(name.rpartition("/")[0] for name in names)
    beside, beside_account, beside_findings = compared(
        folder, dataset, minutes, {name: count * n for name, n in counts.items()}
    )
    trtr, _ = learned([real["train"]], real["test"])
    rows = []
    for title, flows, told, faults in (
        ("prompts, --base none", [each.flows for each in made], account, findings),
        ("the default, --image fields", [beside], beside_account, beside_findings),
    ):
        tstr, _ = learned(flows, real["test"])
        rows.append((title, f"{tstr:.3f}", f"{tstr / trtr:.3f}", f"{faults:,}", share(told), mended(told)))
    card = manifest.card
    text = f"{card.steps:,} steps in {card.seconds / 60:.1f} minutes on {card.device}, {card.threads} threads; "
    text += f'{len(names)} prompts "LABEL, PROTOCOL", {count} flows of each, {seconds:.2f} s a flow.\n\n'
    text += table(("figure", "measured", "wanted"), figures)
    text += f"\n\nRandom forests on nPrint bits, tested on real flows (trained on real ones: {trtr:.3f}), both models "
    text += "after as long a training on the same set:\n\n"
    text += table(("model", "TSTR", "TSTR / TRTR", "findings", "changed by the compiler", "not as drawn"), rows)
    text += "\n\nChanged and not as drawn: shares of packets, the latter by the most frequent reason alone."
    return f"{text}\n\n{perfect(dataset, manifest.codec, folder)}"


def main(arguments: Sequence[str] = ()) -> None:
    """Write the section."""
    parser = argparse.ArgumentParser(prog="python -m bench prompts")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--flows", type=int, default=20)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--trial", action="store_true", help="print, and leave the results alone")
    asked_for = parser.parse_args(list(arguments))
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked_for.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        body = measured(folder, asked_for.minutes, asked_for.flows)
    if asked_for.trial:
        print(body)
    else:
        write_section("prompts", "Prompts without a base", body)


if __name__ == "__main__":
    main()
