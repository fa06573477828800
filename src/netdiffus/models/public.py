"""The public traces of `train --public`: in the codes of the private ones, with the labels that both have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from netdiffus.errors import InputError
from netdiffus.imaging.channels import fold
from netdiffus.privacy.alphabet import Codes
from netdiffus.privacy.public import Public
from netdiffus.traffic.traces import series

RECORDINGS = "recordings"
"""The value of --public for the recordings that ship with the package."""


@dataclass(frozen=True)
class PublicPart:
    """Traces that anyone may see, and what the model card calls them."""

    traces: pl.DataFrame
    name: str


def public_codes(
    part: PublicPart, labels: Sequence[str], channels: Sequence[str], length: int, books: Sequence[Codes]
) -> Public:
    """Public traces as the tables take them.

    Args:
        labels, channels, length: of the private traces. books: of each channel of their image.

    Raises:
        InputError: the public traces lack a channel.
    """
    missing = [name for name in channels if name not in part.traces.columns]
    if missing:
        raise InputError(
            f"public traces with the channels {', '.join(channels)}", f"{part.name} without {', '.join(missing)}",
            "name other public traces, or leave --public out",
        )  # fmt: skip
    values = fold(series(part.traces, length, list(channels)), list(channels))
    codes = np.stack([book.encode(values[:, k]) for k, book in enumerate(books)], axis=1)
    number = {label: k for k, label in enumerate(labels)}
    ids = np.array([number.get(label, -1) for label in part.traces["label"].to_list()], dtype=np.int64)
    return Public(codes, ids, [len(book) for book in books])
