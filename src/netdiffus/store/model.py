"""Model folders: model.json, weights.safetensors (averaged), resume/, log.jsonl and README.md, the model card."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netdiffus.errors import InputError
from netdiffus.store.account import sha256
from netdiffus.store.cards import ModelCard
from netdiffus.store.ownership import FolderKind, fixed
from netdiffus.store.publish import publish_folder

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS, RESUME, LOG, README = "weights.safetensors", "resume/state.safetensors", "log.jsonl", "README.md"
FILES = (ModelCard.FILE, WEIGHTS, RESUME, LOG, README)
MODEL = FolderKind(ModelCard.KIND, ModelCard.FILE, fixed(FILES, ModelCard.read))


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """A safetensors file."""
    from safetensors.torch import save

    path.write_bytes(save(tensors))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        InputError: the file is missing or is no safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except FileNotFoundError:
        raise InputError(f"{path.name} in the model", f"no {path}", f"train again: '{ModelCard.MADE_BY}'") from None
    except SafetensorError as error:
        raise InputError(f"a safetensors file at {path}", str(error), "train again, or copy the model again") from None


def write_model(
    folder: Path,
    card: ModelCard,
    weights: dict[str, Tensor],
    readme: str,
    state: dict[str, Tensor] | None = None,
    log: Iterable[dict[str, Any]] = (),
    kept: int = 0,
) -> None:
    """Write a model folder, whole or not at all: a training that was killed goes on from the last one written.

    Args:
        weights: averaged, to draw with.
        state: what the training goes on from; None: it was trained elsewhere.
        log: records of the steps since the folder was last written.
        kept: the last step of whose records the log in `folder` keeps; what comes after it is of a run that was killed.
    """
    with publish_folder(folder, MODEL) as new:
        write_tensors(new / WEIGHTS, weights)
        if state is not None:
            (new / RESUME).parent.mkdir()
            write_tensors(new / RESUME, state)
            with (new / LOG).open("w", encoding="utf-8") as file:
                file.writelines(_log_until(folder / LOG, kept))
                file.writelines(json.dumps(record) + "\n" for record in log)
        (new / README).write_text(readme, encoding="utf-8")
        card.write(new)


def copy_model(source: Path, folder: Path) -> None:
    """Copy the files of a model, and nothing else that lies with them, whole or not at all."""
    ModelCard.read(source)
    with publish_folder(folder, MODEL, inputs=[source]) as new:
        for name in FILES:
            if (source / name).is_file():
                (new / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(source / name, new / name)


def _log_until(path: Path, step: int) -> Iterator[str]:
    """The lines of a log up to a step."""
    if step and path.is_file():
        with path.open(encoding="utf-8") as lines:
            yield from itertools.takewhile(lambda line: _step(line) <= step, lines)


def read_state(folder: Path) -> dict[str, Tensor]:
    """The state that a training goes on from."""
    return read_tensors(folder / RESUME)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The averaged weights."""
    return read_tensors(folder / WEIGHTS)


def model_hash(folder: Path) -> str:
    """The sha256 of the averaged weights: names the model in what it generates."""
    return sha256(folder / WEIGHTS)


def _step(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (json.JSONDecodeError, KeyError):  # the last line of a killed process may be cut
        return float("inf")


def has_resume(folder: Path) -> bool:
    """Whether a training can go on from this folder."""
    return (folder / RESUME).is_file()
