"""Anonymised flows: the same mapping in tables and headers, and checksums that stay right, or wrong."""

import ipaddress
import struct

import numpy as np
import polars as pl
import pytest

from netdiffus import recordings
from netdiffus.traffic.anonymise.rewrite import anonymise, anonymise_block, anonymise_texts
from netdiffus.traffic.flows.reader import flows_of_capture
from netdiffus.wire.headers.dissect import dissect
from small_packets import block_of, whole

KEY = bytes(range(32))
A4, B4, C4 = (ipaddress.ip_address(text).packed for text in ("10.1.2.3", "192.0.2.9", "198.51.100.7"))
A6, B6, C6 = (ipaddress.ip_address(text).packed for text in ("2001:db8::1", "2001:db8:1::9", "2001:db8:2::7"))


def total(data: bytes) -> int:
    """The one's complement sum (RFC 1071), 0xffff where a checksum is right."""
    words = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while words > 0xFFFF:
        words = (words & 0xFFFF) + (words >> 16)
    return words


def with_sum(data: bytes, at: int, cover: bytes = b"") -> bytes:
    value = 0xFFFF - total(cover + data)
    return data[:at] + struct.pack("!H", value) + data[at + 2 :]


def pseudo(source: bytes, target: bytes, protocol: int, length: int) -> bytes:
    """RFC 9293 section 3.1 and RFC 8200 section 8.1; their sums do not depend on where the zeros stand."""
    return source + target + struct.pack("!HH", length, protocol)


