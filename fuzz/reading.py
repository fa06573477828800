"""One capture read from memory in one form of netdiffus, and what must hold for every capture."""

from __future__ import annotations

import hashlib
import io
import sys
from types import SimpleNamespace
from typing import Any, NamedTuple

from fuzz.forms import Form

MAX_CAPTURED, MAX_TIME_NS = 262_144, 1 << 62


class Read(NamedTuple):
    """What came of a capture: its packets as (time, data, length, link) and its faults, or why it was refused."""

    packets: list[tuple[int, bytes, int, int]]
    faults: dict[str, int]
    refused: str


def read(form: Form, data: bytes, block_bytes: int) -> Read:
    """The packets of a capture; what must hold for any capture is checked on the way."""
    before, sys.stdin = sys.stdin, SimpleNamespace(buffer=io.BytesIO(data))  # type: ignore[assignment]
    try:
        try:
            capture = form["wire.files.reader"].read_capture("-", block_bytes=block_bytes)
        except form["errors"].InputError as error:
            return Read([], {}, str(error))
        packets: list[tuple[int, bytes, int, int]] = []
        for block in capture:
            packets += of_block(block)
        assert capture.n_bytes == len(data), (capture.n_bytes, len(data))
        assert capture.sha256 == hashlib.sha256(data).hexdigest()
    finally:
        sys.stdin = before
    faults = dict(capture.faults)
    assert all(count > 0 for count in faults.values()), faults
    return Read(packets, faults, "")


def of_block(block: Any) -> list[tuple[int, bytes, int, int]]:
    """The packets of a block; a block that breaks its own promises raises."""
    size = len(block.data)
    columns = [block.offset, block.captured, block.length, block.time_ns, block.link]
    assert len(block) > 0
    assert all(column.shape == (len(block),) for column in columns)
    packets = []
    for offset, captured, length, time_ns, link in zip(*(column.tolist() for column in columns), strict=True):
        assert 0 <= captured <= MAX_CAPTURED, captured
        assert 0 <= offset <= size - captured, (offset, captured, size)
        assert 0 <= length < 2**31, length
        assert 0 <= time_ns <= MAX_TIME_NS, time_ns
        assert link >= 0, link
        packets.append((time_ns, block.data[offset : offset + captured].tobytes(), length, link))
    return packets
