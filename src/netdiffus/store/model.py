"""Model folders: model.json, weights.safetensors (averaged), resume/, log.jsonl and README.md, the model card."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netdiffus import limits
from netdiffus.errors import InputError
from netdiffus.store.atomic import atomic_file, atomic_folder, write_text
from netdiffus.store.cards import ModelCard
from netdiffus.store.dataset import sha256

if TYPE_CHECKING:
    from torch import Tensor, dtype

Header = dict[str, tuple[tuple[int, ...], "dtype"]]
"""Shape and type of each tensor of a file."""
HEADER_BYTES = 1 << 24
"""Of a safetensors file at most."""

WEIGHTS, RESUME, LOG, README = "weights.safetensors", "resume/state.safetensors", "log.jsonl", "README.md"


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """A safetensors file, whole or not at all."""
    from safetensors.torch import save

    with atomic_file(path) as temporary:
        temporary.write_bytes(save(tensors))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        InputError: the file is missing, is no safetensors file, or is too large.
    """
    from safetensors.torch import load_file

    with _readable(path):
        return load_file(path)


def read_header(path: Path) -> Header:
    """Shapes and types of the tensors of a safetensors file, without reading them.

    Raises:
        InputError: as of `read_tensors`.
    """
    from safetensors import safe_open

    types = _types()
    with _readable(path), safe_open(path, "pt") as file:
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
        return {name: (tuple(part.get_shape()), types[part.get_dtype()]) for name, part in parts.items()}


def _types() -> dict[str, dtype]:
    """The types of tensors that a model has, by their names in a safetensors file; another one is a KeyError."""
    import torch

    return {
        "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
        "I32": torch.int32, "U8": torch.uint8, "BOOL": torch.bool,
    }  # fmt: skip


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Errors of a safetensors file as InputError; its sizes are checked first."""
    from safetensors import SafetensorError

    action = "train again, or copy the model again"
    try:
        with path.open("rb") as file:
            head = int.from_bytes(file.read(8), "little")
            size = file.seek(0, os.SEEK_END)
        if head > HEADER_BYTES or size > limits.WEIGHTS_BYTES:
            most = f"at most {limits.WEIGHTS_BYTES:,} bytes, {HEADER_BYTES:,} of them for names"
            raise InputError(f"a safetensors file of {most}, at {path}", f"{size:,} and {head:,}", action)
        yield
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(f"{path.name} in the model", f"no {path}", f"train again: '{ModelCard.MADE_BY}'") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"a safetensors file at {path}", str(error)[:200], action) from None


def write_model(
    folder: Path, card: ModelCard, weights: dict[str, Tensor], state: dict[str, Tensor], readme: str
) -> None:
    """Save a training: its state first, so that a model that was killed while saving can still go on.

    If the first save of a folder fails, nothing of the folder is left.
    """
    is_new = not folder.exists()
    try:
        write_tensors(folder / RESUME, state)
        write_tensors(folder / WEIGHTS, weights)
        card.write(folder)
        write_text(folder / README, readme)
    except OSError:
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def write_imported(folder: Path, card: ModelCard, weights: dict[str, Tensor], readme: str) -> None:
    """Save a model that was trained elsewhere, whole or not at all: it has no state to go on from and no log."""
    with atomic_folder(folder, ModelCard.FILE) as temporary:
        write_tensors(temporary / WEIGHTS, weights)
        card.write(temporary)
        write_text(temporary / README, readme)


def read_state(folder: Path) -> dict[str, Tensor]:
    """The state that a training goes on from."""
    return read_tensors(folder / RESUME)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The averaged weights."""
    return read_tensors(folder / WEIGHTS)


def weights_header(folder: Path) -> Header:
    """Shapes and types of the averaged weights."""
    return read_header(folder / WEIGHTS)


def model_hash(folder: Path) -> str:
    """The sha256 of the averaged weights: names the model in what it generates."""
    return sha256(folder / WEIGHTS)


def clear_log(folder: Path) -> None:
    """Begin the log anew."""
    (folder / LOG).unlink(missing_ok=True)


def append_log(folder: Path, records: Iterable[dict[str, Any]]) -> None:
    """Add lines to log.jsonl."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def cut_log(folder: Path, step: int) -> None:
    """Drop the log's lines after `step`: what came after the state that a training goes on from."""
    path = folder / LOG
    if path.is_file():
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if _step(line) <= step]
        write_text(path, "".join(line + "\n" for line in lines))


def _step(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (json.JSONDecodeError, KeyError):  # the last line of a killed process may be cut
        return float("inf")


def has_resume(folder: Path) -> bool:
    """Whether a training can go on from this folder."""
    return (folder / RESUME).is_file()
