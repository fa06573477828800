"""generate: a model draws labelled traces and writes them as a table, or as images."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator

from netdiffus import __version__, limits
from netdiffus.config import Config
from netdiffus.diffusion.causal import CausalDenoiser
from netdiffus.diffusion.unet import UNet
from netdiffus.errors import InputError
from netdiffus.imaging.codec import images_of
from netdiffus.models.continuation import Beginnings, continued, series_codec
from netdiffus.models.device import choose_device
from netdiffus.models.label_counts import DEFAULT_COUNT, check_counts, class_counts, label_counts
from netdiffus.models.loaded_model import LoadedModel, batch_size, load_model, series_of
from netdiffus.models.packets import PacketCodec, label_of
from netdiffus.models.sampling import Sampling, causal_sampling, unet_sampling
from netdiffus.steps.load import load_traces
from netdiffus.steps.outputs.capture import CaptureConfig, CaptureWritten, check_start, placed
from netdiffus.steps.outputs.flows import check_out, check_place, traces_of, write_flows
from netdiffus.steps.outputs.traces import FORMS, labelled, traces_table, write_traces
from netdiffus.store.images import ImageCard, write_images, write_stack
from netdiffus.traffic.sessions import FlowRows, compile_rows, concatenate

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


class GenerateConfig(Config):
    """What can be chosen in `generate`."""

    count: int | dict[str, int] = DEFAULT_COUNT
    balance: bool = False
    seed: int = Field(0, ge=0, le=limits.SEED)
    sampling_steps: int | None = Field(None, ge=2, le=1000)  # None: 16 with a window, or all T of a published model
    sampler: str | None = None  # of a published model; None: "learned"
    guidance: float | None = Field(None, ge=0, le=limits.GUIDANCE)  # None: as the model was trained for
    window: int | None = Field(None, ge=1, le=limits.LENGTH)  # rows that are noisy at once; None: 1
    length: int | None = Field(None, ge=1, le=limits.DRAWN_LENGTH)  # rows of a trace at most; None: the model's
    protocol: Literal["tcp", "udp"] | None = None  # of packets: flows of this one alone
    packets: int | None = Field(None, ge=1, le=limits.LENGTH)  # of packets: the first so many of a flow

    @model_validator(mode="after")
    def _can_be(self) -> GenerateConfig:
        check_counts(self.count)
        if self.balance and isinstance(self.count, dict):
            raise InputError("--balance, or counts of labels", "both", "leave one of them out")
        return self


@dataclass(frozen=True)
class Drawn:
    """So many traces of so many are drawn."""

    done: int
    total: int


def generate(
    model: Path,
    out: Path,
    config: GenerateConfig,
    capture: CaptureConfig | None = None,
    beginnings: Path | None = None,
) -> Generator[Drawn, None, CaptureWritten | None]:
    """Draw traces from the model in a folder and write them to `out`; yields a record per batch.

    A suffix of `out` names the form of a table. Without one, `out` becomes a folder of images as `netdiffus image`
    writes it. A model without a scale draws images alone: such a folder, or one .npz. A model of packets
    (`train --image bits`) also writes captures and nPrint rows; what is in them is returned.

    With `beginnings`, a table of traces or a dataset folder, there is one trace for each of its rows, which goes on
    from it, in the same order.

    Raises:
        InputError: `model` is no model, a label or the suffix of `out` is unknown, a count is below 1.
    """
    suffix = out.suffix.lower()
    check_out(out)
    loaded = load_model(model)
    _check_place(loaded, model, out, config, capture)
    if beginnings is not None or config.length is not None:
        yield from _write_continued(loaded, out, config, capture, beginnings)
        return None
    if loaded.packets is not None:
        check_start(out, capture or CaptureConfig.of())
        if capture is not None:
            capture.check_form(out, sum(_counts(loaded, config).values()))
        rows, not_as_drawn = yield from draw_rows(loaded, loaded.packets, config)
        made_by = _made_by(loaded, config) | {"capture": (capture or CaptureConfig.of()).model_dump()}
        return write_flows(
            out,
            rows,
            loaded.packets.gaps,
            capture or CaptureConfig.of(),
            config.seed,
            config.packets or loaded.length,
            made_by,
            not_as_drawn,
        )
    if (suffix and suffix not in FORMS) or capture is not None or config.protocol or config.packets:
        raise InputError(
            f"a model of packets (train --image bits) for {out.name} and options of captures",
            f"one of --image {loaded.card.config['image']}",
            "train such a model, or name a table with --out",
        )
    if not suffix and loaded.card.config["image"] == "series":
        raise InputError("a model of images for a folder of images", "one of series", "name a table with --out")
    provenance = _made_by(loaded, config)
    if suffix and (loaded.codec or suffix != ".npz"):
        write_traces(out, (yield from draw(loaded, config)), json.dumps(provenance))
        return None
    parts = []
    for ids, images in draw_images(loaded, config):
        parts.append((ids, images))
        yield Drawn(sum(len(part) for part, _ in parts), sum(_counts(loaded, config).values()))
    names = list(loaded.card.labels)
    if suffix:
        labels = np.array(names)[np.concatenate([ids for ids, _ in parts])]
        write_stack(out, np.concatenate([images for _, images in parts]), labels, json.dumps(provenance))
    else:
        write_images(out, ImageCard(codec=loaded.card.codec, labels=names, made_by=provenance), parts)
    return None


def _write_continued(
    loaded: LoadedModel, out: Path, config: GenerateConfig, capture: CaptureConfig | None, path: Path | None
) -> Generator[Drawn, None, None]:
    series_codec(loaded)
    if out.suffix.lower() not in FORMS or capture is not None or config.protocol or config.packets:
        raise InputError(
            f"--out with one of the suffixes {', '.join(FORMS)} and no options of packets for --continue and --length",
            str(out),
            "name a table",
        )
    if path is not None and path.resolve() == out.resolve():
        raise InputError("--out other than the table that traces go on from", str(out), "name another file")
    begun = None
    if path is not None:
        read = load_traces(path)
        begun = Beginnings.of(loaded, read.traces, read.hash)
    traces = yield from draw_continued(loaded, config, begun)
    made_by = _made_by(loaded, config) | ({} if begun is None else {"beginnings": begun.hash})
    write_traces(out, traces, json.dumps(made_by))


def draw_continued(
    model: LoadedModel, config: GenerateConfig, beginnings: Beginnings | None
) -> Generator[Drawn, None, pl.DataFrame]:
    """Yields a record per batch; returns the table of traces that go on from beginnings, in their order.

    Without beginnings the labels and their counts are those of `config`, as `draw` has them.

    Raises:
        InputError: the model does not draw row by row, or there are more rows than limits.DRAWN_ROWS.
    """
    begun = Beginnings.none(model, _ids(model, config)) if beginnings is None else beginnings
    how = Sampling(config.sampler, config.sampling_steps, config.guidance, config.window)
    order, parts, done = [], [], 0
    for rows, traces in continued(model, begun, config.length or model.length, how, config.seed):
        order.append(rows)
        parts.append(traces)
        done += len(rows)
        yield Drawn(done, len(begun.ids))
    table = pl.concat(parts)[np.argsort(np.concatenate(order))]
    return labelled(table, np.array(list(model.card.labels))[begun.ids], model.hash, config.seed)


def _check_place(
    loaded: LoadedModel, model: Path, out: Path, config: GenerateConfig, capture: CaptureConfig | None
) -> None:
    labels = None
    if loaded.packets is not None and capture is not None and capture.per_label:
        labels = sorted({label_of(name) for name, count in _counts(loaded, config).items() if count})
    check_place(out, model, labels)


def _made_by(model: LoadedModel, config: GenerateConfig) -> dict[str, Any]:
    return {
        "netdiffus": __version__,
        "model": model.hash,
        "dataset": model.card.dataset,
        "config": config.model_dump(),
    }


def draw_rows(
    model: LoadedModel, packets: PacketCodec, config: GenerateConfig
) -> Generator[Drawn, None, tuple[FlowRows, dict[str, int]]]:
    """Yields a record per batch; returns a packet model's flows and how many packets it drew as none can be."""
    total, rng, parts = sum(_counts(model, config).values()), np.random.default_rng(config.seed), []
    changed: Counter[str] = Counter()
    names = [label_of(name) for name in model.card.labels]
    for ids, drawn in draw_series(model, config, rng):
        series = drawn[:, :, : config.packets]
        rows, reasons = packets.fields.decode(series, tuple(names[k] for k in ids.tolist()), rng)
        parts.append(rows)
        changed.update(reasons)
        yield Drawn(sum(map(len, parts)), total)
    return concatenate(parts), dict(changed)


