"""Model folders: model.json, weights.safetensors (averaged), resume/, log.jsonl and README.md, the model card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netdiffus.errors import InputError
from netdiffus.store.atomic import atomic_file, atomic_folder, write_text
from netdiffus.store.cards import ModelCard
from netdiffus.store.dataset import sha256

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS, RESUME, LOG, README = "weights.safetensors", "resume/state.safetensors", "log.jsonl", "README.md"


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """A safetensors file, whole or not at all."""
    from safetensors.torch import save

    with atomic_file(path) as temporary:
        temporary.write_bytes(save(tensors))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        InputError: the file is missing or is no safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(path.read_bytes())  # load_file takes no names that are not UTF-8
    except FileNotFoundError:
        raise InputError(f"{path.name} in the model", f"no {path}", f"train again: '{ModelCard.MADE_BY}'") from None
    except SafetensorError as error:
        raise InputError(f"a safetensors file at {path}", str(error), "train again, or copy the model again") from None


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
