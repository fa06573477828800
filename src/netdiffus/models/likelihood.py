"""What a model loses on traces: the likelihood attack of metrics/likelihood.py, from a model folder and real tables."""

from __future__ import annotations

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from netdiffus.diffusion.causal import CausalDenoiser
from netdiffus.diffusion.fit import Sample
from netdiffus.diffusion.forcing import Rows
from netdiffus.diffusion.forcing_recipe import ForcingRecipe
from netdiffus.errors import InputError
from netdiffus.metrics import Traces
from netdiffus.models.continuation import label_ids, series_codec
from netdiffus.models.loaded_model import LoadedModel, series_of
from netdiffus.models.network import build_recipe
from netdiffus.traffic.holdout import held_back, units
from netdiffus.traffic.traces import series

Floats = NDArray[np.float64]

MOST = 500  # training, and test traces
BATCH = 256  # traces whose likelihoods are computed at once
LEVELS = 16  # noise levels that a trace's loss is the mean over
NOISE_SEED = 0  # the same levels and the same noise for every trace


def member_losses(
    model: LoadedModel, train: pl.DataFrame, test: pl.DataFrame, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Losses of at most 500 training traces, and of as many test traces of each label; labels that the model knows.

    Traces that the training held back for its validation are no members and are left out.

    Raises:
        InputError: the model draws images alone, or the traces lack a channel of its.
    """
    if model.codec is None:
        raise InputError("a model of traces for --model", "one that was imported without a scale", "leave --model out")
    missing = [name for name in model.codec.channels if name not in train.columns or name not in test.columns]
    if missing:
        raise InputError(
            f"real traces with the model's channels {', '.join(model.codec.channels)}",
            f"traces without {', '.join(missing)}",
            "name the dataset that the model was trained on",
        )
    known = _of_known_labels(model, train)
    names = list(model.card.labels)
    ids = known["label"].replace_strict(names, range(len(names)), return_dtype=pl.Int64).to_numpy()
    share = float(model.card.config.get("validation", 0.0))
    together, chance = units(known.get_column("group", default=None), ids), np.random.default_rng(model.card.seed)
    kept = ~held_back(ids, share, chance, together)
    members, others = (_traces(model, part) for part in (known.filter(pl.Series(kept)), _of_known_labels(model, test)))
    others = others.matching(members, rng).sample(MOST, rng)
    members = members.matching(others, rng)
    return trace_losses(model, members), trace_losses(model, others)


def _of_known_labels(model: LoadedModel, table: pl.DataFrame) -> pl.DataFrame:
    return table.filter(pl.col("label").is_in(list(model.card.labels)))


def _traces(model: LoadedModel, table: pl.DataFrame) -> Traces:
    return Traces(series(table, model.scaled.length, model.scaled.channels), table["label"].to_numpy().astype(np.str_))


def trace_losses(model: LoadedModel, traces: Traces) -> Floats:
    """How badly a model explains each trace (N,): minus the log-likelihood; of a U-Net the training loss.

    That is the mean over 16 noise levels, which are the same for all traces: a trace is a batch of its own, 16 times.
    """
    network, rows, codec = model.network, model.rows, model.scaled
    names = np.array(list(model.card.labels))
    order = np.argsort(names)
    labels = order[np.searchsorted(names, traces.labels, sorter=order)]
    if isinstance(network, CausalDenoiser) and rows is not None:
        return -log_likelihoods(model, network, rows, codec.classes(traces.series), labels)
    recipe = build_recipe(network, model.card.config, codec.length)
    device = next(network.parameters()).device
    whole = codec.quantiles(traces.series).astype(np.float32)
    found = np.empty(len(traces))
    for row, label in enumerate(labels.tolist()):
        generator = torch.Generator(device).manual_seed(NOISE_SEED)
        batch = torch.from_numpy(whole[row : row + 1]).to(device).expand(LEVELS, *whole.shape[1:])
        with torch.no_grad():
            loss = recipe.loss(Sample(batch, torch.full((LEVELS,), label, device=device)), generator)
        found[row] = float(loss.mean())
    return found


def table_log_likelihoods(model: LoadedModel, traces: pl.DataFrame) -> Floats:
    """The log-likelihood (N,) in nats of a table's traces; see `TrafficModel.log_likelihood`.

    Raises:
        InputError: the model does not draw series row by row, or does not know a label or lacks a channel.
    """
    ids, codec, network = label_ids(model, traces), series_codec(model), model.network
    if not isinstance(network, CausalDenoiser) or model.rows is None:
        raise InputError("a model that draws row by row", "a published one", "train one")
    codes = codec.classes(series(traces, codec.length, codec.channels))
    return log_likelihoods(model, network, model.rows, codes, ids)


def log_likelihoods(
    model: LoadedModel, network: CausalDenoiser, rows: Rows, codes: NDArray[np.int64], labels: NDArray[np.int64]
) -> Floats:
    """The log-likelihood (N,) in nats of codes (N, C, n) of labels (N,): exact for a model without coarse rows.

    With coarse rows it is that of the trace and its own coarse rows together, which bounds it from below.
    """
    device = network.position.device
    recipe, generator = ForcingRecipe(network, rows), torch.Generator(device)
    found = np.empty(len(codes))
    for start in range(0, len(codes), BATCH):
        part = slice(start, start + BATCH)
        coarse = None if model.coarse is None else torch.from_numpy(model.coarse.encode(series_of(model, codes[part])))
        label = torch.tensor(labels[part], device=device)  # a table's may be read-only
        sample = Sample(torch.tensor(codes[part], device=device), label, None if coarse is None else coarse.to(device))
        with torch.no_grad():
            found[part] = recipe.loss(sample, generator).cpu().numpy()
    found *= -(codes.shape[1] * codes.shape[2])
    return found
