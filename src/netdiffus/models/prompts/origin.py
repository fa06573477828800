"""Where a prompted model comes from: nothing, or a base in a folder; untrained as built, trained as restored."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from netdiffus.errors import InputError
from netdiffus.imaging.rgb import RgbCodec, wrong_bits
from netdiffus.models.prompt_options import NONE, PromptOptions
from netdiffus.models.prompts.autoencoder import fit_autoencoder
from netdiffus.models.prompts.codec import PromptCodec
from netdiffus.models.prompts.foundation import Foundation, check_memory
from netdiffus.models.prompts.images import FlowImages
from netdiffus.models.prompts.own import OwnNetwork, OwnPainter
from netdiffus.models.prompts.painter import Painter
from netdiffus.models.prompts.stable_diffusion import UNetPainter
from netdiffus.models.prompts.stable_diffusion_3 import TransformerPainter
from netdiffus.models.seeds import torch_seed, training_stream
from netdiffus.models.weights import SavedWeights, check_values
from netdiffus.store import model as store

TRIED = 16
"""Flows that go through the autoencoder before the training."""
POOR = 0.02
"""A share of wrong bits above which headers cannot be read."""
TRAINED_FACTOR = 1.25
"""Memory beside weights: activations and optimiser, at the least."""


AnyPainter = UNetPainter | TransformerPainter


@dataclass(frozen=True)
class Origin:
    """An untrained painter.

    Attributes:
        rgb: pictures of the size that it takes. options: as they were resolved.
        components: channels of its latents, if it has no base. wrong: share of bits that its autoencoder gets wrong.
        notes: what a user should know before the first step.
    """

    painter: Painter
    rgb: RgbCodec
    options: PromptOptions
    components: int
    wrong: float
    notes: tuple[str, ...]


def built(options: PromptOptions, images: FlowImages, device: torch.device) -> Origin:
    """The painter that options ask for, before its training.

    Raises:
        InputError: the base cannot be used, or the pictures do not fit it.
    """
    return _own(options, images, device) if options.base == NONE else _based(options, images, device)


def _own(options: PromptOptions, images: FlowImages, device: torch.device) -> Origin:
    rgb = sized(images.rgb, 1, options)
    check_memory(4 * len(images) * rgb.height * 256, "the latents of all flows")
    generator = torch.Generator().manual_seed(torch_seed(training_stream(options.seed, "hold-out")))
    coder, _ = fit_autoencoder(images, rgb, generator)
    network = OwnNetwork(rgb.width, coder.basis.shape[1], options.width, control=options.control)
    network.coder.load_state_dict(coder.state_dict())
    painter = OwnPainter(network.to(device))
    wrong = measured(painter, images, rgb, device)
    note = f"autoencoder: {wrong:.3%} of the bits come back wrong ({coder.basis.shape[1]} components a packet)"
    return Origin(painter, rgb, options, coder.basis.shape[1], wrong, (note,))


def _based(options: PromptOptions, images: FlowImages, device: torch.device) -> Origin:
    base = Foundation.of(Path(options.base))
    weight = 0.5 if options.precision == "bf16" else 1.0
    check_memory(int(base.weight_bytes * weight * TRAINED_FACTOR), f"the base in {base.folder} and its training")
    pipeline = loaded(base, options, device)
    rgb = sized(images.rgb, multiple_of(base, pipeline), options)
    check_size(base, pipeline, rgb)
    painter = painter_of(base, pipeline, options, (rgb.height, rgb.width))
    wrong = measured(painter, images, rgb, device)
    notes = [f"base: {base.folder.name} ({base.family}); pictures of {rgb.height} x {rgb.width}"]
    notes.append(f"autoencoder of the base: {wrong:.2%} of the bits come back wrong, before any training")
    if wrong > POOR:
        notes.append(
            "advice: that is too many to read headers; the compiler will replace most of what is drawn. A base whose "
            "autoencoder was tuned on such pictures, or --base none, keeps bits"
        )
    resolved = options.model_copy(update={"family": base.family, "base_hash": base.hash})
    return Origin(painter, rgb, resolved, 0, wrong, tuple(notes))


def restored(options: PromptOptions, codec: PromptCodec, saved: SavedWeights, device: torch.device) -> Painter:
    """The painter of a model folder.

    Raises:
        InputError: the base is not where it was, or another, or the weights do not fit.
    """
    if options.base == NONE:

        def build(device: torch.device) -> OwnNetwork:
            with device:
                return OwnNetwork(codec.rgb.width, codec.components, options.width, control=options.control)

        return OwnPainter(saved.into(build, device))
    folder = Path(options.base) if saved.base is None else saved.base
    if not folder.is_dir():
        raise InputError(
            f"the base of this model, {Path(options.base).name}", f"no folder {folder}", "name its folder with --base"
        )
    base = Foundation.of(folder)
    if base.family != options.family or base.hash != options.base_hash:
        raise InputError(
            f"the base of this model, {Path(options.base).name} (hash {(options.base_hash or '')[:16]})",
            f"another model at {folder} (hash {base.hash[:16]})", "name the folder of that base with --base",
        )  # fmt: skip
    pipeline = loaded(base, options, device)
    painter = painter_of(base, pipeline, options, (codec.rgb.height, codec.rgb.width))
    weights = store.read_weights(saved.folder)
    expected = painter.network.state_dict()
    if {name: value.shape for name, value in weights.items()} != {
        name: value.shape for name, value in expected.items()
    }:
        raise InputError("weights that fit model.json and its base", "others", "copy the model again, or train again")
    check_values(weights)
    painter.network.load(weights)
    return painter


def loaded(base: Foundation, options: PromptOptions, device: torch.device) -> Any:
    """The pipeline of a base, on a device; nothing of it comes from anywhere else."""
    import diffusers

    diffusers.utils.logging.disable_progress_bar()
    classes = {
        "sd15": diffusers.StableDiffusionPipeline, "sdxl": diffusers.StableDiffusionXLPipeline,
        "sd3": diffusers.StableDiffusion3Pipeline,
    }  # fmt: skip
    dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
    absent: dict[str, bool | None] = dict.fromkeys(base.absent)
    if base.family == "sd15":
        absent |= {"safety_checker": None, "requires_safety_checker": False}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pipeline = classes[base.family].from_pretrained(
                base.folder, local_files_only=True, use_safetensors=True, torch_dtype=dtype, **absent
            )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"a whole model of diffusers, in safetensors, at {base.folder}", said, "copy the base again"
        ) from None
    pipeline.set_progress_bar_config(disable=True)
    if options.offload:
        from accelerate import cpu_offload

        for name in ("text_encoder", "text_encoder_2", "text_encoder_3", "vae"):
            part = getattr(pipeline, name, None)
            if part is not None:
                cpu_offload(part, device)
        core = pipeline.transformer if base.family == "sd3" else pipeline.unet
        core.to(device)
        return pipeline
    return pipeline.to(device)


def painter_of(base: Foundation, pipeline: Any, options: PromptOptions, size: tuple[int, int]) -> AnyPainter:
    """The painter of a base's family."""
    if base.family == "sd3":
        return TransformerPainter(pipeline, options.rank, control=options.control)
    return UNetPainter(pipeline, options.rank, control=options.control, size=size)


