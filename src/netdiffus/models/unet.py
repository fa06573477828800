"""The published U-Net: a model of GASF images in pixel space, trained here or imported (diffusion/unet.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from netdiffus.arrays import Floats
from netdiffus.diffusion import discrete
from netdiffus.diffusion.discrete_denoiser import DiscreteDenoiser, descending_sigmas
from netdiffus.diffusion.discrete_recipe import DiscreteRecipe
from netdiffus.diffusion.fit import Sample
from netdiffus.diffusion.guidance import Labelled, guided_noise
from netdiffus.diffusion.observation import GasfRows
from netdiffus.diffusion.samplers import SAMPLERS
from netdiffus.diffusion.schedule import Schedule
from netdiffus.diffusion.unet import UNet
from netdiffus.diffusion.unet_shape import UNetShape, published_shape
from netdiffus.errors import InputError
from netdiffus.imaging.codec import STEP, GasfCodec
from netdiffus.metrics import Traces
from netdiffus.models.counted import count_labels
from netdiffus.models.fitting import Fitting, TrainingPart, begin
from netdiffus.models.manifest import ModelManifest
from netdiffus.models.network import label_rows
from netdiffus.models.options import ImportedOptions, UNetOptions
from netdiffus.models.sampling import Block, Draw, Form, Request, Sampling, blocks, guidance_weight
from netdiffus.models.seeds import torch_seed, training_stream
from netdiffus.models.series_codec import ImagesCodec, SeriesCodec
from netdiffus.models.training_data import Batches, LabelledSeries, TrainingData, hold_out
from netdiffus.models.weights import SavedWeights, state_of
from netdiffus.traffic.holdout import units
from netdiffus.traffic.traces import channel_names

LEARNED = "learned"  # the published loop: ancestral steps with the variance that the U-Net learned
BATCH_BUDGET, UNET_BUDGET = 1_500_000, 8
"""Floats of the images of one batch, so that memory is bounded; a U-Net's layers are so much larger than its images."""
LEVELS = 16
"""Noise levels that a trace's loss is the mean over."""
NOISE_SEED = 0
"""The same levels and the same noise for every trace."""


class UNetDraw(Draw):
    """Images (B, C', n, n) that a U-Net drew."""

    def __init__(self, block: Block, images: Floats, codec: SeriesCodec | ImagesCodec) -> None:
        super().__init__(block)
        self.drawn, self.codec = images, codec

    def series(self) -> Floats:
        """Series (B, C, n) of the images."""
        return scaled(self.codec).decode(self.drawn)

    def images(self) -> Floats:
        """The images as they are."""
        return self.drawn


def scaled(codec: SeriesCodec | ImagesCodec) -> GasfCodec:
    """The codec of a model whose images are traces.

    Raises:
        InputError: the model has no scale.
    """
    if isinstance(codec, ImagesCodec):
        raise no_scale()
    return codec.gasf


def no_scale() -> InputError:
    """What to say where traces are asked of a model that knows images alone."""
    return InputError(
        "a model that knows the scale of its images, for traces", "one that was imported without",
        "import it again with --scale, or draw images: --out FOLDER or FILE.npz",
    )  # fmt: skip


