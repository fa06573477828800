"""SOURCES: what `prepare` can read, and which of it a file is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from netdiffus.steps.sources.captures import add_capture
from netdiffus.steps.sources.find import SourceFile
from netdiffus.steps.sources.gasf_images import add_gasf
from netdiffus.steps.sources.intake import Intake, Reading
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.steps.sources.tables import add_table
from netdiffus.store.cards import Source
from netdiffus.store.copies import fetched
from netdiffus.store.objects import shown
from netdiffus.traffic.tables.files import is_table_name

SOURCES: dict[str, Callable[[Intake, SourceFile, Reading], Source]] = {
    "capture": add_capture, "table": add_table, "gasf": add_gasf,
}  # fmt: skip
"""How a source is read into a dataset; returns what the card says of it."""


def read_source(intake: Intake, file: SourceFile, reading: Reading) -> Source:
    """Read a source into a dataset; one in an object store from a copy, which is removed.

    Raises:
        InputError: as the entry of SOURCES does, or there is no such object.
    """
    with ExitStack() as stack:
        path, *more = (stack.enter_context(fetched(each)) for each in (file.path, *file.more))
        copied = file if path == file.path else SourceFile(path, file.named, tuple(more), shown(file.path))
        return SOURCES[kind_of(file.path, reading.config)](intake, copied, reading)


def kind_of(path: Path, config: PrepareConfig) -> str:
    """The key in SOURCES of a file, or with --gasf of a folder of images."""
    if config.gasf is not None:
        return "gasf"
    return "table" if is_table_name(path) else "capture"