def multiple_of(base: Foundation, pipeline: Any) -> int:
    """What divides both sides of pictures: the autoencoder's factor, times the halvings or patches behind it."""
    factor = int(pipeline.vae_scale_factor)
    if base.family == "sd3":
        return factor * int(pipeline.transformer.config.patch_size)
    halvings = len(pipeline.unet.config.block_out_channels) - 1
    return int(factor << halvings)


def check_size(base: Foundation, pipeline: Any, rgb: RgbCodec) -> None:
    """Raise InputError for pictures larger than a base takes: SD 3 has places for so many patches."""
    if base.family != "sd3":
        return
    config = pipeline.transformer.config
    most = int(config.pos_embed_max_size) * int(config.patch_size) * int(pipeline.vae_scale_factor)
    if max(rgb.height, rgb.width) > most:
        raise InputError(
            f"pictures of at most {most} pixels a side for this base", f"{rgb.height} x {rgb.width}",
            "lower --length, prepare fewer headers (IPv6 alone takes 320 columns), or name a base for larger pictures",
        )  # fmt: skip


def sized(rgb: RgbCodec, multiple: int, options: PromptOptions) -> RgbCodec:
    """Pictures padded to a multiple, or to the size that is asked for.

    Raises:
        InputError: the size has no room for all rows and columns, or the multiple does not divide it.
    """
    fitted = RgbCodec(rgb.bits, rgb.columns, rgb.rows, multiple)
    size = options.size()
    if size is None:
        return fitted
    least = (fitted.height, fitted.width)
    if any(side < low or side % multiple for side, low in zip(size, least, strict=True)):
        raise InputError(
            f"--resolution from {least[0]}x{least[1]} on, in multiples of {multiple} (pictures are never resized)",
            options.resolution, "choose such a size, or auto",
        )  # fmt: skip
    return RgbCodec(rgb.bits, rgb.columns, rgb.rows, multiple, size)


def measured(painter: Painter, images: FlowImages, rgb: RgbCodec, device: torch.device) -> float:
    """The share of the bits of some flows, those that are there, which the autoencoder alone gets wrong."""
    chosen = np.unique(np.linspace(0, len(images) - 1, TRIED).astype(np.int64))
    wrong = []
    for place in chosen:
        shown = images.shown(np.array([place]))
        pictures = torch.from_numpy(rgb.encode(shown)).to(device)
        with torch.no_grad():
            back = painter.decode(painter.encode(pictures)).float().cpu().numpy()
        there = shown >= 0
        wrong.append(wrong_bits(shown[there], rgb.decode(back)[there]))
    return float(np.mean(wrong))
