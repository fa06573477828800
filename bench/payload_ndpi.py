"""What nDPI names: flows with written payload beside the real flows of their labels."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from bench import payload_oracles as oracles
from bench.payload_flows import placed, save
from bench.results import table
from netdiffus.compiler import FlowRows, by_label
from netdiffus.compiler.application import speak
from netdiffus.compiler.payload import Content
from netdiffus.traffic.payload.knowledge import PayloadKnowledge

RECOGNISED = 0.95


def agreement(real: dict[str, list[Path]], rows: FlowRows, known: PayloadKnowledge, folder: Path) -> str:
    """Per label: what nDPI names most of real flows, and the share of flows with names of real ones."""
    found: list[tuple[object, ...]] = []
    wanted = reached = 0
    for label, packets in by_label(placed(rows, 1)).items():
        random = Content(np.zeros(0, np.uint8), np.full(len(packets.owner), -1))
        theirs = sum((oracles.ndpi(path) for path in real[label]), Counter())
        others = [
            oracles.ndpi(save(folder / "n.pcap", packets, content)) for content in (random, speak(packets, 1, known))
        ]
        if not theirs:
            continue
        usual, count = theirs.most_common(1)[0]
        seen = {name for name, n in theirs.items() if name != "Unknown" and n >= 0.01 * theirs.total()}
        shares = [sum(each[name] for name in seen) / max(each.total(), 1) for each in (theirs, *others)]
        wanted += shares[0] >= RECOGNISED
        reached += shares[0] >= RECOGNISED <= shares[2]
        name = f"{usual} {count / theirs.total():.2f}"
        found.append((label, theirs.total(), name, *(f"{share:.2f}" for share in shares), others[1].most_common(3)))
    head = ("label", "real flows", "nDPI's usual name", "real", "random payload", "protocol", "what it names")
    return table(head, found) + (
        f"\n\nOf {wanted} labels with 0.95 or more of the real flows named, **{reached}** reach 0.95 with protocols."
    )
