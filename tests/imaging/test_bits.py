"""Packets → rows of nPrint columns → packets: nothing is lost, and the columns are those that nPrint writes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.errors import InputError
from netdiffus.imaging.bits import ALL, CUT, EXTENSIONS, NO_COLUMNS, BitsCodec, PacketRows, padded, trimmed
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.links import RAW
from netdiffus.wire.headers.packets import Packet
from netdiffus.wire.nprint.bits import bit_rows, unpack
from netdiffus.wire.nprint.columns import layout
from small_packets import block_of, icmp, ipv4, ipv6, tcp, udp


def packet_rows(packets: list[tuple[bytes, bytes]], direction=0, size=0, gap_ns=0) -> PacketRows:
    """Pairs of an IP and a transport header as the codec takes them."""
    n = len(packets)
    data = np.frombuffer(b"".join(a + b for a, b in packets), np.uint8)
    lengths = (np.array([len(pair[k]) for pair in packets], np.int64) for k in range(2))
    rest = (np.broadcast_to(np.asarray(value, np.int64), n).copy() for value in (direction, size, gap_ns))
    return PacketRows(data, *lengths, *rest)


def split(packet: bytes) -> tuple[bytes, bytes]:
    head = packet[0] % 16 * 4 if packet[0] >> 4 == 4 else 40
    return packet[:head], packet[head:]


PACKETS = [
    split(packet)
    for packet in (
        ipv4(tcp(b""), 6),
        ipv4(udp(b""), 17),
        ipv6(udp(b""), 17),
        ipv6(tcp(b"", options=bytes([1, 1, 8, 10]) + bytes(8)), 6),
        ipv4(icmp(b""), 1),
        ipv4(udp(b""), 17, options=bytes([1] * 8)),
    )
]


def same(a: PacketRows, b: PacketRows) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_nothing_is_lost() -> None:
    rows = packet_rows(PACKETS, [0, 1, 0, 1, 1, 0], [0, 1460, 2**31 - 1, 7, 56, 1], [0, 1, -5, 2**62, 10**9, 999])
    codec = BitsCodec()
    assert codec.columns == 1408 + 96 == len(codec.names)
    image = codec.encode(rows)
    assert set(np.unique(image).tolist()) == {-1, 0, 1}
    assert same(codec.decode(image), rows)


def test_the_columns_of_a_bare_image_are_those_of_nprint() -> None:
    """By wire/nprint/bits.py, which is compared letter by letter with what nprint itself writes."""
    whole = [Packet(0, a + b, len(a + b)) for a, b in PACKETS]
    block = block_of(whole, RAW)
    theirs, _ = bit_rows(block, dissect(block), layout(ALL))
    codec = BitsCodec.of(bare=True)
    assert codec.names == theirs.layout.columns
    np.testing.assert_array_equal(codec.encode(packet_rows(PACKETS)), unpack(theirs.bits, theirs.present))


def test_published_work_has_1088_columns() -> None:
    codec = BitsCodec.of(("tcp", "ipv4", "icmp", "udp"), bare=True)
    assert codec.columns == 1088
    assert codec.names == layout().columns
    rows = packet_rows([PACKETS[k] for k in (0, 1, 4, 5)])
    assert same(codec.decode(codec.encode(rows)), rows)


def test_own_columns_are_big_endian_numbers() -> None:
    codec = BitsCodec()
    row = dict(zip(codec.names, codec.encode(packet_rows(PACKETS[:1], 1, 5, 3))[0].tolist(), strict=True))
    assert row["direction_0"] == 1
    assert [row[f"payload_size_{bit}"] for bit in range(27, 31)] == [0, 1, 0, 1]
    assert [row[f"gap_ns_{bit}"] for bit in range(61, 64)] == [0, 1, 1]


@pytest.mark.parametrize("columns", [1088, 1184, 1408, 1504])
def test_the_width_names_the_codec(columns) -> None:
    assert BitsCodec.of_width(columns).columns == columns


def test_what_has_no_row_says_why() -> None:
    sctp = split(ipv4(b"\0" * 12, 132))
    extended = (PACKETS[2][0] + bytes(8), PACKETS[2][1])
    cut = (PACKETS[0][0], b"")
    assert BitsCodec().lost(packet_rows([*PACKETS[:2], sctp, extended, cut])).tolist() == [
        None, None, NO_COLUMNS, EXTENSIONS, CUT,
    ]  # fmt: skip
    assert BitsCodec.of(("ipv4", "tcp")).lost(packet_rows(PACKETS[:3])).tolist() == [None, NO_COLUMNS, NO_COLUMNS]


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="one of IP and one above it at least; got ipv4; correct --headers"):
        BitsCodec.of(["ipv4"])
    with pytest.raises(InputError, match=r"images of 1,088, 1,184, 1,408, 1,504 columns; got 7; keep"):
        BitsCodec.of_width(7)
    codec = BitsCodec()
    image = codec.encode(packet_rows(PACKETS[:1]))
    image[0, 3] = -1
    with pytest.raises(InputError, match="of whole bytes; got row 0; mend the image"):
        codec.decode(image)
    image[0, 3] = 2
    with pytest.raises(InputError, match="values -1, 0 and 1; got 2"):
        codec.decode(image)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 12))
def test_padding_ends_a_flow(n, length) -> None:
    codec = BitsCodec()
    rows = codec.encode(packet_rows(PACKETS[:1] * n))
    image = padded(rows, length)
    assert image.shape == (length, codec.columns)
    np.testing.assert_array_equal(trimmed(image), rows[:length])
