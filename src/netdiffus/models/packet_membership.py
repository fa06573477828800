"""What a model of packets loses on the packets of members and of others: the inputs of the attack by likelihood."""

from __future__ import annotations

import numpy as np
import polars as pl

from netdiffus.arrays import Floats
from netdiffus.metrics import Traces
from netdiffus.models.membership import MOST
from netdiffus.models.packets import PacketModel


def packet_losses(
    model: PacketModel, members: pl.DataFrame, others: pl.DataFrame, packets: pl.DataFrame, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Losses of at most 500 members, and of as many others of each label and protocol, by their packets."""
    found = []
    for table in (members, others):
        some = table.sample(min(len(table), 8 * MOST), shuffle=True, seed=int(rng.integers(1 << 31)))
        losses, names = model.flow_losses(some.sort("trace_id"), packets)
        found.append(Traces(losses[:, None, None], np.array(names, np.str_)))
    inside, outside = found
    outside = outside.matching(inside, rng).sample(MOST, rng)
    inside = inside.matching(outside, rng)
    return inside.series[:, 0, 0], outside.series[:, 0, 0]
