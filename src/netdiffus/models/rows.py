"""The causal core: a model of traces that draws codes row by row, as GASF images or bare series."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from netdiffus.arrays import Floats, Ints
from netdiffus.diffusion.causal import CausalDenoiser
from netdiffus.diffusion.fit import Sample
from netdiffus.diffusion.forcing import Rows
from netdiffus.diffusion.forcing_recipe import ForcingRecipe
from netdiffus.diffusion.staircase import STEPS, Drawing, Guidance
from netdiffus.errors import InputError
from netdiffus.imaging.codec import images_of
from netdiffus.metrics import Traces
from netdiffus.models.counted import Channels
from netdiffus.models.fitting import Fitting, TrainingPart, begin
from netdiffus.models.manifest import ModelManifest
from netdiffus.models.network import build_causal, build_rows, label_rows
from netdiffus.models.options import ModelOptions, RowOptions
from netdiffus.models.private import fit_private
from netdiffus.models.sampling import Block, Draw, Form, Request, Sampling, blocks, guidance_weight
from netdiffus.models.seeds import torch_seed, training_stream
from netdiffus.models.series_codec import SeriesCodec
from netdiffus.models.training_data import LabelledSeries, RowData, longest_trace, row_data
from netdiffus.models.weights import SavedWeights, check_contexts, state_of
from netdiffus.traffic.traces import channel_names

KEPT_BUDGET = 1 << 25
"""Floats of the keys of a batch: bounds memory, and keeps a batch in the cache."""
LIKELIHOODS = 256
"""Traces whose likelihoods are computed at once."""


@dataclass(frozen=True)
class Beginning:
    """What traces begin with: codes (B, C, k) of their first rows, and (B, C, j) of the coarse rows they settle."""

    known: Tensor
    coarse: Tensor | None


DrawCodes = Callable[[Tensor, torch.Generator, Beginning | None], Drawing]
"""(labels (B,), generator, beginning) → what was drawn."""


class RowDraw(Draw):
    """Codes (B, C', n) that the causal denoiser drew, and those of the coarse rows."""

    def __init__(self, block: Block, drawing: Drawing, codec: SeriesCodec) -> None:
        super().__init__(block)
        self.codes, self.codec = drawing.codes.cpu().numpy(), codec
        self._small = drawing.coarse_codes

    def course(self) -> Floats | None:
        """Courses (B, C'', m) of what goes on beyond the series; None of a model without."""
        codebook = self.codec.course
        return None if codebook is None else codebook.draw(self._small.cpu().numpy(), self.ids, self.block.rng)

    def series(self) -> Floats:
        """Series (B, C, n) of the codes: a code of several values gives one as often as the label has it."""
        return self.codec.gasf.from_classes(self.codes, self.ids, self.block.rng)

    def images(self) -> Floats:
        """Images of the codes' centres."""
        return images_of(self.codec.z(self.codes))


@dataclass(frozen=True)
class RowModel:
    """A trained causal denoiser.

    Attributes:
        rows: what its rows are observed as.
    """

    manifest: ModelManifest
    hash: str
    options: RowOptions
    codec: SeriesCodec
    network: CausalDenoiser
    rows: Rows

    @property
    def forms(self) -> tuple[Form, ...]:
        """Series, and where it learned images, images."""
        return ("series", "images") if self.options.image == "gasf" else ("series",)

    @classmethod
    def fit(cls, part: TrainingPart, options: RowOptions, device: torch.device) -> Fitting:
        """Begin a training on the traces of a dataset."""
        if options.epsilon is not None:
            return fit_private(part, options, device)
        length = longest_trace(part.traces, options.length)
        learned = LabelledSeries.of(part.traces, length)
        data = row_data(learned, Channels(channel_names(part.traces)), options, device, part.workers)
        held = part.traces["trace_id"].to_numpy()[data.held].tolist()
        return fit_rows(data, options, device, held)

    @classmethod
    def from_state(cls, manifest: ModelManifest, saved: SavedWeights, device: torch.device) -> RowModel:
        """The model of a manifest whose options and codec are those of a row model."""
        return row_model(manifest, manifest.options, manifest.codec, saved, device)

    def state(self) -> dict[str, Tensor]:
        """The network's weights."""
        return state_of(self.network)

    @property
    def batch(self) -> int:
        """Traces that are drawn at a time."""
        return max(1, min(512, KEPT_BUDGET // (self.network.rows * self.network.width * len(self.network.blocks))))

    def sample(self, request: Request) -> Iterator[RowDraw]:
        """Draw codes for the label ids of a request."""
        draw = self.sampler(request.how)
        for block in blocks(request, self.batch, self.network.position.device):
            with torch.inference_mode():
                drawing = draw(block.labels, block.generator, None)
            yield RowDraw(block, drawing, self.codec)

    def sampler(self, how: Sampling) -> DrawCodes:
        """What draws codes that way.

        Raises:
            InputError: guidance for a model that was trained with every label, a sampler, or steps without a window.
        """
        if how.sampler is not None:
            raise InputError(
                "--sampler for a published model (netdiffus, netdiffus2)",
                f"{how.sampler!r} for one that draws row by row",
                "leave it out; --window and --sampling-steps say how rows are drawn",
            )
        weight = guidance_weight(self.options.label_dropout, self.options.guidance, how.guidance)
        guidance = None if weight == 1 else Guidance(weight, len(self.manifest.labels))
        window, steps = how.window or 1, how.steps or STEPS
        if how.steps is not None and window == 1:
            raise InputError(
                "--window of 2 or more for --sampling-steps", "rows that are drawn one at a time, without noise",
                "name a window, or leave it out",
            )  # fmt: skip

        def draw(label: Tensor, generator: torch.Generator, beginning: Beginning | None) -> Drawing:
            drawing = Drawing(self.network, self.rows, label, generator, guidance)
            known, coarse = (None, None) if beginning is None else (beginning.known, beginning.coarse)
            drawing.draw(window, steps, known, coarse)
            return drawing

        return draw

    def losses(self, traces: Traces) -> Floats:
        """Minus the log-likelihood (N,) of each trace given its label."""
        names = np.array(self.manifest.labels)
        order = np.argsort(names)
        labels = order[np.searchsorted(names, traces.labels, sorter=order)]
        return -self.log_likelihoods(self.codec.gasf.classes(traces.series), labels)

    def log_likelihoods(self, codes: Ints, labels: Ints) -> Floats:
        """The log-likelihood (N,) in nats of codes (N, C, n) of labels (N,): exact for a model without coarse rows.

        With coarse rows it is that of the trace and its own coarse rows together, which bounds it from below.
        """
        device, coarse = self.network.position.device, self.codec.coarse
        recipe, generator = ForcingRecipe(self.network, self.rows), torch.Generator(device)
        found = np.empty(len(codes))
        for start in range(0, len(codes), LIKELIHOODS):
            part = slice(start, start + LIKELIHOODS)
            small = None if coarse is None else torch.from_numpy(coarse.encode(self.codec.z(codes[part]))).to(device)
            label = torch.tensor(labels[part], device=device)  # a table's may be read-only
            sample = Sample(torch.tensor(codes[part], device=device), label, small)
            with torch.no_grad():
                found[part] = recipe.loss(sample, generator).cpu().numpy()
        found *= -(codes.shape[1] * codes.shape[2])
        return found


def row_model(
    manifest: ModelManifest,
    options: ModelOptions,
    codec: object,
    saved: SavedWeights,
    device: torch.device,
) -> RowModel:
    """The causal core of a manifest.

    Raises:
        TypeError: the options or the codec are not a row model's (manifest.py refuses such a file).
        InputError: the weights do not fit it.
    """
    if not isinstance(options, RowOptions) or not isinstance(codec, SeriesCodec):
        raise TypeError(f"no row model: {type(options).__name__}, {type(codec).__name__}")
    network = saved.into(untrained(options, codec, len(manifest.labels)), device)
    return with_network(manifest, saved.hash, options, codec, network)


def with_network(
    manifest: ModelManifest, weights: str, options: RowOptions, codec: SeriesCodec, network: CausalDenoiser
) -> RowModel:
    """The causal core of a manifest with a trained network; `weights` is the hash of its file.

    Raises:
        InputError: the counted contexts are none of the codec's.
    """
    check_contexts(network.contexts, [len(alphabet) for alphabet in codec.gasf.alphabets])
    rows = build_rows(options, codec, network.position.device)
    return RowModel(manifest, weights, options, codec, network, rows)


def untrained(options: RowOptions, codec: SeriesCodec, labels: int) -> Callable[[torch.device], CausalDenoiser]:
    """What makes a network of these options, codec and number of labels on a device."""

    def build(device: torch.device) -> CausalDenoiser:
        rows = label_rows(options.label_dropout, labels)
        with device:
            fine = [torch.empty(rows, codec.length, len(alphabet)) for alphabet in codec.gasf.alphabets]
            small = codec.small
            coarse = [] if small is None else [torch.empty(rows, small.rows, len(z)) for z in small.centres]
        return build_causal(options, codec, (fine, coarse), device)

    return build


def fit_rows(data: RowData, options: RowOptions, device: torch.device, held_out: list[int] | None) -> Fitting:
    """Begin the training of a causal denoiser on data."""
    options, recipe = row_recipe(data, options, device)
    fit = begin(recipe.network, recipe, (data.batch, data.validation), options)
    return Fitting(fit, options, data.codec, data.labels, held_out)


def row_recipe(data: RowData, options: RowOptions, device: torch.device) -> tuple[RowOptions, ForcingRecipe]:
    """How a new causal denoiser is fitted to data, and the options with what the data settle."""
    coarse = data.codec.small
    options = options.model_copy(update={"coarse": 0 if coarse is None else coarse.rows})
    torch.manual_seed(torch_seed(training_stream(options.seed, "network")))
    network = build_causal(options, data.codec, data.priors, device, data.contexts)
    return options, ForcingRecipe(network, build_rows(options, data.codec, device), data.crossed, options.noised)
