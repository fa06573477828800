"""Rows of bits back to packets: the same headers again, and what the bits leave open decided and counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus import recordings
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.headers import links
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.packets import Packet
from netdiffus.wire.nprint.bits import BitRows, bit_rows, pack, unpack, with_layout
from netdiffus.wire.nprint.columns import HEADERS, layout
from netdiffus.wire.nprint.packets import FAULTS, STEP_NS, packet_block
from small_packets import block_of, ethernet, icmp, ip_packets, ipv4, ipv6, tcp, udp, whole

ALL = layout(HEADERS, 20)


def rows_of(packets: list[Packet], columns=ALL, link: int = links.ETHERNET) -> BitRows:
    block = block_of(packets, link)
    rows, _ = bit_rows(block, dissect(block), columns)
    return rows


def back(rows: BitRows) -> tuple[list[Packet], dict[str, int]]:
    block, faults = packet_block(rows)
    return list(block.packets()), dict(faults)


def changed(rows: BitRows, field: str, value: int) -> BitRows:
    """The rows with all bits of a field set to a value."""
    matrix = unpack(rows.bits, rows.present)
    matrix[:, rows.layout.fields[field]] = value
    return BitRows(rows.layout, *pack(matrix), rows.source, rows.time_ns)


@settings(max_examples=200, deadline=None)
@given(packet=ip_packets(), cut=st.integers(0, 100), with_ethernet=st.booleans())
def test_packets_come_back_as_far_as_they_were_captured(packet, cut, with_ethernet) -> None:
    data = ethernet(packet) if with_ethernet else packet
    one = Packet(1_700_000_000_000_000_001, data[: max(len(data) - cut, 0)], len(data))
    columns = ALL if with_ethernet else layout(set(HEADERS) - {"eth"}, 20)
    rows = rows_of([one], columns, links.ETHERNET if with_ethernet else links.RAW)
    found, faults = back(rows)
    assert found == [one][: len(rows)]
    assert faults == {}


def test_headers_alone_keep_their_length_and_are_filled_with_zeros() -> None:
    frames = [ethernet(ipv4(tcp(b"x" * 1000), 6)), ethernet(ipv6(udp(b"y" * 9), 17)), ethernet(ipv4(icmp(b"zz"), 1))]
    packets = whole(*frames)
    block, faults = packet_block(rows_of(packets, layout(HEADERS)))
    sizes = [1000, 9, 2]
    assert [packet.data for packet in block.packets()] == [f[: len(f) - n] for f, n in zip(frames, sizes, strict=True)]
    assert [packet for part in block.filled() for packet in part.packets()] == [
        Packet(packet.time_ns, packet.data[:-n] + bytes(n), packet.length)
        for packet, n in zip(packets, sizes, strict=True)
    ]
    assert faults == {}
    before, after = dissect(block_of(packets)), dissect(block)
    for name in ("source_high", "source_low", "payload_bytes", "seq", "source_port", "flags", "protocol"):
        assert before[name].tolist() == after[name].tolist(), name


def test_rows_without_times_are_a_millisecond_apart() -> None:
    rows = rows_of(whole(*[ethernet(ipv4(udp(), 17))] * 3))
    block, _ = packet_block(BitRows(rows.layout, rows.bits, rows.present, rows.source, None), first_number=10)
    assert block.time_ns.tolist() == [10 * STEP_NS, 11 * STEP_NS, 12 * STEP_NS]


FRAME = ethernet(ipv4(tcp(b"abc", b"\1" * 4), 6))


@pytest.mark.parametrize(
    ("field", "value", "frame", "fault"),
    [
        ("ipv4_src", -1, FRAME[:26] + bytes(4) + FRAME[30:], FAULTS[1]),
        ("tcp_seq", -1, FRAME[:38] + bytes(4) + FRAME[42:], FAULTS[1]),
        ("payload_bit", 1, FRAME[:-3] + b"\xff" * 20, None),
        ("ipv4_opt", 1, FRAME, FAULTS[2]),
        ("tcp_opt", 1, FRAME[:54] + b"\xff" * 4 + FRAME[58:], FAULTS[2]),
        ("udp_sport", 1, FRAME, FAULTS[3]),
        ("ipv6_tc", 1, FRAME, FAULTS[3]),
        ("eth_ethertype", 1, FRAME, FAULTS[5]),
        ("ipv4_tl", 0, None, None),
    ],
)
def test_what_the_bits_leave_open(field, value, frame, fault) -> None:
    found, faults = back(changed(rows_of(whole(FRAME)), field, value))
    assert faults == ({fault: 1} if fault else {})
    if frame:
        assert found[0].data == frame


def test_bits_that_contradict_each_other_are_counted() -> None:
    rows = rows_of(whole(FRAME))
    none, faults = back(changed(changed(rows, "ipv4_ver", 0), "ipv4_hl", 0))
    assert faults == {}
    assert none[0].data[14:] == bytes([0]) + FRAME[15:]  # the bits' word is taken, right or wrong
    matrix = unpack(rows.bits, rows.present)
    matrix[:, rows.layout.fields["ipv4_tl"]] = [0] * 11 + [1, 0, 1, 0, 1]
    found, faults = back(BitRows(rows.layout, *pack(matrix), rows.source, rows.time_ns))
    assert faults == {FAULTS[6]: 1}
    assert (len(found[0].data), found[0].length) == (len(FRAME), len(FRAME))
    headless = with_layout(rows_of(whole(FRAME)), layout(["tcp"]))
    assert back(headless) == ([], {FAULTS[0]: 1})


def test_ethernet_is_made_where_there_was_none() -> None:
    packet = ipv6(udp(b"q"), 17)
    found, faults = back(rows_of(whole(packet), link=links.RAW))
    assert found[0].data == bytes(12) + b"\x86\xdd" + packet
    assert faults == {FAULTS[4]: 1}


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_matrix_breaks_it(data) -> None:
    columns = layout(data.draw(st.sets(st.sampled_from(list(HEADERS)), min_size=1)), data.draw(st.integers(0, 3)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    matrix = rng.integers(-1, 2, (8, len(columns.columns))).astype(np.int8)
    rows = BitRows(columns, *pack(matrix), np.zeros((8, 2), np.uint64), None)
    block, faults = packet_block(rows)
    ends = block.offset + block.captured
    assert len(block) + faults.get(FAULTS[0], 0) == 8
    assert (block.length >= block.captured).all()
    assert (block.offset[1:] == ends[:-1]).all()
    assert (ends <= block.data.size).all()
    dissect(block)


def test_recordings_come_back() -> None:
    wanted = layout(HEADERS)
    for label in ("web", "dns", "quic"):
        for block in read_capture(recordings.captures()[label][0]):
            fields = dissect(block)
            rows, _ = bit_rows(block, fields, wanted)
            again, faults = packet_block(rows)
            assert faults == {}
            assert len(again) == len(rows) > 0
            repeated, left_out = bit_rows(again, dissect(again), wanted)
            assert not left_out
            assert (repeated.bits == rows.bits).all()
            assert (repeated.present == rows.present).all()
