"""What a model of packets loses on the packets of members and of others: the inputs of the attack by likelihood."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from netdiffus.arrays import Floats
from netdiffus.errors import InputError
from netdiffus.metrics import Traces
from netdiffus.models import membership
from netdiffus.models.membership import MOST
from netdiffus.models.model import Model
from netdiffus.models.packets import PacketModel
from netdiffus.store.dataset import read_packets


def losses_of(
    model: Model, members: pl.DataFrame, others: pl.DataFrame, dataset: Path | None, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Losses of members and of others: by packets of a model of packets, of any other as `member_losses` has them.

    Args:
        dataset: has the packets of both; None: nothing has.

    Raises:
        InputError: the model needs packets, and there are none, or as `member_losses` does.
    """
    if not isinstance(model, PacketModel):
        return membership.member_losses(model, members, others, rng)
    if dataset is None:
        raise InputError(
            "a dataset with packets, without --test, for --model of packets", "other real traffic",
            "name the dataset that the model was trained on, or leave --model out",
        )  # fmt: skip
    return packet_losses(model, members, others, read_packets(dataset), rng)


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
