"""nPrint's own files: a header line, then one line a packet: the sender's address, timestamps if asked for, the bits.

Written, a file is letter by letter what nprint writes for packets that it can read and that were captured whole
(docs/nprint.md has the differences). Read, columns may be missing or in another order (NetDiffusion's files lack the
addresses, or the first column altogether); what is missing is absent in every row.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.errors import InputError
from netdiffus.wire.files.compression import ByteSource
from netdiffus.wire.headers.addresses import address_number, address_text
from netdiffus.wire.headers.packets import MAX_TIME_NS
from netdiffus.wire.nprint.bits import BitRows
from netdiffus.wire.nprint.columns import Layout
from netdiffus.wire.nprint.header import RTS, TIMESTAMPS, TV_SEC, TV_USEC, UNREAD, header_line, read_header
from netdiffus.wire.nprint.lines import (
    ABSENT_TEXT,
    BAD_VALUE,
    BITS_TEXT,
    FULL,
    MORE,
    NEWLINE,
    TOO_LONG,
    TOO_SHORT,
    parse_lines,
    write_lines,
)

CHUNK_BYTES = 1 << 22
MAX_HEADER_BYTES = 1 << 24
NO_LABELS = "nPrint file has a column of labels, which is not read; labels come from the folder or --labels"


class TextWriter:
    """Rows to the text of an nPrint file: `header` first, then `lines` of all rows in order."""

    def __init__(self, layout: Layout, timestamps: str = "none") -> None:
        if timestamps not in TIMESTAMPS:
            raise InputError(f"timestamps among {', '.join(TIMESTAMPS)}", timestamps, "choose one of those")
        self._layout, self._timestamps = layout, timestamps
        self._last_us: int | None = None
        self._names: dict[tuple[int, int], bytes] = {}

    @property
    def header(self) -> bytes:
        """The first line."""
        return header_line(self._layout, self._timestamps)

    def lines(self, rows: BitRows) -> memoryview:
        """The lines of some rows.

        Raises:
            InputError: timestamps are asked for and the rows have none.
        """
        numbers = self._numbers(rows)
        texts = [self._address(high, low) for high, low in rows.source.tolist()]
        ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
        index = np.frombuffer(b"".join(texts), np.uint8)
        out = np.empty(index.size + len(rows) * (21 * numbers.shape[1] + 24 * self._layout.row_bytes), np.uint8)
        bits, present = np.ascontiguousarray(rows.bits), np.ascontiguousarray(rows.present)
        n = write_lines(bits, present, index, ends, numbers, BITS_TEXT, ABSENT_TEXT, out)
        return out[:n].data

    def _numbers(self, rows: BitRows) -> NDArray[np.int64]:
        if self._timestamps == "none":
            return np.empty((len(rows), 0), np.int64)
        if rows.time_ns is None:
            raise InputError("rows with timestamps", "a file that has none", "choose 'none' for the timestamps")
        time_us = rows.time_ns // 1000
        if self._timestamps == "absolute":
            return np.stack(np.divmod(time_us, 1_000_000), axis=1)
        before = np.empty_like(time_us)
        if len(time_us):
            before[0] = time_us[0] if self._last_us is None else self._last_us
            before[1:] = time_us[:-1]
            self._last_us = int(time_us[-1])
        return (time_us - before)[:, None]

    def _address(self, high: int, low: int) -> bytes:
        """The first column with its comma; without an address nprint's NULL."""
        found = self._names.get((high, low))
        if found is None:
            if len(self._names) > 100_000:
                self._names.clear()
            text = address_text(high, low) if high or low else "NULL"
            found = self._names[high, low] = text.encode() + b","
        return found


