"""Packets to rows of bits: each column by a second, slow way; what has no row is counted; packing loses nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.errors import InputError
from netdiffus.wire.headers import links
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.fields import faults
from netdiffus.wire.headers.packets import Packet
from netdiffus.wire.nprint.bits import BitRows, bit_rows, pack, unpack, with_layout
from netdiffus.wire.nprint.columns import HEADERS, layout
from small_packets import block_of, ethernet, icmp, ip_packets, ipv4, ipv6, tcp, udp, whole

ALL = layout(HEADERS, 20)
SIZES = {"eth": 14, "ipv4": 60, "ipv6": 40, "tcp": 60, "udp": 8, "icmp": 8, "payload": 20}


def rows_of(packets: list[Packet], columns=ALL, link: int = links.ETHERNET) -> tuple[BitRows, dict[str, int]]:
    block = block_of(packets, link)
    fields = dissect(block)
    rows, left_out = bit_rows(block, fields, columns)
    return rows, dict(faults(fields) + left_out)


def values(head: bytes, size: int) -> list[int]:
    """A header's columns by definition: its bits, most significant first, then -1."""
    return [byte >> (7 - bit) & 1 for byte in head for bit in range(8)] + [-1] * (8 * (size - len(head)))


def expected(frame: bytes) -> list[int]:
    """The row of an Ethernet frame, whole or cut, with all headers and 20 bytes of payload."""
    packet = frame[14:]
    parts = dict.fromkeys(SIZES, b"") | {"eth": frame[:14]}
    name, head, protocol = ("ipv6", 40, packet[6]) if packet[0] >> 4 == 6 else ("ipv4", packet[0] % 16 * 4, packet[9])
    parts[name], rest = packet[:head], packet[head:]
    transport = {6: "tcp", 17: "udp", 1: "icmp"}[protocol]
    size = rest[12] // 16 * 4 if transport == "tcp" else 8
    parts[transport], parts["payload"] = rest[:size], rest[size : size + 20]
    return [value for part, most in SIZES.items() for value in values(parts[part], most)]


@settings(max_examples=200, deadline=None)
@given(packet=ip_packets(), cut=st.integers(0, 200))
def test_every_column_of_packets_whole_and_cut(packet, cut) -> None:
    frame = ethernet(packet)
    data = frame[: max(len(frame) - cut, 0)]
    rows, left_out = rows_of([Packet(5, data, len(frame))])
    assert len(rows) + sum(left_out.values()) == 1
    if not cut:
        assert len(rows) == 1
    if len(rows):
        assert unpack(rows.bits, rows.present)[0].tolist() == expected(data)
        assert rows.time_ns.tolist() == [5]


def test_a_row_of_every_kind() -> None:
    frames = [
        ethernet(ipv4(tcp(b"abc", b"\1" * 8), 6, options=b"\7" * 40)),
        ethernet(ipv6(udp(b"abc"), 17)),
        ethernet(ipv4(icmp(), 1)),
    ]
    rows, left_out = rows_of(whole(*frames))
    assert left_out == {}
    assert unpack(rows.bits, rows.present).tolist() == [expected(frame) for frame in frames]
    assert [hex(high) for high, _ in rows.source.tolist()] == ["0x0", "0x20010db800000000", "0x0"]
    assert [low for _, low in rows.source.tolist()] == [0xFFFF_C000_0201, 1, 0xFFFF_C000_0201]


def test_what_has_no_row_is_counted() -> None:
    hop_by_hop = bytes([17, 0, 1, 4, 0, 0, 0, 0])
    rows, left_out = rows_of(
        whole(
            ethernet(ipv4(b"routing!", 89)),
            ethernet(ipv4(b"routing!", 89)),
            ethernet(ipv6(icmp(), 58)),
            ethernet(ipv4(b"what is this", 200)),
            ethernet(ipv6(hop_by_hop + udp(), 0)),
            ethernet(bytes(28), kind=0x0806),
            ethernet(ipv4(udp(), 17)),
        )
    )
    assert len(rows) == 1
    assert left_out == {
        "no nPrint row: OSPF, only TCP, UDP and ICMP have columns": 2,
        "no nPrint row: ICMPv6, only TCP, UDP and ICMP have columns": 1,
        "no nPrint row: IP protocol 200, only TCP, UDP and ICMP have columns": 1,
        "no nPrint row: IP extension headers have no columns": 1,
        "not IP: ARP": 1,
    }


def test_headers_without_columns() -> None:
    frames = whole(ethernet(ipv6(udp(), 17)), ethernet(ipv4(udp(), 17)))
    rows, left_out = rows_of(frames, layout())
    assert left_out == {"row without network header: it is IPv6 and ipv6 is not in --headers": 1}
    assert (unpack(rows.bits, rows.present)[0] >= 0).sum() == 64
    rows, left_out = rows_of(frames, layout(["udp"]))
    assert (len(rows), left_out) == (2, {})


def test_later_fragments_have_no_transport_header() -> None:
    rows, _ = rows_of(whole(ethernet(ipv4(b"the rest of it", 17, place=4))))
    values = unpack(rows.bits, rows.present)[0]
    assert (values[ALL.fields["udp_sport"]] == -1).all()
    assert bytes(np.packbits(values[ALL.fields["payload_bit"]][: 8 * 14])) == b"the rest of it"


def test_other_link_layers_and_vlan_tags() -> None:
    packet = ipv4(tcp(), 6)
    (raw,) = unpack(*_matrix(rows_of(whole(packet), link=links.RAW)[0]))
    (tagged,) = unpack(*_matrix(rows_of(whole(ethernet(b"\0\5\x08\0" + packet, kind=0x8100)))[0]))
    assert (raw[:112] == -1).all()
    assert tagged[:112].tolist() == values(ethernet(b"", kind=0x8100), 14)
    assert raw[112:].tolist() == tagged[112:].tolist() == expected(ethernet(packet))[112:]


def _matrix(rows: BitRows):
    return rows.bits, rows.present


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 6).flatmap(lambda n: st.lists(st.sampled_from([-1, 0, 1]), min_size=32 * n, max_size=32 * n)))
def test_packing_loses_nothing(flat) -> None:
    matrix = np.array(flat, np.int8).reshape(-1, 32)
    bits, present = pack(matrix)
    assert bits.shape == present.shape == (len(matrix), 4)
    assert unpack(bits, present).tolist() == matrix.tolist()


def test_what_cannot_be_packed() -> None:
    with pytest.raises(InputError, match="expected values -1, 0 and 1; got 2"):
        pack(np.array([[0, 1, -1, 2, 0, 0, 0, 0]], np.int8))
    with pytest.raises(InputError, match="whole bytes; got 12 columns"):
        pack(np.zeros((1, 12), np.int8))


def test_other_columns_for_the_same_rows() -> None:
    packets = whole(ethernet(ipv4(tcp(b"payload", b"\1" * 4), 6)), ethernet(ipv6(udp(b"payload"), 17)))
    everything, _ = rows_of(packets)
    some = layout(["tcp", "ipv4"], 4)
    direct, _ = rows_of(packets, some)
    moved = with_layout(everything, some)
    assert unpack(*_matrix(moved)).tolist() == unpack(*_matrix(direct)).tolist()
    back = unpack(*_matrix(with_layout(moved, ALL)))
    assert (back[:, ALL.fields["udp_sport"]] == -1).all()
    assert back[0, ALL.fields["tcp_sprt"]].tolist() == values((5000).to_bytes(2, "big"), 2)
