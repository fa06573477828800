"""Taps: the captures of a folder as the files of one rotation, whose flows go on from one file to the next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.steps.sources.find import STANDARD_INPUT, SourceFile
from netdiffus.store.copies import head_of
from netdiffus.wire.files.rotation import first_time_ns


def taps(files: Sequence[SourceFile]) -> list[SourceFile]:
    """Captures joined to one source for each folder, in the order of their first packets' times.

    Captures without packets, and files found in folders that are no captures, stay sources of their own.

    Raises:
        InputError: standard input is among them, or a file that the user named is no capture.
    """
    folders: dict[Path, list[tuple[int, int]]] = {}
    alone: list[int] = []
    for number, file in enumerate(files):
        if file.path == STANDARD_INPUT:
            raise InputError("files of a tap for --rotated", "standard input", "save it as files")
        time_ns = _begins(file)
        if time_ns is None:
            alone.append(number)
        else:
            folders.setdefault(file.path.resolve().parent, []).append((time_ns, number))
    joined = [[number for _, number in sorted(times)] for times in folders.values()]
    by_first = sorted([*joined, *([number] for number in alone)], key=min)
    return [
        files[numbers[0]]._replace(more=tuple(files[number].path for number in numbers[1:])) for numbers in by_first
    ]


def _begins(file: SourceFile) -> int | None:
    """The time of the first packet, ns."""
    try:
        with head_of(file.path) as head:
            return first_time_ns(head)
    except InputError:
        if file.named:
            raise
        return None
