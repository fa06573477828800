"""Which rule labels the sources of `prepare`, and what a user should know of the labels that it gives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.traffic.labels.rules import Labels, MapLabels, OneLabel, TimeFormat, blank_names, label_rule
from netdiffus.traffic.tables.files import is_table_name


def label_choice(config: PrepareConfig) -> Labels:
    """The rule that the options ask for.

    Raises:
        InputError: the table of labels cannot be read, or options for its times without one.
    """
    for name, value in (("--time-format", config.time_format), ("--utc-offset", config.utc_offset)):
        if value is not None and (config.unlabelled or config.labels in (None, "folder", "file")):
            raise InputError(f"{name} together with --labels TABLE", f"{name} alone", "name a table, or leave it out")
    if config.unlabelled:
        return OneLabel()
    return label_rule(config.labels or "folder", TimeFormat.of(config.time_format, config.utc_offset))


def check_label_of_standard_input(labels: str) -> None:
    """Raise InputError where labels come from a folder or a name: standard input has neither."""
    if labels in ("folder", "file"):
        raise InputError(
            "a label for standard input",
            f"--labels {labels}, but it has neither folder nor name",
            "pass --unlabelled, or a table with a line for the file '-' to --labels",
        )


def label_notes(rule: Labels, config: PrepareConfig, sources: Iterable[Path]) -> list[str]:
    """How the table of labels was read, and labels of folders and files with blanks at their ends."""
    if isinstance(rule, MapLabels):
        return rule.notes
    return blank_names(rule, (path for path in sources if config.labels is not None or not is_table_name(path)))


def single_traces(labels: dict[str, dict[str, int]]) -> list[str]:
    """Warnings of labels of which a model would see one trace alone."""
    return [
        f"label {label!r} has a single training trace; a model can only repeat it: add traces, or leave the label out"
        for label, counts in labels.items()
        if counts["train"] == 1
    ]