@dataclass(frozen=True)
class UNetModel:
    """A trained U-Net."""

    manifest: ModelManifest
    hash: str
    options: UNetOptions | ImportedOptions
    codec: SeriesCodec | ImagesCodec
    network: UNet

    @property
    def forms(self) -> tuple[Form, ...]:
        """Images, and where their scale is known, series."""
        return ("images",) if isinstance(self.codec, ImagesCodec) else ("series", "images")

    @classmethod
    def fit(cls, part: TrainingPart, options: UNetOptions, device: torch.device) -> Fitting:
        """Begin a training on the traces of a dataset."""
        data = image_data(part, options, device)
        torch.manual_seed(torch_seed(training_stream(options.seed, "network")))
        network = UNet(trained_shape(options, data.codec, len(data.labels))).to(device)
        schedule = Schedule.named(options.schedule, options.timesteps)
        recipe = DiscreteRecipe(network, GasfRows(data.codec.length, STEP), schedule, options.ema)
        held = part.traces["trace_id"].to_numpy()[data.held].tolist()
        return Fitting(
            begin(network, recipe, (data.batch, data.validation), options), options, data.codec, data.labels, held
        )

    @classmethod
    def from_state(cls, manifest: ModelManifest, saved: SavedWeights, device: torch.device) -> UNetModel:
        """The model of a manifest whose options and codec are those of a U-Net."""
        options, codec = manifest.options, manifest.codec
        if not isinstance(options, UNetOptions | ImportedOptions) or not isinstance(codec, SeriesCodec | ImagesCodec):
            raise TypeError(f"no U-Net: {type(options).__name__}, {type(codec).__name__}")
        if isinstance(options, ImportedOptions):
            shape = options.shape.shape()
        else:
            shape = trained_shape(options, codec, len(manifest.labels))

        def build(device: torch.device) -> UNet:
            with device:
                return UNet(shape)

        return cls(manifest, saved.hash, options, codec, saved.into(build, device))

    def state(self) -> dict[str, Tensor]:
        """The network's weights."""
        return state_of(self.network)

    @property
    def batch(self) -> int:
        """Images that are drawn at a time."""
        floats = len(self.codec.image_channels) * self.codec.length**2
        return max(1, min(512, BATCH_BUDGET // (floats * UNET_BUDGET)))

    def sample(self, request: Request) -> Iterator[Draw]:
        """Draw images for the label ids of a request."""
        draw = self.sampler(request.how)
        for block in blocks(request, self.batch, next(self.network.parameters()).device):
            with torch.inference_mode():
                images = draw(block.labels, block.generator).cpu().double().numpy()
            yield UNetDraw(block, images, self.codec)

    def sampler(self, how: Sampling) -> Callable[[Tensor, torch.Generator], Tensor]:
        """What draws images (B, C', n, n) of labels (B,) that way.

        Raises:
            InputError: guidance for a model that was trained with every label, a sampler that there is not, a window,
                or more steps than the model has.
        """
        options = self.options
        weight = guidance_weight(options.label_dropout, options.guidance, how.guidance)
        if how.window is not None:
            raise InputError("a model that draws row by row for --window", "a published one", "leave it out")
        name = how.sampler or LEARNED
        if name not in (LEARNED, *SAMPLERS):
            known = ", ".join([LEARNED, *SAMPLERS])
            raise InputError(f"a sampler among {known}", repr(name), "name one of those with --sampler")
        schedule = Schedule.named(options.schedule, options.timesteps, None if how.steps is None else str(how.steps))
        answer: Labelled = guided_noise(self.network, len(self.manifest.labels), weight)
        denoise = DiscreteDenoiser(answer, Schedule.named(options.schedule, options.timesteps))
        channels, n = self.network.shape.channels_in, self.codec.length

        def draw(label: Tensor, generator: torch.Generator) -> Tensor:
            def noise(x: Tensor) -> Tensor:
                return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)

            start = noise(torch.empty(len(label), channels, n, n, device=label.device))
            if name == LEARNED:
                for x in discrete.sample(schedule, lambda x, t: answer(x, t, label), start, noise):
                    image = x
                return image
            levels = descending_sigmas(schedule).to(label.device)
            return SAMPLERS[name](
                lambda x, sigma: denoise(x, sigma.expand(len(label)), label),
                start * (1 + levels[0] ** 2).sqrt(),
                levels,
                noise,
            )

        return draw

    def losses(self, traces: Traces) -> Floats:
        """The training's loss (N,) of each trace: the mean over 16 noise levels, which are the same for all traces.

        A trace is a batch of its own, 16 times.
        """
        codec, options = scaled(self.codec), self.options
        names = np.array(self.manifest.labels)
        order = np.argsort(names)
        labels = order[np.searchsorted(names, traces.labels, sorter=order)]
        schedule = Schedule.named(options.schedule, options.timesteps)
        recipe = DiscreteRecipe(self.network, GasfRows(codec.length, STEP), schedule, None)
        device = next(self.network.parameters()).device
        whole = codec.quantiles(traces.series).astype(np.float32)
        found = np.empty(len(traces))
        for row, label in enumerate(labels.tolist()):
            generator = torch.Generator(device).manual_seed(NOISE_SEED)
            batch = torch.from_numpy(whole[row : row + 1]).to(device).expand(LEVELS, *whole.shape[1:])
            with torch.no_grad():
                loss = recipe.loss(Sample(batch, torch.full((LEVELS,), label, device=device)), generator)
            found[row] = float(loss.mean())
        return found


def trained_shape(options: UNetOptions, codec: SeriesCodec | ImagesCodec, labels: int) -> UNetShape:
    """The published shape for a codec's images and a number of labels."""
    return published_shape(
        codec.length,
        len(codec.image_channels),
        label_rows(options.label_dropout, labels),
        width=options.width,
        blocks=options.depth,
        heads=options.heads,
    )


def image_data(part: TrainingPart, options: UNetOptions, device: torch.device) -> TrainingData:
    """The traces of a dataset as z, which the recipe makes images of."""
    learned = LabelledSeries.of(part.traces, options.length)
    counts, ids = count_labels(learned.labels)
    held = hold_out(ids, options, units(learned.group, ids))
    codec = GasfCodec.fit(learned.series, channel_names(part.traces), options.scale, "direct")
    z = torch.from_numpy(codec.quantiles(learned.series).astype(np.float32)).to(device)
    batches = Batches(options, z, torch.tensor(ids, device=device), len(counts))
    return TrainingData(SeriesCodec(codec), counts, held, *batches.of(ids, held))
