"""A model of bit images that text steers: trained on flows of packets, drawn from by prompts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import torch
from torch import Tensor

from netdiffus.arrays import Floats, Levels
from netdiffus.compiler import FlowRows
from netdiffus.errors import InputError
from netdiffus.imaging.bit_flows import flows_of_images
from netdiffus.imaging.rgb import RgbCodec
from netdiffus.metrics import Traces
from netdiffus.models.counted import count_arrivals, count_labels
from netdiffus.models.fitting import Fitting, TrainingPart, begin
from netdiffus.models.manifest import ModelManifest
from netdiffus.models.prompt_options import NONE, PromptOptions
from netdiffus.models.prompts.codec import PromptCodec
from netdiffus.models.prompts.extra import check_extra
from netdiffus.models.prompts.facts import prompt
from netdiffus.models.prompts.images import FlowImages, flow_images
from netdiffus.models.prompts.origin import Origin, built, restored
from netdiffus.models.prompts.painter import Brush, Painter
from netdiffus.models.prompts.recipe import Presence, PromptRecipe
from netdiffus.models.prompts.steering import Steering, labels_of_draw, maps_of_draw, texts_of_draw
from netdiffus.models.sampling import Block, Draw, Form, Request, blocks
from netdiffus.models.seeds import torch_seed, training_stream
from netdiffus.models.training_data import Batches, hold_out
from netdiffus.models.weights import SavedWeights

STEPS = 25
"""Denoising steps of a drawing."""
AT_A_TIME, PIXELS = 16, 1 << 20
"""Pictures that are encoded or drawn at a time; fewer where a base would have to hold more pixels."""


class PromptDraw(Draw):
    """What pictures show (B, rows, K) that a painter drew."""

    def __init__(self, block: Block, shown: Levels, codec: PromptCodec, labels: list[str]) -> None:
        super().__init__(block)
        self.shown, self.codec, self.labels = shown, codec, labels

    def flows(self, most: int | None = None) -> tuple[FlowRows, dict[str, int]]:
        """The flows of the pictures, and how many of their packets had to be mended, by reason."""
        images = [self.codec.rgb.image(each)[:most] for each in self.shown]
        rows, mended = flows_of_images(self.codec.rgb.bits, images, self.labels, self.codec.known)
        return rows, dict(mended)


@dataclass(frozen=True)
class PromptModel:
    """A painter that learned bit images."""

    manifest: ModelManifest
    hash: str
    options: PromptOptions
    codec: PromptCodec
    painter: Painter

    @property
    def forms(self) -> tuple[Form, ...]:
        """Flows: their compiled packets become images again."""
        return ("flows",)

    @classmethod
    def fit(cls, part: TrainingPart, options: PromptOptions, device: torch.device) -> Fitting:
        """Begin a training on the packets of a dataset."""
        check_extra()
        images = flow_images(part.dataset, part.traces, options.length)
        counts, ids = count_labels(pl.Series(images.classes, dtype=pl.String))
        streams = {name: training_stream(options.seed, name) for name in ("network", "folds")}
        torch.manual_seed(torch_seed(streams["network"]))
        origin = built(options, images, device)
        rng = np.random.default_rng(streams["folds"])
        arrivals = count_arrivals(part.traces, part.share)
        codec = PromptCodec.fit(images, origin.rgb, ids, options.prompts, arrivals, rng)
        codec = replace(codec, components=origin.components, wrong=origin.wrong)
        held = hold_out(ids, origin.options, None)
        latents = _latents(images, origin, device)
        shown = origin.options.model_copy(update={"label_dropout": 0.0})  # the recipe hides texts
        batches = Batches(shown, latents, torch.arange(len(images), device=device), 0)
        recipe = PromptRecipe(
            origin.painter, _texts(images, options.prompts), hidden=options.label_dropout, cools=options.base == NONE,
            presence=_presence(images, origin.rgb) if options.control else None,
            precise=lambda: _precise(options, device),
        )  # fmt: skip
        fit = begin(origin.painter.network, recipe, batches.of(ids, held), origin.options, options.accumulate)
        return Fitting(fit, origin.options, codec, counts, None, notes=origin.notes)

    @classmethod
    def from_state(cls, manifest: ModelManifest, saved: SavedWeights, device: torch.device) -> PromptModel:
        """The model of a manifest whose options and codec are those of prompts."""
        options, codec = manifest.options, manifest.codec
        if not isinstance(options, PromptOptions) or not isinstance(codec, PromptCodec):
            raise TypeError(f"no model of prompts: {type(options).__name__}, {type(codec).__name__}")
        check_extra()
        return cls(manifest, saved.hash, options, codec, restored(options, codec, saved, device))

    def state(self) -> dict[str, Tensor]:
        """What was trained: the network, or adapters and ControlNet."""
        return {name: value.detach().cpu().contiguous() for name, value in self.painter.network.state_dict().items()}

    @property
    def batch(self) -> int:
        """Flows that are drawn at a time."""
        return at_a_time(self.options, self.codec.rgb)

    def sample(self, request: Request) -> Iterator[Draw]:
        """Draw flows for the class ids of a request."""
        how = request.how
        if how.sampler is not None or how.window is not None:
            name = "sampler" if how.sampler is not None else "window"
            raise InputError(f"another model for --{name}", "one of prompts", f"leave --{name} out")
        steering = how.steering or Steering()
        device = next(iter(self.painter.network.parameters())).device
        pieces = request.pieces(self.batch)
        for piece, block in zip(pieces, blocks(request, self.batch, device), strict=True):
            with torch.inference_mode(), _precise(self.options, device):
                shown = self._shown(block, request, steering, piece.first * self.batch)
            names = self.manifest.labels
            labels = labels_of_draw(steering, names[int(block.ids[0])], names, len(block.ids))
            yield PromptDraw(block, shown, self.codec, labels)

    def _shown(self, block: Block, request: Request, steering: Steering, first: int) -> Levels:
        codec, how, device = self.codec, request.how, block.generator.device
        number, count = int(block.ids[0]), len(block.ids)
        texts = texts_of_draw(steering, codec, number, self.manifest.labels[number], block.rng, count)
        maps = None
        if self.options.control:
            levels = maps_of_draw(steering, codec, number, block.rng, first, count)
            maps = torch.from_numpy(codec.rgb.presence(levels)).to(device)
        weight = self.options.guidance if how.guidance is None else how.guidance
        empty = torch.zeros(1, 3, codec.rgb.height, codec.rgb.width, device=device)
        shape = self.painter.encode(empty).shape
        noise = torch.randn((count, *shape[1:]), generator=block.generator, device=device)
        brush = Brush(self.painter, texts, steering.negative or "", weight, maps)
        pictures = brush.drawn(noise, how.steps or STEPS)
        return codec.rgb.decode(pictures.float().cpu().numpy())

    def losses(self, traces: Traces) -> Floats:
        """A model of packets explains no traces.

        Raises:
            InputError: always.
        """
        raise InputError(
            "a model of traces for --model", "one of packets (train --image prompt)",
            "name one that was trained with --image gasf or series",
        )  # fmt: skip


def at_a_time(options: PromptOptions, rgb: RgbCodec) -> int:
    """Pictures that are encoded or drawn at a time."""
    return AT_A_TIME if options.base == NONE else max(1, min(AT_A_TIME, PIXELS // (rgb.height * rgb.width)))


def _latents(images: FlowImages, origin: Origin, device: torch.device) -> Tensor:
    """Latents (N, C, h, w) of all flows."""
    parts, size = [], at_a_time(origin.options, origin.rgb)
    for start in range(0, len(images), size):
        some = np.arange(start, min(start + size, len(images)))
        pictures = torch.from_numpy(origin.rgb.encode(images.shown(some))).to(device)
        with torch.no_grad():
            parts.append(origin.painter.encode(pictures).float())
    return torch.cat(parts)


def _texts(images: FlowImages, templates: list[str]) -> list[list[str]]:
    """What each template says of each flow."""
    found = []
    for name, facts in zip(images.classes, images.facts, strict=True):
        label, _, protocol = name.rpartition("/")
        found.append([prompt(template, label, protocol, facts) for template in templates])
    return found


def _presence(images: FlowImages, rgb: RgbCodec) -> Presence:
    """What makes presence maps of training flows."""

    def presence(index: Tensor) -> Tensor:
        return torch.from_numpy(rgb.presence(images.shown(index.cpu().numpy()))).to(index.device)

    return presence


def _precise(options: PromptOptions, device: torch.device) -> AbstractContextManager[object]:
    """The arithmetic that is asked for."""
    return torch.autocast(device.type, torch.bfloat16) if options.precision == "bf16" else nullcontext()
