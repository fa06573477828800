"""The recordings: labelled captures of real traffic, recorded by this project and shipped with it (CC0)."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

__all__ = ["captures", "folder", "labels"]


def folder() -> Path:
    """The folder of the recordings: one folder per label, containing xz-compressed pcap files."""
    return Path(str(files(__name__) / "data"))


def captures() -> dict[str, list[Path]]:
    """Capture files by label; labels and files are in alphabetical order."""
    return {label: sorted((folder() / label).glob("*.pcap.xz")) for label in labels()}


def labels() -> list[str]:
    """Names of the recorded labels, in alphabetical order."""
    return sorted(path.name for path in folder().iterdir() if path.is_dir())
