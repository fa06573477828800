"""Model folders: model.json, weights.safetensors (averaged), resume/, log.jsonl and README.md, the model card."""

from __future__ import annotations

import itertools
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netdiffus import limits
from netdiffus.errors import InputError
from netdiffus.manifest import parse_manifest
from netdiffus.store.account import sha256
from netdiffus.store.cards import ModelCard
from netdiffus.store.objects import is_object, listed
from netdiffus.store.ownership import FolderKind, fixed
from netdiffus.store.place import resolved
from netdiffus.store.publish import publish_folder
from netdiffus.store.saves import whole
from netdiffus.store.stage import sweep

if TYPE_CHECKING:
    from torch import Tensor, dtype

Header = dict[str, tuple[tuple[int, ...], "dtype"]]
"""Shape and type of each tensor of a file."""
HEADER_BYTES = 1 << 24
"""Maximum of a safetensors file."""

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
        InputError: the file is missing, is not a safetensors file, or is too large.
    """
    from safetensors.torch import load

    with _readable(path):
        return load(path.read_bytes())  # load_file rejects names that are not UTF-8


def read_header(path: Path) -> Header:
    """Shapes and types of the tensors of a safetensors file, without reading them.

    Raises:
        InputError: as in `read_tensors`.
    """
    with _readable(path), path.open("rb") as file:  # safetensors' own reader rejects names that are not UTF-8
        raw = file.read(int.from_bytes(file.read(8), "little"))
        begins, ends = file.tell(), file.seek(0, os.SEEK_END)
        head = parse_manifest(raw, f"the head of a safetensors file at {path}", "copy the model again")
        return {name: _part(part, ends - begins) for name, part in head.items() if name != "__metadata__"}


def _part(part: Any, data_bytes: int) -> tuple[tuple[int, ...], dtype]:
    """Shape and type of a tensor; ValueError if it exceeds the data."""
    shape, kind = tuple(map(int, part["shape"])), _types()[part["dtype"]]
    begin, end = map(int, part["data_offsets"])
    if not 0 <= begin <= end <= data_bytes or math.prod(shape) * kind.itemsize != end - begin:
        raise ValueError(f"{str(shape)[:60]} at {begin} to {end} of {data_bytes} bytes")
    return shape, kind


def _types() -> dict[str, dtype]:
    """The tensor types of models, by their names in a safetensors file; KeyError for others."""
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
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"a safetensors file at {path}", str(error)[:200], action) from None


def write_model(
    folder: Path,
    card: ModelCard,
    weights: dict[str, Tensor],
    readme: str,
    state: dict[str, Tensor] | None = None,
    log: Iterable[dict[str, float]] = (),
    kept: int = 0,
) -> None:
    """Write a model folder, completely or not at all: a killed training resumes from the last one written.

    Args:
        weights: averaged weights, for sampling.
        state: state to resume from; None: the model was trained elsewhere.
        log: records of the steps since the folder was last written.
        kept: the last step whose records stay in the log of `folder`; later ones belong to a killed run.
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
    """Copy the files of a model, and nothing else beside them, completely or not at all."""
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


def mark_of(folder: Path) -> str:
    """What tells a model that can be resumed from the same one written later; "" where there is none."""
    if is_object(folder):
        below = listed(folder)
        there = whole(folder, below)
        state = there.get(RESUME) if ModelCard.FILE in there else None
        return "" if state is None else f"{state} {below[state]}"
    return sha256(folder / ModelCard.FILE) if has_resume(folder) and (folder / ModelCard.FILE).is_file() else ""


def changed_since(folder: Path, mark: str) -> bool:
    """Whether a model that can be resumed was written there since `mark_of` said so."""
    return mark_of(folder) not in ("", mark)


def finish_writing(folder: Path) -> None:
    """Finish or remove what a killed process left of writing there."""
    if is_object(folder):
        return
    target = resolved(folder)
    sweep(target.parent)
    sweep(target)


def read_state(folder: Path) -> dict[str, Tensor]:
    """The state to resume a training from."""
    return read_tensors(folder / RESUME)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The averaged weights."""
    return read_tensors(folder / WEIGHTS)


def weights_header(folder: Path) -> Header:
    """Shapes and types of the averaged weights."""
    return read_header(folder / WEIGHTS)


def model_hash(folder: Path) -> str:
    """The sha256 of the averaged weights; identifies the model in generated files."""
    return sha256(folder / WEIGHTS)


def _step(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (json.JSONDecodeError, KeyError):  # the last line of a killed process may be truncated
        return float("inf")


def has_resume(folder: Path) -> bool:
    """Whether a training can be resumed from this folder."""
    return (folder / RESUME).is_file()
