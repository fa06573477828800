"""pcapng: sections, byte orders, interfaces with their own clocks, every packet block, and damage."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.errors import InputError
from netdiffus.wire.files.reader import Packet, read_capture
from pcapng_blocks import BIG, LITTLE


@pytest.fixture
def read(tmp_path):
    def reader(content: bytes, block_bytes: int = 1 << 16) -> tuple[list[tuple[Packet, int]], dict[str, int]]:
        path = tmp_path / "x.pcapng"
        path.write_bytes(content)
        capture = read_capture(path, block_bytes=block_bytes)
        packets = [(p, n) for block in capture for p, n in zip(block.packets(), block.link.tolist(), strict=True)]
        return packets, dict(capture.faults)

    return reader


@pytest.mark.parametrize("block_bytes", [32, 1 << 16])
def test_sections_of_both_byte_orders_and_interfaces_of_their_own(read, block_bytes):
    content = (
        LITTLE.section()
        + LITTLE.interface(link=1)
        + LITTLE.interface(link=113, resolution=9)
        + LITTLE.enhanced(1_700_000_000_000_001, b"one")
        + LITTLE.block(5, b"statistics")
        + LITTLE.enhanced(1_700_000_000_000_001_001, b"two", interface=1)
        + BIG.section()
        + BIG.interface(link=101)
        + BIG.block(0x0BAD, b"unknown block")
        + BIG.enhanced(1_700_000_000_000_002, b"three")
        + BIG.old(1_700_000_000_000_003, b"four")
    )
    assert read(content, block_bytes) == (
        [
            (Packet(1_700_000_000_000_001_000, b"one", 60), 1),
            (Packet(1_700_000_000_000_001_001, b"two", 60), 113),
            (Packet(1_700_000_000_000_002_000, b"three", 60), 101),
            (Packet(1_700_000_000_000_003_000, b"four", 60), 101),
        ],
        {},
    )


@pytest.mark.parametrize(
    ("resolution", "offset", "ticks", "time_ns"),
    [
        (0, None, 1_700_000_000, 1_700_000_000 * 10**9),
        (3, None, 1_700_000_000_123, 1_700_000_000_123 * 10**6),
        (9, None, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
        (12, None, 1_700_000_000_123_456, 1_700_000_000_123),
        (30, None, 2**64 - 1, 0),
        (0x80, None, 1_700_000_000, 1_700_000_000 * 10**9),
        (0x80 | 10, None, 1_700_000_000 * 1024 + 512, 1_700_000_000_500_000_000),
        (0x80 | 32, None, 1_700_000_000 * 2**32 + 2**31, 1_700_000_000_500_000_000),
        (0x80 | 40, None, 1_000_000 * 2**40 + 2**38, 1_000_000_250_000_000),
        (0x80 | 64, None, 2**63, 500_000_000),
        (0x80 | 127, None, 2**63, 0),
        (6, 1_700_000_000, 5, 1_700_000_000_000_005_000),
        (6, -10, 11_000_000, 1_000_000_000),
    ],
)
def test_time_resolution_and_offset(read, resolution, offset, ticks, time_ns):
    content = LITTLE.section() + LITTLE.interface(resolution=resolution, offset=offset) + LITTLE.enhanced(ticks, b"x")
    assert read(content) == ([(Packet(time_ns, b"x", 60), 1)], {})


@pytest.mark.parametrize(
    ("resolution", "offset", "ticks", "time_ns"),
    [(0, None, 2**63, 2**62), (0x80, None, 2**63, 2**62), (6, -10, 9_000_000, 0), (6, 2**62, 1, 2**62)],
)
def test_times_that_no_clock_shows_are_moved_and_counted(read, resolution, offset, ticks, time_ns):
    content = LITTLE.section() + LITTLE.interface(resolution=resolution, offset=offset) + LITTLE.enhanced(ticks, b"x")
    words = "time before 1970 or after 2116, moved to the nearer end"
    assert read(content) == ([(Packet(time_ns, b"x", 60), 1)], {words: 1})


def test_simple_packets_take_their_time_from_the_packet_before(read):
    content = (
        LITTLE.section()
        + LITTLE.interface(snap=4)
        + LITTLE.enhanced(7, b"x")
        + LITTLE.simple(b"12345678", 8)
        + LITTLE.simple(b"123", 3)
    )
    packets, faults = read(content)
    assert [packet for packet, _ in packets[1:]] == [Packet(7000, b"1234", 8), Packet(7000, b"123", 3)]
    assert faults == {"simple packet block has no time; the time of the packet before it is taken": 2}


def test_bad_packet_blocks_cost_only_themselves(read):
    content = (
        LITTLE.section()
        + LITTLE.enhanced(1, b"no interface yet")
        + LITTLE.interface()
        + LITTLE.enhanced(2, b"x", interface=1)
        + LITTLE.enhanced(3, b"x", claimed=1000)
        + LITTLE.block(6, b"too short")
        + LITTLE.enhanced(4, b"good")
    )
    packets, faults = read(content)
    assert packets == [(Packet(4000, b"good", 60), 1)]
    assert faults == {
        "packet of an interface that the file does not declare, left out": 2,
        "packet runs past its block, left out": 2,
    }


GOOD = LITTLE.section() + LITTLE.interface() + LITTLE.enhanced(1, b"good")


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (struct.pack("<III", 6, 8, 8), "block length is impossible; the rest of the file was not read"),
        (struct.pack("<III", 6, 1 << 30, 8), "block length is impossible; the rest of the file was not read"),
        (struct.pack("<IIII", 5, 16, 0, 20), "the two lengths of a block differ; the rest of the file was not read"),
        (struct.pack("<IIII", 0x0A0D0D0A, 28, 0, 0) * 2, "section header is broken; the rest of the file was not read"),
        (b"\6\0\0\0", "file ends inside a block"),
        (LITTLE.enhanced(2, b"bad")[:-1], "file ends inside a block"),
        (LITTLE.section()[:-1], "file ends inside a block"),
    ],
)
def test_damage_after_good_packets(read, tail, words):
    assert read(GOOD + tail) == ([(Packet(1000, b"good", 60), 1)], {words: 1})


def test_many_interfaces(read):
    content = (
        LITTLE.section()
        + b"".join(LITTLE.interface(link=i) for i in range(100))
        + LITTLE.enhanced(1, b"x", interface=99)
    )
    assert read(content) == ([(Packet(1000, b"x", 60), 99)], {})


@settings(max_examples=300, deadline=None)
@given(
    parts=st.lists(
        st.one_of(
            st.sampled_from(
                [GOOD, BIG.section(), BIG.interface(), LITTLE.interface(resolution=0xFF), LITTLE.simple(b"xy", 9)]
            ),
            st.builds(LITTLE.block, st.integers(0, 7), st.binary(max_size=60)),
            st.binary(max_size=20),
        ),
        max_size=6,
    ),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4),
)
def test_no_file_breaks_the_reader(tmp_path_factory, parts, changes):
    data = bytearray(GOOD + b"".join(parts))
    for place, value in changes:
        data[place % len(data)] = value
    path = tmp_path_factory.mktemp("fuzz") / "x.pcapng"
    path.write_bytes(data)
    try:
        capture = read_capture(path, block_bytes=64)
    except InputError:
        return
    for block in capture:
        assert (block.offset >= 0).all()
        assert (block.offset + block.captured <= len(block.data)).all()
        assert ((block.time_ns >= 0) & (block.time_ns <= 1 << 62)).all()
