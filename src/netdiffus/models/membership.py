"""Who is a member of a model's training set, and what the model loses on members and others.

These are the inputs of the attack in metrics/likelihood.py. A figure of it is worth something only where members are
known for sure: model.json keeps the hash of the dataset and the ids of the traces that were held out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from netdiffus.arrays import Floats
from netdiffus.errors import InputError
from netdiffus.metrics import Promise, Traces
from netdiffus.models.model import Model
from netdiffus.models.options import ImportedOptions
from netdiffus.models.series_codec import ImagesCodec
from netdiffus.traffic.traces import series

MOST = 500
"""Members, and others."""


def members(model: Model, real: pl.DataFrame, dataset: str) -> pl.DataFrame:
    """The traces of a dataset that a model learned from; of an imported model they are taken to be the training part.

    Args:
        real: traces of the dataset. dataset: its hash.

    Raises:
        InputError: it is another dataset, or the model does not say what it held out.
    """
    part = real.filter(pl.col("split") != "test")
    if isinstance(model.manifest.options, ImportedOptions):
        return part
    card = model.manifest.card
    if card.privacy is not None:
        return part  # it does not name its dataset
    if card.dataset != dataset:
        raise InputError(
            f"the dataset that the model was trained on ({card.dataset[:16]})", f"another ({dataset[:16]})",
            "name that dataset, or leave --model out",
        )  # fmt: skip
    if card.held_out is None:
        raise InputError(
            "a model that says which traces it held out", "one that does not: it is of format 5, or of packets",
            "train a model of traces again, or leave --model out",
        )  # fmt: skip
    return part.filter(~pl.col("trace_id").is_in(card.held_out))


def promise_of(model: Model, drawn: pl.DataFrame, makers: Sequence[str] = ()) -> Promise | None:
    """What a model guarantees of traces; None: nothing, or not of these, because it did not draw all of them.

    Args:
        makers: hashes of the models that drew the captures that the traces were read from.
    """
    privacy = model.manifest.card.privacy
    own = [hash == model.hash for hash in makers] or drawn["source"].str.contains(model.hash[:16], literal=True)
    if privacy is None or not all(own):
        return None
    return Promise(privacy.epsilon, privacy.delta, privacy.unit, privacy.sentence)


def no_losses(image: str) -> InputError:
    """What a model of packets answers that is asked for its losses on traces; `image`: what it was trained with."""
    return InputError(
        "a model of traces for --model", f"one of packets (train --image {image})",
        "name one that was trained with --image gasf or series",
    )  # fmt: skip


def member_losses(
    model: Model, members: pl.DataFrame, others: pl.DataFrame, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Losses of at most 500 members, and of as many others of each label; of labels that the model knows.

    Raises:
        InputError: the model draws images alone, or the traces lack a channel of its.
    """
    codec = model.manifest.codec
    if isinstance(codec, ImagesCodec):
        raise InputError("a model of traces for --model", "one that was imported without a scale", "leave --model out")
    missing = [name for name in codec.channels if name not in members.columns or name not in others.columns]
    if missing:
        raise InputError(
            f"real traces with the model's channels {', '.join(codec.channels)}",
            f"traces without {', '.join(missing)}",
            "name the dataset that the model was trained on",
        )
    inside, outside = (_traces(model, part) for part in (members, others))
    outside = outside.matching(inside, rng).sample(MOST, rng)
    inside = inside.matching(outside, rng)
    return model.losses(inside), model.losses(outside)


def _traces(model: Model, table: pl.DataFrame) -> Traces:
    """Those of labels that the model knows."""
    codec = model.manifest.codec
    known = table.filter(pl.col("label").is_in(model.manifest.labels))
    return Traces(series(known, codec.length, list(codec.channels)), known["label"].to_numpy().astype(np.str_))
