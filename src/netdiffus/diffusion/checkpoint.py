"""Checkpoints of openai/guided-diffusion: a file of named tensors becomes a U-Net's sizes and weights.

Everything except the number of attention heads can be read off the shapes. Tensors are copied: half-precision training
writes views of two large storages, other training writes parameters that require gradients.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from netdiffus.diffusion.unet import UNet, UNetShape
from netdiffus.errors import InputError

MOST_BLOCKS = 256
"""Maximum input blocks of a network."""
MOST_VIEWS = 4
"""How often the numbers of a file, of two bytes or more, may be shared by its tensors."""
_EXPECTED = "a guided-diffusion checkpoint (model*.pt or ema_*.pt)"


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The named tensors of a checkpoint, as separate float32 copies; nothing in the file is executed.

    Raises:
        InputError: the file is missing, is not a checkpoint, or holds an optimiser's state.
    """
    if not path.is_file():
        raise InputError(_EXPECTED, f"{path}, which does not exist", "check the path")
    _check_storages(path)
    try:
        loaded: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a hostile pickle raises; torch's message explains how to run it
        said = "what is no plain tensor" if isinstance(error, pickle.UnpicklingError) else "nothing that can be read"
        raise InputError(_EXPECTED, f"{path}, which holds {said}", "decompress it, or name another file") from None
    if isinstance(loaded, dict) and set(loaded) == {"state", "param_groups"}:
        raise InputError(_EXPECTED, f"{path}, an optimiser's state", "name the model or ema file beside it")
    if not isinstance(loaded, dict) or not loaded or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise InputError(_EXPECTED, f"{path}, which holds other things than tensors", "name another file")
    _check_tensors(path, loaded)
    return {str(name): value.detach().to(torch.float32, copy=True) for name, value in loaded.items()}


def _check_storages(path: Path) -> None:
    """Raise InputError if parts of the file are compressed: they could be far larger than the file."""
    if not zipfile.is_zipfile(path):
        return  # written by torch before 1.6: storages are read from the file directly
    try:
        with zipfile.ZipFile(path) as file:
            large = sum(part.file_size for part in file.infolist()) > path.stat().st_size
            packed = any(part.compress_type != zipfile.ZIP_STORED for part in file.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise InputError(_EXPECTED, f"{path}, a damaged archive", "download it again, or name another file") from None
    if large or packed:
        raise InputError(_EXPECTED, f"{path}, an archive of compressed parts", "save it again with torch.save")


def _check_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Raise InputError for tensors larger than their storage, or of a kind that no network has."""
    for name, value in tensors.items():
        wrong = None
        if not value.is_floating_point() and value.dtype not in (torch.int64, torch.int32):
            wrong = f"type {value.dtype}"
        elif value.layout != torch.strided or value.is_meta:
            wrong = "a form without plain numbers"
        elif value.numel() * value.element_size() > value.untyped_storage().nbytes():
            wrong = "more numbers than the file holds"
        elif not bool(value.isfinite().all()):
            wrong = "NaN or infinity"
        if wrong is not None:
            raise InputError(
                f"tensors of finite numbers in {path}", f"{str(name)[:60]!r} of {wrong}", "name another file"
            )
    if sum(value.numel() for value in tensors.values()) * 2 > path.stat().st_size * MOST_VIEWS:
        raise InputError(f"tensors of their own in {path}", "many views of the same numbers", "name another file")


def shape_of(weights: dict[str, Tensor], heads: int) -> UNetShape:
    """The sizes of the U-Net with these weights.

    Raises:
        InputError: a name or a shape is not one of the published U-Net, or heads do not divide its channels.
    """
    try:
        shape = _read_shape(weights, heads)
    except (KeyError, IndexError, ZeroDivisionError, ValueError):
        raise InputError(
            _EXPECTED, f"{len(weights)} tensors without those of a U-Net", "name a U-Net's checkpoint"
        ) from None
    if shape.channels_out != 2 * shape.channels_in:
        raise InputError(
            f"{2 * shape.channels_in} channels out, noise and variance of {shape.channels_in}",
            str(shape.channels_out),
            "import a model that was trained with --learn_sigma True",
        )
    _compare(weights, shape)
    return shape


def _read_shape(weights: dict[str, Tensor], heads: int) -> UNetShape:
    first, last = weights["input_blocks.0.0.weight"], weights["out.2.weight"]
    width = first.shape[0]
    count = 1 + max(int(found[1]) for name in weights if (found := re.match(r"input_blocks\.(\d+)\.", name)))
    if count > MOST_BLOCKS:
        raise InputError(f"at most {MOST_BLOCKS} input blocks", f"{count:,}", "name a U-Net's checkpoint")
    multipliers: list[int] = []
    attention = set()
    blocks = level_blocks = 0
    for index in range(1, count):
        if f"input_blocks.{index}.0.op.weight" in weights:
            blocks, level_blocks = level_blocks, 0
            continue
        level_blocks += 1
        if level_blocks == 1:
            multipliers.append(weights[f"input_blocks.{index}.0.in_layers.2.weight"].shape[0] // width)
        if f"input_blocks.{index}.1.qkv.weight" in weights:
            attention.add(2 ** (len(multipliers) - 1))
    labels = weights.get("label_emb.weight")
    return UNetShape(
        channels_in=first.shape[1],
        channels_out=last.shape[0],
        width=width,
        multipliers=tuple(multipliers),
        blocks=blocks or level_blocks,
        attention=frozenset(attention),
        heads=heads,
        classes=None if labels is None else labels.shape[0],
    )


def _compare(weights: dict[str, Tensor], shape: UNetShape) -> None:
    with torch.device("meta"):
        expected = {name: tuple(value.shape) for name, value in UNet(shape).state_dict().items()}
    unknown = [name for name in weights if name not in expected]
    missing = [name for name in expected if name not in weights]
    if unknown or missing:
        what = f"the unknown {unknown[0]!r}" if unknown else f"no {missing[0]!r}"
        raise InputError(f"the {len(expected)} tensors of a U-Net", what, "import a checkpoint of the published kind")
    for name, size in expected.items():
        if tuple(weights[name].shape) != size:
            raise InputError(
                f"{name} of shape {size}", str(tuple(weights[name].shape)), "import a checkpoint of the published kind"
            )