def tcp(options: bytes = b"") -> bytes:
    return struct.pack("!HHIIBBHHH", 40000, 443, 1, 2, (5 + len(options) // 4) << 4, 16, 512, 0, 0) + options


def v4(protocol: int, body: int, options: bytes = b"") -> bytes:
    head = 20 + len(options)
    fixed = struct.pack("!BBHHHBBH", 0x40 | head // 4, 0, head + body, 7, 0, 64, protocol, 0)
    return with_sum(fixed + A4 + B4 + options, 10)


def v6(following: int, extensions: bytes, body: int) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(extensions) + body, following, 64) + A6 + B6 + extensions


def of(network: bytes, transport: bytes) -> pl.DataFrame:
    return pl.DataFrame({"network_header": [network], "transport_header": [transport]})


FLOWS = pl.DataFrame({"client": ["10.1.2.3"], "server": ["192.0.2.9"]})


def mapped(network: bytes, transport: bytes) -> tuple[bytes, bytes]:
    return anonymise(FLOWS, of(network, transport), KEY)[1].row(0)


def other(*addresses: bytes) -> list[bytes]:
    texts = anonymise_texts([str(ipaddress.ip_address(address)) for address in addresses], KEY)
    return [ipaddress.ip_address(text).packed for text in texts]


PAYLOAD = b"seventeen octets!"


@pytest.mark.parametrize("protocol", [1, 6, 17])
def test_right_checksums_stay_right_in_ipv4(protocol) -> None:
    plain = {1: b"\x08\0\0\0\0\1\0\1", 6: tcp(), 17: struct.pack("!HHHH", 53, 53, 8 + len(PAYLOAD), 0)}[protocol]
    at = {1: 2, 6: 16, 17: 6}[protocol]
    length = len(plain) + len(PAYLOAD)
    cover = b"" if protocol == 1 else pseudo(A4, B4, protocol, length)
    transport = with_sum(plain + PAYLOAD, at, cover)[: len(plain)]
    network, after = mapped(v4(protocol, length), transport)
    a, b = other(A4, B4)
    assert (network[12:16], network[16:20]) == (a, b)
    assert total(network) == 0xFFFF
    assert total((b"" if protocol == 1 else pseudo(a, b, protocol, length)) + after + PAYLOAD) == 0xFFFF
    assert after[:at] + after[at + 2 :] == transport[:at] + transport[at + 2 :]


@pytest.mark.parametrize("protocol", [6, 17, 58])
def test_right_checksums_stay_right_in_ipv6(protocol) -> None:
    plain = {58: b"\x80\0\0\0\0\1\0\1", 6: tcp(), 17: struct.pack("!HHHH", 53, 53, 8 + len(PAYLOAD), 0)}[protocol]
    at = {58: 2, 6: 16, 17: 6}[protocol]
    length = len(plain) + len(PAYLOAD)
    transport = with_sum(plain + PAYLOAD, at, pseudo(A6, B6, protocol, length))[: len(plain)]
    network, after = mapped(v6(protocol, b"", length), transport)
    a, b = other(A6, B6)
    assert network[8:] == a + b
    assert total(pseudo(a, b, protocol, length) + after + PAYLOAD) == 0xFFFF


def test_a_wrong_checksum_stays_as_wrong_and_none_stays_none() -> None:
    wrong = with_sum(tcp(), 16, pseudo(A4, B4, 6, 20))
    wrong = wrong[:16] + struct.pack("!H", (struct.unpack("!H", wrong[16:18])[0] + 5) % 0xFFFF) + wrong[18:]
    _, after = mapped(v4(6, 20), wrong)
    assert total(pseudo(*other(A4, B4), 6, 20) + after) == 5
    _, none = mapped(v4(17, 8), struct.pack("!HHHH", 53, 53, 8, 0))
    assert none[6:] == b"\0\0"


def test_addresses_in_options_and_extension_headers() -> None:
    a4, b4, c4, a6, b6, c6 = (*other(A4, B4, C4), *other(A6, B6, C6))
    record = b"\x07\x0b\x08" + C4 + bytes(4) + b"\0"  # one slot filled, one not yet
    network, _ = mapped(v4(17, 8, record), b"")
    assert network[20:32] == b"\x07\x0b\x08" + c4 + bytes(4) + b"\0"
    assert total(network) == 0xFFFF
    stamps = b"\x44\x0c\x0d\x01" + C4 + b"\1\2\3\4"
    assert mapped(v4(17, 8, stamps), b"")[0][20:32] == b"\x44\x0c\x0d\x01" + c4 + b"\1\2\3\4"
    # A source route's last stop is what the checksum covers, until it is reached.
    loose = b"\x83\x07\x04" + C4 + b"\0"
    right = with_sum(tcp(), 16, pseudo(A4, C4, 6, 20))
    network, after = mapped(v4(6, 20, loose), right)
    assert network[16:20] == b4
    assert total(pseudo(a4, c4, 6, 20) + after) == 0xFFFF
    for kind, stops in ((0, C6 + C6), (2, C6), (4, C6 + A6)):
        route = bytes([6, len(stops) // 8, kind, 1, len(stops) // 16 - 1, 0, 0, 0]) + stops
        right = with_sum(tcp(), 16, pseudo(A6, C6, 6, 20))
        network, after = mapped(v6(43, route, 20), right)
        assert network[48:64] == c6
        assert total(pseudo(a6, c6, 6, 20) + after) == 0xFFFF
    home = bytes([6, 2, 1, 2, 0, 0, 201, 16]) + C6
    right = with_sum(tcp(), 16, pseudo(C6, B6, 6, 20))
    network, after = mapped(v6(60, home, 20), right)
    assert network[48:64] == c6
    assert total(pseudo(c6, b6, 6, 20) + after) == 0xFFFF
    redirect = with_sum(b"\x05\x01\0\0" + C4, 2)
    _, after = mapped(v4(1, 8), redirect)
    assert after[4:] == c4
    assert total(after) == 0xFFFF
    for size, address, image in ((8, C4, c4), (20, C6, c6)):
        right = with_sum(tcp(bytes([30, size, 0x30, 1]) + address), 16, pseudo(A4, B4, 6, 20 + size))
        _, after = mapped(v4(6, 20 + size), right)
        assert after[24:] == image
        assert total(pseudo(a4, b4, 6, 20 + size) + after) == 0xFFFF


def test_cut_and_odd_headers_do_no_harm() -> None:
    whole = [v4(6, 20, b"\x83\x0b\x04" + C4 + C4 + b"\0"), v6(43, bytes([60, 4, 0, 2, 0, 0, 0, 0]) + C6 + C6, 20)]
    for network in whole:
        for cut in range(len(network) + 1):
            for part in (b"", tcp(b"\x1e\x08\x30\x01" + C4)[: cut % 29]):
                after, rest = mapped(network[:cut], part)
                assert (len(after), len(rest)) == (cut, len(part))
    rng = np.random.default_rng(1)
    for _ in range(300):
        head = bytes([rng.choice([0x45, 0x4F, 0x60])]) + rng.bytes(int(rng.integers(0, 90)))
        assert len(mapped(head, rng.bytes(int(rng.integers(0, 60))))[0]) == len(head)


@pytest.fixture(scope="module")
def recorded():
    return flows_of_capture(recordings.captures()["web"][0], packets=16)


def test_headers_and_flows_agree_in_a_recording(recorded) -> None:
    flows, packets = anonymise(recorded.flows, recorded.packets, KEY)
    both = packets.join(flows.select("flow_id", "client", "server"), on="flow_id", maintain_order="left")
    for network, direction, client, server in both.select(
        "network_header", "direction", "client", "server"
    ).unique().iter_rows():  # fmt: skip
        at, width = (12, 4) if network[0] >> 4 == 4 else (8, 16)
        ends = [ipaddress.ip_address(network[at + k * width : at + (k + 1) * width]).compressed for k in (0, 1)]
        assert ends == ([client, server] if direction == 0 else [server, client])
        assert width == 16 or total(network) == 0xFFFF
    untouched = [name for name in flows.columns if name not in ("client", "server")]
    assert flows.select(untouched).equals(recorded.flows.select(untouched))
    assert packets.schema == recorded.packets.schema
    assert not set(flows["client"]) & set(recorded.flows["client"])


def test_a_key_gives_the_same_addresses_in_every_run(recorded) -> None:
    once, twice = (anonymise(recorded.flows, recorded.packets, KEY) for _ in range(2))
    assert once[0].equals(twice[0])
    assert once[1].equals(twice[1])
    half = anonymise(recorded.flows.head(5), recorded.packets.filter(pl.col("flow_id") < 5), KEY)
    assert half[0].equals(once[0].head(5))
    assert not anonymise(recorded.flows, recorded.packets, bytes(32))[0].equals(once[0])


def test_nothing_to_anonymise(recorded) -> None:
    flows, packets = anonymise(recorded.flows.head(0), recorded.packets.head(0), KEY)
    assert (len(flows), len(packets)) == (0, 0)
    assert packets.schema == recorded.packets.schema


def test_a_block_has_other_addresses_in_all_its_headers() -> None:
    one, group, all_ff = bytes.fromhex("3c5ab4010203"), bytes.fromhex("01005e7f0001"), b"\xff" * 6
    same_vendor = bytes.fromhex("3c5ab4999999")
    right = with_sum(tcp() + PAYLOAD, 16, pseudo(A4, B4, 6, 20 + len(PAYLOAD)))
    frames = [
        one + same_vendor + b"\x08\0" + v4(6, 20 + len(PAYLOAD)) + right,
        group + one + b"\x08\x06" + bytes(28),
        all_ff + one + b"\x86\xdd" + v6(17, b"", 8) + struct.pack("!HHHH", 53, 53, 8, 0),
        group + same_vendor + b"\x08\0" + v4(6, 20 + len(PAYLOAD)) + right,
    ]
    block = block_of(whole(*frames))
    made = [packet.data for packet in anonymise_block(block, dissect(block), KEY).packets()]
    assert len(made) == 3  # what is in ARP is not known, so it is not handed on
    a, b = other(A4, B4)
    network, transport = made[0][14:34], made[0][34:]
    assert (network[12:16], network[16:20]) == (a, b)
    assert total(network) == 0xFFFF
    assert total(pseudo(a, b, 6, len(transport)) + transport) == 0xFFFF
    assert transport[20:] == PAYLOAD
    assert made[1][22:54] == b"".join(other(A6, B6))
    assert made[1][:6] == all_ff
    assert made[0][:6] == made[1][6:12] != one
    assert made[0][6:12] == made[2][6:12] != same_vendor
    assert made[0][:3] == made[0][6:9]
    assert made[0][3:6] != made[0][9:12]
    assert made[2][:6] != group
    assert (made[2][0] & 1, made[0][0] & 1) == (1, 0)
    assert [packet.data for packet in block.packets()] == frames
