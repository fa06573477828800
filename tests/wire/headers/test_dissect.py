"""Header fields: one known packet behind every link layer, every protocol, and no bytes that break the dissector."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handmade import DESTINATION, DESTINATION6, SOURCE, SOURCE6, ethernet, ipv4, ipv6, tcp, udp
from netdiffus.wire.headers import links
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.fields import FIRST, LATER, NOTES, OFFLOADED, OK, PAST_WIRE, WHOLE, faults
from netdiffus.wire.headers.packets import PacketBlock


def one(data: bytes, link: int = links.RAW, length: int | None = None, captured: int | None = None):
    """The fields of one packet; its buffer ends where its captured bytes end."""
    data = data[:captured]
    block = PacketBlock(
        np.frombuffer(bytearray(data), np.uint8),
        np.array([0]),
        np.array([len(data)], np.int32),
        np.array([len(data) if length is None else length], np.int32),
        np.array([0]),
        np.array([link], np.int32),
    )
    fields = dissect(block)
    return fields[0], dict(faults(fields))


V4, V6 = ipv4(udp(b"hello")), ipv6(udp(b"hello"))


@pytest.mark.parametrize(
    ("link", "before", "packet"),
    [
        (links.ETHERNET, ethernet(0x0800, b""), V4),
        (links.ETHERNET, ethernet(0x86DD, b""), V6),
        (links.ETHERNET, ethernet(0x8100, b"\0\5\x08\0"), V4),
        (links.ETHERNET, ethernet(0x88A8, b"\0\5\x81\0\0\6\x86\xdd"), V6),
        (links.ETHERNET, ethernet(0x8847, b"\0\1\0\x40\0\2\1\x40"), V4),
        (links.ETHERNET, ethernet(0x8848, b"\0\1\1\x40"), V6),
        (links.ETHERNET, ethernet(0x8864, b"\x11\0\0\1\0\x23\0\x21"), V4),
        (links.ETHERNET, ethernet(0x8864, b"\x11\0\0\1\0\x23\0\x57"), V6),
        (links.ETHERNET, ethernet(0x8864, b"\x11\0\0\1\0\x23\x02\x81\0\1\1\x40"), V4),
        (links.ETHERNET, ethernet(41, b"\xaa\xaa\3\0\0\0\x08\0"), V4),
        (links.LINUX_SLL, bytes(14) + b"\x08\0", V4),
        (links.LINUX_SLL, bytes(14) + b"\x81\0\0\1\x86\xdd", V6),
        (links.LINUX_SLL2, b"\x86\xdd" + bytes(18), V6),
        (links.NULL, b"\2\0\0\0", V4),
        (links.NULL, b"\0\0\0\2", V4),
        (links.NULL, b"\x1e\0\0\0", V6),
        (links.LOOP, b"\0\0\0\x18", V6),
        (links.RAW, b"", V4),
        (links.RAW_BSD, b"", V6),
        (links.RAW_OPENBSD, b"", V4),
        (links.IPV4, b"", V4),
        (links.IPV6, b"", V6),
        (links.PPP, b"\0\x21", V4),
        (links.PPP, b"\xff\3\0\x57", V6),
        (links.PPP, b"\x21", V4),
        (links.PPP_SERIAL, b"\xff\3\0\x21", V4),
        (links.PPP_ETHER, b"\x11\0\0\1\0\x23\0\x21", V4),
        (links.C_HDLC, b"\x0f\0\x08\0", V4),
    ],
)
def test_one_packet_behind_every_link_layer(link, before, packet):
    fields, found = one(before + packet + b"padding that a network card added", link)
    assert found == {}
    assert (fields["source_port"], fields["destination_port"], fields["payload_bytes"]) == (5000, 53, 5)
    assert fields["network"] == len(before)
    source, destination = (SOURCE, DESTINATION) if packet is V4 else (SOURCE6, DESTINATION6)
    mapped = 0xFFFF_0000_0000 if packet is V4 else 0
    assert int(fields["source_high"]) << 64 | int(fields["source_low"]) == mapped | int(source)
    assert int(fields["destination_high"]) << 64 | int(fields["destination_low"]) == mapped | int(destination)
    assert (fields["version"], fields["protocol"], fields["fragment"]) == (source.version, 17, WHOLE)
    for captured in range(len(before) + len(packet) - 5):  # whatever part of the headers is missing
        fields, found = one(before + packet, link, length=len(before + packet), captured=captured)
        assert fields["status"] != OK
        (words,) = found
        assert words.startswith(("captured part ends inside", "not IP: IEEE 802.2 LLC"))


@pytest.mark.parametrize(
    ("link", "data", "words"),
    [
        (links.ETHERNET, ethernet(0x0806, bytes(28)), "not IP: ARP"),
        (links.ETHERNET, ethernet(0x1234, bytes(28)), "not IP: EtherType 0x1234"),
        (links.ETHERNET, ethernet(38, b"\x42\x42\3" + bytes(35)), "not IP: IEEE 802.2 LLC, e.g. spanning tree"),
        (links.ETHERNET, ethernet(0x8847, b"\0\1\1\x40\0\0\0\0"), "not IP: MPLS around something else"),
        (links.ETHERNET, ethernet(0x8864, b"\x11\0\0\1\0\x23\xc0\x21abc"), "not IP: PPP control or another protocol"),
        (links.NULL, b"\7\0\0\0rest", "not IP: another address family"),
        (links.NULL, b"\2\0\0\2rest", "not IP: another address family"),
        (127, bytes(40), "link layer is not decoded: 802.11 with radiotap header"),
        (4711, bytes(40), "link layer is not decoded: link type 4711"),
        (links.IPV4, V6, "IP version is neither 4 nor 6, or not the one that the link header announces"),
        (links.RAW, b"\x50" + V4[1:], "IP version is neither 4 nor 6, or not the one that the link header announces"),
        (links.RAW, b"\x44" + V4[1:], "IPv4 header length is below 20 bytes"),
        (links.RAW, V4[:19], "IP header runs past the packet"),
        (links.RAW, ipv4(b"", total=19), "IPv4 total length is shorter than its header"),
        (links.RAW, ipv6(b"", 0), "IP header runs past the packet"),
        (links.RAW, ipv4(b"1234567"), "transport header runs past the packet"),
        (links.RAW, ipv4(tcp(b"", words=4), 6), "TCP header length is below 20 bytes"),
        (links.RAW, ipv4(tcp(b"", words=8)[:28], 6), "transport header runs past the packet"),
    ],
)
def test_what_is_left_out_says_why(link, data, words):
    fields, found = one(data, link)
    assert fields["status"] != OK
    assert found == {words: 1}


def test_tcp():
    fields, found = one(ipv4(tcp(b"data", flags=0x12, words=8), 6, options=b"\1" * 8))
    assert found == {}
    assert (fields["seq"], fields["ack"], fields["flags"]) == (1000, 2000, 0x12)
    assert (fields["network_bytes"], fields["transport_bytes"], fields["payload_bytes"]) == (28, 32, 4)


def test_headers_alone_give_the_same_sizes():
    packet = ipv4(tcp(bytes(1000), words=8), 6)
    whole, cut = one(packet)[0], one(packet, length=len(packet), captured=20 + 14)[0]
    assert (whole["payload_bytes"], whole["transport_bytes"]) == (1000, 32)
    assert (cut["payload_bytes"], cut["transport_bytes"], cut["flags"]) == (1000, 14, 0x18)


@pytest.mark.parametrize(
    ("protocol", "body", "ports", "header", "payload"),
    [
        (1, bytes(8) + b"abc", (0, 0), 8, 3),
        (1, bytes(4), (0, 0), 4, 0),
        (58, bytes(8) + b"abc", (0, 0), 8, 3),
        (132, struct.pack("!HHII", 9, 10, 1, 2) + b"chunks", (9, 10), 12, 6),
        (47, b"gre and more", (0, 0), 0, 12),
        (17, udp(b"12345", size=10), (5000, 53), 8, 2),
        (17, udp(b"12345", size=0), (5000, 53), 8, 5),
        (17, udp(b"12345", size=4000), (5000, 53), 8, 5),
    ],
)
def test_other_protocols(protocol, body, ports, header, payload):
    for fields, found in (one(ipv4(body, protocol)), one(ipv6(body, protocol))):
        assert found == {}
        assert (fields["source_port"], fields["destination_port"]) == ports
        assert (fields["transport_bytes"], fields["payload_bytes"], fields["protocol"]) == (header, payload, protocol)


def test_extension_headers():
    hop, routing = bytes([43, 0]) + bytes(6), bytes([60, 1]) + bytes(14)
    options, authentication = bytes([51, 0]) + bytes(6), bytes([6, 1]) + bytes(10)
    chain = hop + routing + options + authentication
    packet = ipv6(chain + tcp(b"xyz"), 0)
    fields, found = one(packet)
    assert found == {}
    assert (fields["protocol"], fields["network_bytes"], fields["payload_bytes"]) == (6, 40 + len(chain), 3)
    for captured in range(40, 40 + len(chain)):
        _, found = one(packet, length=len(packet), captured=captured)
        assert found == {"captured part ends inside an IPv6 extension header": 1}


def test_fragments():
    first, _ = one(ipv4(udp(bytes(24), size=400), place=0x2000))
    later, _ = one(ipv4(b"x" * 32, place=4))
    assert (first["fragment"], first["payload_bytes"], first["fragment_id"], first["source_port"]) == (
        FIRST,
        24,
        77,
        5000,
    )
    assert (later["fragment"], later["payload_bytes"], later["transport_bytes"], later["source_port"]) == (
        LATER,
        32,
        0,
        0,
    )
    first, _ = one(ipv6(struct.pack("!BBHI", 17, 0, 1, 99) + udp(bytes(24), size=400), 44))
    later, _ = one(ipv6(struct.pack("!BBHI", 17, 0, 32 << 3, 99) + b"x" * 32, 44))
    atomic, _ = one(ipv6(struct.pack("!BBHI", 17, 0, 0, 99) + udp(b"x"), 44))
    assert (first["fragment"], first["payload_bytes"], first["fragment_id"], first["source_port"]) == (
        FIRST,
        24,
        99,
        5000,
    )
    assert (later["fragment"], later["payload_bytes"], later["transport_bytes"], later["source_port"]) == (
        LATER,
        32,
        0,
        0,
    )
    assert (atomic["fragment"], atomic["payload_bytes"], atomic["source_port"]) == (WHOLE, 1, 5000)


def test_lengths_that_the_wire_contradicts():
    offloaded, found = one(ethernet(0x0800, ipv4(tcp(bytes(5000)), 6, total=0)), links.ETHERNET)
    assert offloaded["payload_bytes"] == 5000
    assert found == {NOTES[OFFLOADED]: 1}
    offloaded, found = one(ethernet(0x86DD, ipv6(tcp(bytes(70_000)), 6, size=0)), links.ETHERNET)
    assert offloaded["payload_bytes"] == 70_000
    assert found == {NOTES[OFFLOADED]: 1}
    past, found = one(ipv4(tcp(b""), 6, total=1500))
    assert past["payload_bytes"] == 1460
    assert found == {NOTES[PAST_WIRE]: 1}


def test_a_packet_outside_its_buffer():
    block = PacketBlock(
        np.zeros(10, np.uint8),
        np.array([-1, 5, 0]),
        np.array([4, 6, -1], np.int32),
        np.array([4, 6, 4], np.int32),
        np.zeros(3, np.int64),
        np.ones(3, np.int32),
    )
    assert faults(dissect(block)) == {"packet lies outside its buffer": 3}


SEEDS = [
    V4,
    V6,
    ethernet(0x8100, b"\0\5\x88\x64\x11\0\0\1\0\x23\0\x21" + V4),
    ipv6(
        bytes([43, 0]) + bytes(6) + bytes([44, 1]) + bytes(14) + struct.pack("!BBHI", 6, 0, 1, 99) + tcp(b"x", words=9),
        0,
    ),
    ipv4(bytes([6, 1]) + bytes(10) + tcp(b"xyz"), 51, options=b"\1" * 12),
]


@settings(max_examples=500, deadline=None)
@given(
    packets=st.lists(
        st.tuples(
            st.sampled_from([*SEEDS, b""]),
            st.integers(0, 100),
            st.binary(max_size=60),
            st.sampled_from(list(links.LINKS)),
        ),
        min_size=1,
        max_size=8,
    ),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    length=st.integers(0, 2**31 - 1),
)
def test_no_bytes_break_the_dissector(packets, changes, length):
    data, offsets, sizes = bytearray(), [], []
    for seed, cut, tail, _ in packets:
        offsets.append(len(data))
        data += seed[: max(len(seed) - cut, 0)] + tail
        sizes.append(len(data) - offsets[-1])
    for place, value in changes:
        if data:
            data[place % len(data)] = value
    n = len(packets)
    block = PacketBlock(
        np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8),
        np.array(offsets, np.int64),
        np.array(sizes, np.int32),
        np.full(n, length, np.int32),
        np.zeros(n, np.int64),
        np.array([link for *_, link in packets], np.int32),
    )
    fields = dissect(block)
    good = fields[fields["status"] == OK]
    ends = block.offset[fields["status"] == OK] + block.captured[fields["status"] == OK]
    assert (good["network"] + good["network_bytes"] + good["transport_bytes"] <= ends).all()
    assert (good["payload_bytes"] >= 0).all()
    assert sum(faults(fields).values()) >= n - len(good)