def draw(model: LoadedModel, config: GenerateConfig) -> Generator[Drawn, None, pl.DataFrame]:
    """Yields a record per batch; returns the table of traces (StopIteration.value), in the order of the labels.

    Raises:
        InputError: the model has no scale, so that its images are no traces.
    """
    codec = model.scaled
    if model.packets is not None:
        rows, _ = yield from draw_rows(model, model.packets, config)
        flows = compile_rows(placed(rows, model.packets.gaps, CaptureConfig.of(), np.random.default_rng(config.seed)))
        return traces_of(flows, f"netdiffus {__version__} model {model.hash[:16]} seed {config.seed}")
    total, done = sum(_counts(model, config).values()), 0
    rng = np.random.default_rng(config.seed)
    every, batches = [], []
    for ids, values in draw_series(model, config, rng):
        every.append(ids)
        batches.append(values)
        done += len(ids)
        yield Drawn(done, total)
    labels = np.array(list(model.card.labels))[np.concatenate(every)]
    return traces_table(np.concatenate(batches), codec.channels, labels, model.hash, config.seed)


def _counts(model: LoadedModel, config: GenerateConfig) -> dict[str, int]:
    if model.packets is not None:
        return class_counts(model.card.labels, config.count, balance=config.balance, protocol=config.protocol)
    return label_counts(model.card.labels, config.count, balance=config.balance)


