"""Continuation: traces go on from given beginnings, and beyond the length that a model was trained on.

Each row is drawn given those before it, so a beginning is rows that are taken as they are. Beyond the model's n rows a
window slides: its last n // 2 rows become the beginning of the next one. Positions are relative to the window: a row
far into a trace is drawn as one in the second half of a training trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch

from netdiffus import limits
from netdiffus.arrays import Bools, Floats, Ints
from netdiffus.errors import InputError
from netdiffus.imaging.codec import GasfCodec
from netdiffus.models.model import Model
from netdiffus.models.packets import PacketModel
from netdiffus.models.rows import Beginning, DrawCodes, RowModel
from netdiffus.models.sampling import Block, Sampling
from netdiffus.models.seeds import continued_streams
from netdiffus.traffic.traces import conform, ragged, series

BATCH_ROWS = 1 << 21
"""Rows of a batch of long traces: bounds memory."""


@dataclass(frozen=True)
class Beginnings:
    """What traces begin with.

    Attributes:
        ids: label ids (N,).
        values: a list column for each channel of the model, rows alike; empty lists: nothing is given.
        hash: of the file or dataset they came from; empty: of none.
    """

    ids: Ints
    values: pl.DataFrame
    hash: str = ""

    @classmethod
    def none(cls, model: RowModel, ids: Ints) -> Beginnings:
        """Of traces of which nothing is given."""
        channels = model.codec.channels
        empty: dict[str, list[list[int]]] = {name: [[]] * len(ids) for name in channels}
        return cls(ids, pl.DataFrame(empty, schema=dict.fromkeys(channels, pl.List(pl.Int64))))

    @classmethod
    def of(cls, model: RowModel, traces: pl.DataFrame, hash: str = "") -> Beginnings:
        """Every row of a table with a column `label` and one for each channel.

        Args:
            hash: of the file or dataset that the table was read from.

        Raises:
            InputError: there is no trace, a channel of the model is missing, or the model does not know a label.
        """
        ids = label_ids(model, traces)
        values = conform(traces).select(pl.col(name).cast(pl.List(pl.Int64)) for name in model.codec.channels)
        return cls(ids, values, hash)

    def known(self) -> Ints:
        """Rows (N,) that are given of each trace."""
        return self.values.to_series().list.len().to_numpy().astype(np.int64)


def row_by_row(model: Model) -> RowModel:
    """The model as one that draws series row by row.

    Raises:
        InputError: it is of packets, or of a published kind.
    """
    if isinstance(model, PacketModel):
        raise InputError(
            "a model of series for --continue and --length", "one of packets (train --image fields)",
            "train one with --image gasf on the same dataset",
        )  # fmt: skip
    if not isinstance(model, RowModel):
        raise InputError(
            "a model that draws row by row, for likelihoods, --continue and --length", "a published one",
            "train one without --preset netdiffus or netdiffus2",
        )  # fmt: skip
    return model


def label_ids(model: RowModel, traces: pl.DataFrame) -> Ints:
    """Label ids (N,) of a table whose channels are the model's.

    Raises:
        InputError: there is no trace, a channel of the model is missing, or the model does not know a label.
    """
    wanted = [*model.codec.channels, "label"]
    missing = [name for name in wanted if name not in traces.columns]
    if missing:
        said = f"traces with the model's columns {', '.join(wanted)}"
        raise InputError(said, f"none named {', '.join(missing)}", "prepare the table as the training data was")
    if not len(traces):
        raise InputError("at least one trace", "none", "name a table with traces")
    labels = traces["label"].cast(pl.String).fill_null("")
    names = model.manifest.labels
    unknown = labels.filter(~labels.is_in(names))
    if len(unknown):
        known = ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")
        got = f"{unknown[0][:60]!r} in {len(unknown):,} traces"
        raise InputError(f"labels that the model knows ({known})", got, "correct or leave out those traces")
    return labels.replace_strict(names, range(len(names)), return_dtype=pl.Int64).to_numpy()


def continued(
    model: RowModel, beginnings: Beginnings, length: int, how: Sampling, seed: int
) -> Iterator[tuple[Ints, pl.DataFrame]]:
    """Batches of row numbers (B,) of `beginnings`, and their traces as list columns of up to `length` rows.

    Given rows come back unchanged, also those beyond `length`. Traces of one batch have as many given rows; the row
    numbers together are 0 to N - 1.
    """
    codec = model.codec.gasf
    if len(beginnings.ids) * length > limits.DRAWN_ROWS:
        most = f"at most {limits.DRAWN_ROWS:,} rows in all"
        raise InputError(most, f"{len(beginnings.ids):,} traces of {length:,}", "lower --count or --length")
    draw = model.sampler(how)
    device = model.network.position.device
    known = beginnings.known()
    size = min(model.batch, max(1, BATCH_ROWS // length))
    for k in np.unique(known).tolist():
        group = np.flatnonzero(known == k)
        for number, start in enumerate(range(0, len(group), size)):
            rows = group[start : start + size]
            given = beginnings.values[rows]
            if k >= length:
                yield rows, given
                continue
            ids = beginnings.ids[rows]
            codes = np.zeros((len(rows), len(codec.image_channels), length), np.int64)
            codes[:, :, :k] = codec.classes(series(given, k, codec.channels)) if k else 0
            block = Block.seeded(ids, continued_streams(seed, k, number), device)
            _extend(model, codes, block, k, draw)
            yield rows, _joined(codec, given, codes, block, k)


def _extend(model: RowModel, codes: Ints, block: Block, done: int, draw: DrawCodes) -> None:
    """Fill codes (B, C, L) from row `done` on, a window at a time; traces that have ended are left alone."""
    n, length, device = model.codec.length, codes.shape[2], block.generator.device
    alive = np.arange(len(codes))
    start = 0 if done < n else done - n // 2
    while done < length and len(alive):
        known = codes[alive, :, start:done]
        beginning = Beginning(torch.from_numpy(known).to(device), _settled(model, known, device))
        with torch.inference_mode():
            drawn = draw(block.labels[torch.from_numpy(alive)], block.generator, beginning).codes.cpu().numpy()
        end = min(length, start + n)
        codes[alive, :, done:end] = drawn[:, :, done - start : end - start]
        alive = alive[~_ended(model, codes[alive, :, end - 1])]
        done, start = end, end - n // 2


def _settled(model: RowModel, known: Ints, device: torch.device) -> torch.Tensor | None:
    """Codes (B, C, j) of the coarse rows whose segments lie within the known rows (B, C, k)."""
    coarse, length = model.codec.coarse, model.codec.length
    if coarse is None:
        return None
    whole = np.zeros((*known.shape[:2], length))
    whole[:, :, : known.shape[2]] = model.codec.z(known)
    settled = coarse.settled(known.shape[2], length)
    return torch.from_numpy(coarse.encode(whole)[:, :, :settled]).to(device)


def _ended(model: RowModel, codes: Ints) -> Bools:
    """Whether each trace (B,) has ended, by the codes (B, C) of its last row."""
    codec = model.codec.gasf
    last = np.array([len(z) - 1 for z in codec.centres])
    share = np.mean((codes == last) & np.array(codec.absent), axis=1)
    return np.asarray(share > 0.5)


def _joined(codec: GasfCodec, given: pl.DataFrame, codes: Ints, block: Block, known: int) -> pl.DataFrame:
    """Traces of their given rows, as they are, and the values of the codes (B, C, L) after those."""
    first = max(known - 1, 0)  # a row that is present goes before, as the next one may be the end
    values = codec.from_classes(codes[:, :, first:], block.ids, block.rng)
    if not known and "gap_ns" in codec.channels:
        values[:, codec.channels.index("gap_ns"), 0] = 0  # there is no packet before the first
    drawn = values[:, :, known - first :]
    tails = [ragged(drawn[:, k], name).cast(pl.List(pl.Int64)) for k, name in enumerate(codec.channels)]
    return given.select(pl.col(name).list.concat(tails[k]).alias(name) for k, name in enumerate(codec.channels))


def log_likelihoods(model: RowModel, traces: pl.DataFrame) -> Floats:
    """The log-likelihood (N,) in nats of a table's traces; see `TrafficModel.log_likelihood`.

    Raises:
        InputError: there is no trace, a channel of the model is missing, or the model does not know a label.
    """
    ids, codec = label_ids(model, traces), model.codec.gasf
    return model.log_likelihoods(codec.classes(series(traces, codec.length, codec.channels)), ids)
