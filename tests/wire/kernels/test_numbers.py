"""Numbers in bytes, and the Internet checksum, against Python's own and the example of RFC 1071."""

import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.wire.kernels.bytes import file_u16, file_u32, put, put_file_u32, u16, u32, u64_at
from netdiffus.wire.kernels.checksum import adjusted, checksum, fold, ones_sum

EXAMPLE = bytes.fromhex("0001f203f4f5f6f7")  # RFC 1071 section 3


def array(raw: bytes) -> np.ndarray:
    return np.frombuffer(raw, np.uint8)


@settings(deadline=None)
@given(st.binary(min_size=8, max_size=8))
def test_numbers_are_read_as_struct_reads_them(raw: bytes) -> None:
    data = array(b"\xff" + raw)
    assert u16(data, 1) == struct.unpack(">H", raw[:2])[0]
    assert u32(data, 1) == struct.unpack(">I", raw[:4])[0]
    assert int(u64_at(data, 1)) == struct.unpack(">Q", raw)[0]
    for big, order in ((True, ">"), (False, "<")):
        assert file_u16(data, 1, big) == struct.unpack(order + "H", raw[:2])[0]
        assert file_u32(data, 1, big) == struct.unpack(order + "I", raw[:4])[0]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_numbers_are_written_as_they_are_read(value: int) -> None:
    data = np.full(8, 7, np.uint8)
    put(data, 2, 4, value)
    assert u32(data, 2) == value
    for big in (False, True):
        assert put_file_u32(data, 2, value, big) == 6
        assert file_u32(data, 2, big) == value
    assert (data[:2].tolist(), data[6:].tolist()) == ([7, 7], [7, 7])


def test_the_example_of_the_rfc() -> None:
    assert ones_sum(array(EXAMPLE), 0, 8, 0) == 0x2DDF0
    assert fold(0x2DDF0) == 0xDDF2
    assert checksum(0x2DDF0) == 0x220D
    assert ones_sum(array(b"\1\2\3"), 0, 3, 5) == 0x0102 + 0x0300 + 5


@settings(deadline=None)
@given(st.binary(min_size=2, max_size=40), st.integers(0, 0xFFFF), st.integers(1, 2**32))
def test_a_checksum_follows_a_change_and_a_wrong_one_stays_wrong(raw: bytes, word: int, other: int) -> None:
    """`other` stands for a pseudo-header: a sum of nothing but zeros has two checksums."""
    before = array(raw + bytes(len(raw) % 2))
    after = before.copy()
    put(after, 0, 2, word)
    sums = [fold(ones_sum(data, 0, len(data), other)) for data in (before, after)]
    right = checksum(sums[0])
    assert fold(adjusted(right, *sums) + sums[1]) == 0xFFFF
    wrong = right ^ 0x0100
    assert fold(adjusted(wrong, *sums) + sums[1]) != 0xFFFF
