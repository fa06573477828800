"""How many rows and values a Parquet file declares, read from its footer (Apache Parquet format 2.10, file metadata).

The footer is a Thrift structure in the compact protocol (Apache Thrift, thrift-compact-protocol.md). Only the numbers
that bound memory are of interest: rows, and for each column of each row group its values and uncompressed bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

MAGIC = b"PAR1"
MAX_DEPTH = 32
BOOLEAN_TRUE, BOOLEAN_FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
NUM_ROWS, ROW_GROUPS = 3, 4  # of FileMetaData
GROUP_COLUMNS = 1  # of RowGroup
META_DATA = 3  # of ColumnChunk
NUM_VALUES, UNCOMPRESSED_BYTES = 5, 6  # of ColumnMetaData


class ParquetSize(NamedTuple):
    """What a footer declares; values and bytes are sums over all columns."""

    rows: int
    values: int
    uncompressed_bytes: int


def parquet_size(path: Path) -> ParquetSize:
    """The size that a Parquet file declares.

    Raises:
        ValueError: it has no footer that can be read.
    """
    with path.open("rb") as file:
        end = file.seek(0, 2)
        if end < 12:
            raise ValueError("file is too short for Parquet")
        file.seek(end - 8)
        tail = file.read(8)
        size = int.from_bytes(tail[:4], "little")
        if tail[4:] != MAGIC or size > end - 8:
            raise ValueError("file does not end as Parquet does")
        file.seek(end - 8 - size)
        return size_of_footer(file.read(size))


def size_of_footer(footer: bytes) -> ParquetSize:
    """The size in the bytes of a footer.

    Raises:
        ValueError: they are no such structure.
    """
    try:
        found = _Compact(footer).struct(0)
        groups = found.get(ROW_GROUPS, [])
        columns = [column[META_DATA] for group in groups for column in group[GROUP_COLUMNS]]
        values = sum(max(column[NUM_VALUES], 0) for column in columns)
        return ParquetSize(
            max(found[NUM_ROWS], 0), values, sum(max(column[UNCOMPRESSED_BYTES], 0) for column in columns)
        )
    except (IndexError, KeyError, TypeError, AttributeError):
        raise ValueError("Parquet footer is damaged") from None


class _Compact:
    """Values of Thrift's compact protocol: structures as dicts by field number, lists as lists."""

    def __init__(self, data: bytes) -> None:
        self._data, self._pos = data, 0

    def struct(self, depth: int) -> dict[int, Any]:
        if depth > MAX_DEPTH:
            raise ValueError("Parquet footer is nested too deep")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            kind = head & 15
            is_boolean = kind in (BOOLEAN_TRUE, BOOLEAN_FALSE)
            fields[number] = kind == BOOLEAN_TRUE if is_boolean else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        match kind:
            case 1 | 2 | 3:  # booleans inside a list have a byte each
                return self._byte()
            case 4 | 5 | 6:
                return self._zigzag()
            case 7:
                return self._skip(8)
            case 8:
                return self._skip(self._varint())
            case 9 | 10:
                return self._list(depth + 1)
            case 11:
                return self._map(depth + 1)
            case 12:
                return self.struct(depth + 1)
        raise ValueError("Parquet footer is damaged")

    def _list(self, depth: int) -> list[Any]:
        if depth > MAX_DEPTH:
            raise ValueError("Parquet footer is nested too deep")
        head = self._byte()
        size = head >> 4
        size = self._varint() if size == 15 else size
        if size > len(self._data):  # each element has a byte at least
            raise ValueError("Parquet footer is damaged")
        return [self._value(head & 15, depth) for _ in range(size)]

    def _map(self, depth: int) -> None:
        size = self._varint()
        kinds = self._byte() if size else 0
        if size > len(self._data):
            raise ValueError("Parquet footer is damaged")
        for _ in range(size):
            self._value(kinds >> 4, depth)
            self._value(kinds & 15, depth)

    def _byte(self) -> int:
        value = self._data[self._pos]
        self._pos += 1
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("Parquet footer is damaged")

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)

    def _skip(self, count: int) -> None:
        if count > len(self._data) - self._pos:
            raise ValueError("Parquet footer is damaged")
        self._pos += count
