"""CRC-32C (Castagnoli), SCTP's checksum: RFC 9260 appendix A."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.kernels.compiled import compiled, i64

POLYNOMIAL = 0x82F63B78
"""0x1EDC6F41 with its bits turned round, as bytes are fed lowest bit first."""


def _table() -> NDArray[np.int64]:
    values = np.arange(256, dtype=np.int64)
    for _ in range(8):
        values = np.where(values & 1, values >> 1 ^ POLYNOMIAL, values >> 1)
    return values


TABLE = _table()


@compiled
def crc32c(data: Bytes, start: int, end: int, zero: int, table: NDArray[np.int64]) -> int:
    """The CRC of data[start:end] with the four bytes from `zero` on taken as 0; below 0: with all as they are.

    Args:
        table: TABLE.
    """
    crc = i64(0xFFFF_FFFF)
    for pos in range(start, end):
        byte = i64(0) if zero <= pos < zero + 4 and zero >= 0 else i64(data[pos])
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFF_FFFF
