"""The public traces that `train --public` names: a dataset, or the recordings that ship with the package."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from netdiffus import recordings
from netdiffus.errors import InputError
from netdiffus.models.public import RECORDINGS, PublicPart
from netdiffus.steps.prepare import prepare
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.store.cards import DatasetCard
from netdiffus.store.dataset import read_dataset
from netdiffus.version import __version__


def public_part(named: str, private: DatasetCard, packets: int | str | None) -> PublicPart:
    """All traces, training and test, of what `--public` names.

    Args:
        private: the dataset that is protected. packets: of a recorded flow that are of use.

    Raises:
        InputError: it is no dataset, or the one that is protected.
    """
    if named == RECORDINGS:
        return PublicPart(_recorded(packets), f"the recordings of netdiffus {__version__}")
    folder = Path(named)
    card, traces = read_dataset(folder)
    if card.hash == private.hash:
        raise InputError(
            "public traces for --public", f"{folder}, the dataset whose flows --epsilon protects",
            "name traces that anyone may see, or leave --public out",
        )  # fmt: skip
    return PublicPart(traces, f"{folder.resolve().name}, dataset {card.hash[:16]}")


def _recorded(packets: int | str | None) -> pl.DataFrame:
    with TemporaryDirectory(prefix="netdiffus-") as scratch:
        out = Path(scratch) / "dataset"
        for _ in prepare([recordings.folder()], out, PrepareConfig.of(packets=packets or "all")):
            pass
        return read_dataset(out)[1]