class TextReader:
    """An nPrint file, plain or compressed, as blocks of rows; iterate over it once.

    Attributes:
        source: the open file; name, hash, size and its faults.
        layout: the columns, known before the iteration.

    Raises:
        InputError: it has no header line of nPrint columns; while iterating, a row that does not fit it.
    """

    def __init__(self, path: str | Path) -> None:
        self.source = ByteSource(path)
        self._buffer = bytearray()
        while (cut := self._buffer.find(b"\n")) < 0 and len(self._buffer) < MAX_HEADER_BYTES and self._more():
            pass
        line = bytes(self._buffer[: cut if cut >= 0 else MAX_HEADER_BYTES]).rstrip(b"\r")
        del self._buffer[: len(line) if cut < 0 else cut + 1]
        try:
            self.layout, self._place = read_header(line.decode("utf-8", "replace"), self.source.name)
        except InputError:
            self.source.close()
            raise
        if UNREAD in self._place:
            self.source.faults[NO_LABELS] = 1
        self._named = line.split(b",")[0] in (b"src_ip", b"ip")
        self._clock_ns = 0

    def __iter__(self) -> Iterator[BitRows]:
        try:
            yield from self._blocks()
            self.source.finish()
        finally:
            self.source.close()

    def _blocks(self) -> Iterator[BitRows]:
        row_text = 2 * len(self._place)  # the shortest row there can be
        data = np.empty(max(CHUNK_BYTES, 4 * row_text) + 4, np.uint8)
        room = (len(data) - 4) // row_text + 1
        row, end, ended = 1, len(self._buffer), False
        if end > len(data) - 4:
            data = np.empty(end + 4, np.uint8)
        data[:end] = np.frombuffer(self._buffer, np.uint8)
        self._buffer = bytearray()
        while not (ended and end == 0):
            if not ended:
                filled = self.source.fill(data.data[end:-4])
                ended = end + filled < len(data) - 4
                end += filled
            if ended and end and data[end - 1] != NEWLINE:
                data[end] = NEWLINE
                end += 1
            data[end : end + 3] = 0
            rows, taken, why, column = self._rows(data, end, room, ended)
            if why not in (MORE, FULL):
                self._fail(row + len(rows), why, column, data[taken:end])
            row += len(rows)
            if len(rows):
                yield rows
            elif ended or taken == 0:
                # at the end every line is whole: what is left is blank, or a row that the parser cannot end
                if data[taken:end].tobytes().strip():
                    self._fail(row, TOO_SHORT if ended else TOO_LONG, column, data[taken:end])
                break
            fresh = np.empty(len(data), np.uint8)
            fresh[: end - taken] = data[taken:end]
            data, end = fresh, end - taken

    def _rows(self, data: Bytes, end: int, room: int, ended: bool) -> tuple[BitRows, int, int, int]:
        bits, present = (np.zeros((room, self.layout.row_bytes), np.uint8) for _ in range(2))
        numbers, index = np.zeros((room, 3), np.int64), np.zeros((room, 2), np.int64)
        n, taken, why, column = parse_lines(data, 0, end, self._place, bits, present, numbers, index)
        if ended and why == TOO_SHORT and column == 0 and not data[taken:end].tobytes().strip():
            why = MORE  # blank lines at the end
        source = self._sources(data, index[:n])
        return BitRows(self.layout, bits[:n], present[:n], source, self._times(numbers[:n])), taken, why, column

    def _sources(self, data: Bytes, index: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Senders' addresses from the first column; 0 where it is something else."""
        if not self._named or not len(index):
            return np.zeros((len(index), 2), np.uint64)
        words = [data[begin:end].tobytes() for begin, end in index.tolist()]
        known = {word: address_number(word.decode(errors="replace")) or (0, 0) for word in set(words)}
        return np.array([known[word] for word in words], np.uint64)

    def _times(self, numbers: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Nanoseconds since 1970; relative times begin there."""
        if TV_SEC in self._place:
            seconds, micros = numbers[:, -2 - TV_SEC], numbers[:, -2 - TV_USEC]
            top = MAX_TIME_NS // 1_000_000_000
            exact: NDArray[np.int64] = seconds.clip(0, top) * 1_000_000_000 + micros.clip(0, 999_999) * 1000
            return exact.clip(0, MAX_TIME_NS)
        if RTS not in self._place:
            return None
        limit = MAX_TIME_NS // 1000 // max(len(numbers), 1)
        times: NDArray[np.int64] = self._clock_ns + np.cumsum(np.clip(numbers[:, -2 - RTS], -limit, limit) * 1000)
        times = times.clip(0, MAX_TIME_NS)
        self._clock_ns = int(times[-1]) if len(times) else self._clock_ns
        return times

    def _more(self) -> bool:
        chunk = bytearray(CHUNK_BYTES)
        n = self.source.fill(memoryview(chunk))
        self._buffer += chunk[:n]
        return n > 0

    def _fail(self, row: int, why: int, column: int, rest: Bytes) -> None:
        line = rest[: 4 * len(self._place) + 1000].tobytes().split(b"\n")[0].decode("utf-8", "replace").rstrip("\r")
        values = line.split(",")
        if why == BAD_VALUE and column < len(values):
            got, wanted = repr(values[column][:40]), "-1, 0 or 1 in every column of a header"
            if self._place[column] < 0:
                wanted = "whole numbers as timestamps"
            raise InputError(f"{wanted} of {self.source.name}", f"{got} in row {row}", "correct that value")
        got = f"{len(values)} in row {row}" if len(values) != len(self._place) else f"no end of row {row}"
        raise InputError(
            f"{len(self._place)} values in every row of {self.source.name}", got, "make the file again; it may be cut"
        )
