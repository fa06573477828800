"""The first line of an nPrint file: what its columns are called, in text and as places."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from netdiffus.errors import InputError
from netdiffus.wire.nprint.columns import HEADERS, MAX_PAYLOAD_BYTES, PAYLOAD, Layout

TIMESTAMPS: dict[str, list[str]] = {"none": [], "absolute": ["tv_sec", "tv_usec"], "relative": ["rts"]}
"""Columns between address and bits: seconds and microseconds since 1970, or microseconds since the row before."""

INDEXES = ("src_ip", "ip", "dst_ip", "src_prt", "dst_prt", "flow", "", "Unnamed: 0")
"""What the first column may be called: nprint's -O, older versions, and what pandas makes of an index."""

LABELS = ("label", "class")
"""Columns that scripts put beside the bits, in any case; they are not read."""

INDEX, RTS, TV_SEC, TV_USEC, UNREAD = -1, -2, -3, -4, -5
"""Places of columns that are no bits."""


def header_line(layout: Layout, timestamps: str) -> bytes:
    """The first line of a file with these columns; `timestamps` is a name of TIMESTAMPS."""
    return ",".join([INDEXES[0], *TIMESTAMPS[timestamps], *layout.columns]).encode() + b"\n"


def read_header(line: str, name: str) -> tuple[Layout, NDArray[np.int64]]:
    """The layout that a header line names, and for each column its place: a bit of the layout, or INDEX, RTS ...

    The first column may be an index, or a bit as the others (NetDiffusion's script writes none).

    Raises:
        InputError: it is no header line, or a column is unknown or there twice.
    """
    names = line.split(",")
    known = {column: header for header in HEADERS for column in Layout((header,)).columns}
    payload = {
        found: int(digits[1]) for found in names if (digits := re.fullmatch(r"payload_(?:bit_)?(\d{1,6})", found))
    }
    numbers = {"rts": RTS, "tv_sec": TV_SEC, "tv_usec": TV_USEC}
    labels = {found: UNREAD for found in names if found.strip().lower() in LABELS}
    others = names[1:] if names[0] in INDEXES else names
    wrong = [found for found in others if not any(found in kind for kind in (known, payload, numbers, labels))]
    if wrong or not (known.keys() | payload).intersection(names):
        unknown = wrong[0] if wrong else "no column of a header"
        raise InputError(
            f"a header line of nPrint columns (src_ip,ipv4_ver_0,...) in {name}",
            repr(unknown[:40]) if unknown != "no column of a header" else unknown,
            "name a file that nprint or 'netdiffus prepare --out FILE.nprint' wrote",
        )
    twice = [found for found, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"each column once in {name}", f"{twice[0]} several times", "correct the header line")
    payload_bytes = max(payload.values(), default=-1) // 8 + 1
    if payload_bytes > MAX_PAYLOAD_BYTES:
        raise InputError(f"up to {MAX_PAYLOAD_BYTES} bytes of payload in {name}", f"{payload_bytes}", "keep fewer")
    there = {known[found] for found in names if found in known}
    layout = Layout(tuple(header for header in HEADERS if header in there), payload_bytes)
    bit = {column: place for place, column in enumerate(layout.columns)}
    first = layout.fields[PAYLOAD].start if payload else 0
    bit |= numbers | labels | {found: first + number for found, number in payload.items()}
    index = [INDEX] if others is not names else []
    return layout, np.array([*index, *(bit[found] for found in others)], np.int64)
