"""Labels as names of folders and files, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

from netdiffus.text import as_text

LONGEST = 120
"""Maximum bytes of a name; file systems allow 255 (eCryptfs 143), and names of captures contain more than the label."""
HASH_LETTERS = 16
PLAIN = " !#$&'()+,;=@[]{}^~"
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in range(1, 10))}
"""Names reserved by Windows for devices, whatever their suffix."""


def label_folder(label: str) -> str:
    """The name of a label's folder: the label, with forbidden characters as %XX, or shortened with a hash.

    Names of different labels differ. A shortened one ends in "~" and 16 hexadecimal digits of the label's SHA-256, and
    cannot be inverted by itself; see `labels_by_folder`.
    """
    name = quote(label, safe=PLAIN)
    if name.startswith("."):
        name = name.replace(".", "%2E", 1)
    if name.endswith((".", " ")):  # Windows drops them
        name = name[:-1] + f"%{ord(name[-1]):02X}"
    if name.partition(".")[0].lower() in RESERVED:
        name = f"%{ord(name[0]):02X}" + name[1:]
    return name if len(name) <= LONGEST else _shortened(name, label)


def label_folders(labels: Iterable[str]) -> dict[str, str]:
    """label → the name of its folder. Names differ in more than case, which some file systems ignore."""
    folders: dict[str, str] = {}
    taken: set[str] = set()
    for label in labels:
        name = label_folder(label)
        if name.lower() in taken:
            name = _shortened(name, label)
        taken.add(name.lower())
        folders[label] = name
    return folders


def labels_by_folder(labels: Iterable[str]) -> dict[str, str]:
    """The inverse of `label_folders`: folder name → label, for the same labels in the same order."""
    return {name: label for label, name in label_folders(labels).items()}


def label_of_folder(name: str, known: Mapping[str, str]) -> str:
    """The label of a folder: the known one, else the decoded name."""
    label = known.get(name)
    return unquote(as_text(name)) if label is None else label


def _shortened(name: str, label: str) -> str:
    kept = name[: LONGEST - HASH_LETTERS - 1]
    if "%" in kept[-2:]:  # no partial %XX
        kept = kept[: kept.rindex("%")]
    return f"{kept}~{hashlib.sha256(label.encode()).hexdigest()[:HASH_LETTERS]}"