def draw_series(model: LoadedModel, config: GenerateConfig, rng: np.random.Generator) -> Iterator[tuple[Ids, Floats]]:
    """Batches of label ids (B,) and series (B, C, n), NaN past the end, in the order of the labels."""
    codec = model.scaled
    if isinstance(model.network, UNet):
        yield from ((ids, codec.decode(images)) for ids, images in _unet_images(model, model.network, config))
        return
    for ids, codes in draw_codes(model, config):
        yield ids, codec.from_classes(codes, ids, rng)


def draw_images(model: LoadedModel, config: GenerateConfig) -> Iterator[tuple[Ids, Floats]]:
    """Batches of label ids (B,) and images (B, C, n, n), in the order of the labels."""
    if isinstance(model.network, UNet):
        yield from _unet_images(model, model.network, config)
    elif model.codec is not None:
        for ids, codes in draw_codes(model, config):
            yield ids, images_of(series_of(model, codes))


def draw_codes(model: LoadedModel, config: GenerateConfig) -> Iterator[tuple[Ids, Ids]]:
    """Batches of label ids (B,) and the codes (B, C, n) that a causal denoiser draws, in the order of the labels."""
    network, rows = model.network, model.rows
    if not isinstance(network, CausalDenoiser) or rows is None:
        raise InputError("a model that draws row by row", "a published one", "leave the option out")
    how = Sampling(config.sampler, config.sampling_steps, config.guidance, config.window)
    draw = causal_sampling(network, rows, model.card.config, how, len(model.card.labels))
    for ids, generator in _batches(model, config):
        with torch.inference_mode():
            yield ids.cpu().numpy(), draw(ids, generator, None).cpu().numpy()


def _unet_images(model: LoadedModel, network: UNet, config: GenerateConfig) -> Iterator[tuple[Ids, Floats]]:
    how = Sampling(config.sampler, config.sampling_steps, config.guidance, config.window)
    draw = unet_sampling(network, model.card.config, model.length, how, len(model.card.labels))
    for ids, generator in _batches(model, config):
        with torch.inference_mode():
            yield ids.cpu().numpy(), draw(ids, generator).cpu().double().numpy()


def _ids(model: LoadedModel, config: GenerateConfig) -> Ids:
    """Label ids (N,) of all traces that are drawn."""
    counts, names = _counts(model, config), list(model.card.labels)
    return np.repeat(np.arange(len(names)), [counts.get(name, 0) for name in names])


def _batches(model: LoadedModel, config: GenerateConfig) -> Iterator[tuple[torch.Tensor, torch.Generator]]:
    """The label ids (B,) of the traces that are drawn, a batch at a time, and the generator."""
    ids = _ids(model, config)
    device = choose_device()
    generator = torch.Generator(device).manual_seed(config.seed)
    size = batch_size(model)
    for start in range(0, len(ids), size):
        yield torch.from_numpy(ids[start : start + size]).to(device), generator
