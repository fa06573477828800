"""Private models of packets: what a classifier learns from their captures, whether these conform, and an attack.

python -m bench privacy_packets [--draws 2] [--epsilons 8,4,1]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from bench.packet_fidelity import Flows, learned
from bench.packets import PACKETS, made_flows, real_flows
from bench.results import spread, table, write_section
from netdiffus import recordings
from netdiffus.api.verbs import generate, prepare, train
from netdiffus.metrics.membership import true_positives
from netdiffus.models.backends import load_model
from netdiffus.models.packet_membership import packet_losses
from netdiffus.models.packets import PacketModel
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.wire.conformance.check import check_capture

EPSILONS, DRAWS, DELTA = "8,4,1", 2, 1e-5


@dataclass(frozen=True)
class Drawn:
    """One private training: accuracy of a forest on its draws, findings of `check`, the attack, and its seconds."""

    accuracy: float
    findings: int
    packets: int
    attack: tuple[float, float]
    seconds: float


def drawn(dataset: Path, real: dict[str, Flows], epsilon: float, seed: int) -> Drawn:
    """Train a private model, draw as many flows of each label as it learned from, and ask everything about them."""
    with tempfile.TemporaryDirectory() as scratch:
        began, model, out = time.perf_counter(), Path(scratch) / "model", Path(scratch) / "made.pcap"
        train(dataset, model, image="fields", epsilon=epsilon, delta=DELTA, seed=seed)
        seconds = time.perf_counter() - began
        generate(model, out, count=real["train"].counts, seed=seed)
        found = check_capture(out)
        accuracy, _ = learned([made_flows(out)], real["test"])
        findings = sum(fault.packets for fault in found.faults)
        return Drawn(accuracy, findings, found.packets, attacked(model, dataset), seconds)


def attacked(model: Path, dataset: Path) -> tuple[float, float]:
    """AUC and true positives at 1 % false ones of the attack by likelihood, on flows of the same classes."""
    loaded, traces = load_model(model), read_dataset(dataset)[1]
    if not isinstance(loaded, PacketModel):
        raise TypeError(f"{model} is no model of packets")
    members, others = (traces.filter(pl.col("split") == side) for side in ("train", "test"))
    inside, outside = packet_losses(loaded, members, others, read_packets(dataset), np.random.default_rng(0))
    truth = np.repeat([1, 0], [len(inside), len(outside)])
    auc = float(roc_auc_score(truth, -np.concatenate([inside, outside])))
    return auc, true_positives(-inside, -outside)


def rows_of(dataset: Path, epsilons: Sequence[float], draws: int) -> list[tuple[str, ...]]:
    """A line for real traffic, and one for each epsilon."""
    real = real_flows(dataset)
    best, _ = learned([real["train"]], real["test"])
    rows: list[tuple[str, ...]] = [("real flows", f"{best:.3f}", "1", "", "", "", "", "")]
    for epsilon in epsilons:
        found = [drawn(dataset, real, epsilon, seed) for seed in range(draws)]
        accuracy = [each.accuracy for each in found]
        checked = f"{sum(each.findings for each in found):,} in {sum(each.packets for each in found):,} packets"
        attacks = [f"{fmean(each.attack[k] for each in found):.3f}" for k in range(2)]
        ratio = f"{fmean(accuracy) / best:.3f}"
        wanted = "≥ 0.75" if epsilon == 8 else ""
        seconds = f"{fmean(each.seconds for each in found):.0f}"
        rows.append((f"ε {epsilon:g}", spread(accuracy), ratio, wanted, checked, *attacks, seconds))
    return rows


def main(arguments: Sequence[str] = ()) -> None:
    """Measure, and write the section; with fewer draws or epsilons than by default print it."""
    parser = argparse.ArgumentParser(prog="python -m bench privacy_packets")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--epsilons", default=EPSILONS)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        dataset = prepare(recordings.folder(), Path(scratch) / "dataset", packets=PACKETS)
        rows = rows_of(dataset, [float(text) for text in given.epsilons.split(",")], given.draws)
    header = (
        "trained on", "accuracy", "TSTR / TRTR", "wanted", "findings of `check`", "attack AUC", "true positives",
        "seconds",
    )  # fmt: skip
    body = (
        f"The recordings, first {PACKETS} packets of each flow; one flow added or removed, δ = {DELTA:g}, "
        f"{given.draws} trainings. Forests on the nPrint bits of the first packets, without addresses, that learn from "
        "as many drawn flows of each label as there are real ones, tested on real test flows. The attack is by the "
        "model's exact likelihood of packets, on at most 500 training and 500 test flows of the same classes, with "
        f"its true positives at 1 % false ones.\n\n{table(header, rows)}"
    )
    if given.draws < DRAWS or given.epsilons != EPSILONS:
        print(body)
    else:
        write_section("privacy_packets", "Private models of packets: recordings", body)


if __name__ == "__main__":
    main()
