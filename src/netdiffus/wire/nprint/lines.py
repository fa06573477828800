"""The lines of nPrint files, both ways: rows of bits to text, and text to rows of bits, in compiled loops."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.kernels.compiled import compiled, i64
from netdiffus.wire.nprint.header import INDEX, UNREAD

MAX_DIGITS = 18
COMMA, NEWLINE, RETURN, MINUS, DOT, ZERO, ONE = (ord(sign) for sign in ",\n\r-.01")

BITS_TEXT = np.array([list(",".join(f"{byte:08b}").encode() + b",") for byte in range(256)], np.uint8)
ABSENT_TEXT = np.frombuffer(b"-1," * 8, np.uint8)

MORE, FULL, BAD_VALUE, TOO_SHORT, TOO_LONG = range(5)
"""Why parsing ended: the next row is not whole, no room for rows, or a fault in the next row."""


@compiled
def _number(out: Bytes, pos: int, value: int) -> int:
    """A number and a comma into the text; returns where it ends."""
    if value < 0:
        out[pos] = MINUS
        pos += 1
        value = -value
    digits, rest = i64(1), value
    while rest >= 10:
        digits += 1
        rest //= 10
    for k in range(digits):
        out[pos + digits - 1 - k] = ZERO + value % 10
        value //= 10
    out[pos + digits] = COMMA
    return pos + digits + 1


@compiled
def write_lines(
    bits: Bytes,
    present: Bytes,
    index: Bytes,
    index_end: NDArray[np.int64],
    numbers: NDArray[np.int64],
    bits_text: Bytes,
    absent_text: Bytes,
    out: Bytes,
) -> int:
    """Rows as text; returns how many bytes they take."""
    pos, start = 0, 0
    for i in range(len(bits)):
        for j in range(start, index_end[i]):
            out[pos] = index[j]
            pos += 1
        start = index_end[i]
        for j in range(numbers.shape[1]):
            pos = _number(out, pos, numbers[i, j])
        for j in range(bits.shape[1]):
            there = present[i, j]
            if there == 255:
                for k in range(16):
                    out[pos + k] = bits_text[bits[i, j], k]
                pos += 16
            elif there == 0:
                for k in range(24):
                    out[pos + k] = absent_text[k]
                pos += 24
            else:
                for k in range(8):
                    if there >> (7 - k) & 1 == 0:
                        out[pos] = MINUS
                        out[pos + 1] = ONE
                        pos += 2
                    else:
                        out[pos] = ZERO + (bits[i, j] >> (7 - k) & 1)
                        pos += 1
                    out[pos] = COMMA
                    pos += 1
        out[pos - 1] = NEWLINE
    return pos


@compiled
def parse_lines(
    data: Bytes,
    pos: int,
    end: int,
    place: NDArray[np.int64],
    bits: Bytes,
    present: Bytes,
    numbers: NDArray[np.int64],
    index: NDArray[np.int64],
) -> tuple[int, int, int, int]:
    """Lines of data[pos:end] into rows; data has 4 zero bytes behind `end`. Values may be written 0.0, 1.0 and -1.0.

    Returns (rows, first byte not taken, why it ended, column of the fault).
    """
    n = 0
    while n < len(bits):
        p, column = pos, 0
        while True:
            if column == place.size:
                return n, pos, TOO_LONG, column
            where = place[column]
            if where >= 0:
                c = data[p]
                if c in (ZERO, ONE):
                    mask = i64(128) >> (where & 7)
                    present[n, where >> 3] |= mask
                    if c == ONE:
                        bits[n, where >> 3] |= mask
                    p += 1
                elif c == MINUS and data[p + 1] == ONE:
                    p += 2
                elif p >= end or (c == MINUS and p + 1 >= end):
                    return n, pos, MORE, column
                else:
                    return n, pos, BAD_VALUE, column
            elif where in (INDEX, UNREAD):
                while p < end and data[p] != COMMA and data[p] != NEWLINE:
                    p += 1
                if where == INDEX:
                    index[n, 0], index[n, 1] = pos, p
            else:
                sign = i64(1)
                if data[p] == MINUS:
                    sign = i64(-1)
                    p += 1
                begin, value = p, i64(0)
                while ZERO <= data[p] <= ZERO + 9 and p - begin < MAX_DIGITS:
                    value = value * 10 + i64(data[p]) - ZERO
                    p += 1
                if p < end and p == begin:
                    return n, pos, BAD_VALUE, column
                numbers[n, -2 - where] = sign * value
            if data[p] == DOT and where not in (INDEX, UNREAD):  # pandas writes 1.0 in columns of floats
                p += 1
                while data[p] == ZERO:
                    p += 1
            if p >= end or (data[p] == RETURN and p + 1 >= end):
                return n, pos, MORE, column
            if data[p] == RETURN and data[p + 1] == NEWLINE:
                p += 1
            if data[p] == NEWLINE:
                break
            if data[p] != COMMA:
                return n, pos, BAD_VALUE, column
            column += 1
            p += 1
        if column + 1 < place.size:
            return n, pos, TOO_SHORT, column
        pos = p + 1
        n += 1
    return n, pos, FULL, 0
