"""The recordings: labelled captures of real traffic, recorded by this project and shipped with it (CC0)."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

__all__ = ["captures", "folder", "labels", "session_table", "sessions", "whole"]

Part = Literal["data", "whole", "sessions"]


def folder(part: Part = "data") -> Path:
    """The folder of a part of the recordings: one folder per label, containing xz-compressed pcap files.

    `data` has many flows of many labels, cut after 400 packets; `whole` has long flows, uncut; `sessions` has all that
    many clients did, one after the other and at the same time.
    """
    return Path(str(files(__name__) / part))


def labels(part: Part = "data") -> list[str]:
    """Names of the labels of a part, in alphabetical order."""
    return sorted(path.name for path in folder(part).iterdir() if path.is_dir())


def captures(part: Part = "data") -> dict[str, list[Path]]:
    """Capture files of a part by label; labels and files are in alphabetical order."""
    return {label: sorted((folder(part) / label).glob("*.pcap.xz")) for label in labels(part)}


def whole() -> dict[str, list[Path]]:
    """Captures of whole long flows by label."""
    return captures("whole")


def sessions() -> dict[str, list[Path]]:
    """Captures of sessions by label: each holds flows of many clients; `session_table` assigns them to sessions."""
    return captures("sessions")


def session_table() -> Path:
    """The table of sessions, a CSV file with a row per session.

    Columns: label; session, a name; client, its address; start_ns and end_ns, the times of its first and last packet,
    in nanoseconds since 1970; flows and packets. A flow belongs to the session of its client within whose times it
    begins. The table is also a table of labels as `prepare --labels` takes it.
    """
    return Path(str(files(__name__) / "sessions.csv"))
