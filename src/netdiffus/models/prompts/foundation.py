"""A base: a folder with a Stable Diffusion model, its family, hash and size; never fetched from anywhere."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from netdiffus.errors import InputError
from netdiffus.manifest import read_manifest, shown

Family = Literal["none", "sd15", "sdxl", "sd3"]
FAMILIES: dict[str, Family] = {
    "StableDiffusionPipeline": "sd15", "StableDiffusionXLPipeline": "sdxl", "StableDiffusion3Pipeline": "sd3",
}  # fmt: skip
"""By `_class_name` of model_index.json."""
NAMES = "Stable Diffusion 1.5, XL or 3"
INDEX = "model_index.json"
WEIGHTS = ".safetensors"
CHUNK = 1 << 22


@dataclass(frozen=True)
class Foundation:
    """A base that was read.

    Attributes:
        folder: where it lies. family: which code drives it. absent: parts that it does without, such as T5.
    """

    folder: Path
    family: Family
    absent: tuple[str, ...]

    @classmethod
    def of(cls, folder: Path) -> Foundation:
        """The base in a folder.

        Raises:
            InputError: it is no folder, no model of diffusers, or of another family.
        """
        if not folder.is_dir():
            raise InputError(
                f"a folder with a {NAMES} model of diffusers for --base, or none",
                f"{folder}, which is no folder (models elsewhere are never fetched)",
                "download the model yourself, under its licence, and name its folder",
            )
        path = folder / INDEX
        if not path.is_file():
            raise InputError(
                f"a folder with a {NAMES} model of diffusers ({INDEX}) for --base", f"{folder}, which has none",
                "name the folder that holds it; single checkpoint files can be converted with diffusers",
            )  # fmt: skip
        index = read_manifest(path, "copy the base again")
        name = index.get("_class_name") if isinstance(index, dict) else None
        if not isinstance(name, str) or name not in FAMILIES:
            raise InputError(
                f"a {NAMES} model ({', '.join(FAMILIES)}) for --base", f"{shown(name)} in {path}", "name another base"
            )
        absent = tuple(part for part, kind in index.items() if kind == [None, None])
        return cls(folder, FAMILIES[name], absent)

    def files(self) -> list[Path]:
        """Its manifests, vocabularies and weights, by name; no variants of weights, and nothing beside its parts."""
        below = [path for path in self.folder.glob("*/*") if path.is_file()]
        parts = [path for path in below if path.suffix in (".json", ".txt") or path.suffixes == [WEIGHTS]]
        return [self.folder / INDEX, *sorted(parts)]

    @property
    def hash(self) -> str:
        """sha256 over the names and contents of its files."""
        whole = hashlib.sha256()
        for path in self.files():
            whole.update(path.relative_to(self.folder).as_posix().encode() + b"\0")
            with path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    whole.update(chunk)
        return whole.hexdigest()

    @property
    def weight_bytes(self) -> int:
        """Bytes of its weights as they are stored."""
        return sum(path.stat().st_size for path in self.files() if path.suffix == WEIGHTS)


def free_bytes() -> int | None:
    """Memory that is available, of the GPU if there is one; None: not known."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


def check_memory(needed: int, what: str) -> None:
    """Raise InputError if less memory is free than is needed."""
    free = free_bytes()
    if free is not None and needed > free:
        raise InputError(
            f"about {needed / 1e9:.1f} GB of free memory for {what}", f"{free / 1e9:.1f} GB",
            "choose --precision bf16, a smaller --resolution or --batch-images, another base, or a larger machine",
        )  # fmt: skip
