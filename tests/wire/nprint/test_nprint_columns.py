"""The columns of nPrint, against a list written down by hand from the documentation of nprint."""

import pytest

from netdiffus.errors import InputError
from netdiffus.wire.nprint.columns import HEADERS, layout

# field and number of bits, in the order of nprint's output
DOCUMENTED = """
eth_dhost 48 eth_shost 48 eth_ethertype 16
ipv4_ver 4 ipv4_hl 4 ipv4_tos 8 ipv4_tl 16 ipv4_id 16 ipv4_rbit 1 ipv4_dfbit 1 ipv4_mfbit 1 ipv4_foff 13 ipv4_ttl 8
ipv4_proto 8 ipv4_cksum 16 ipv4_src 32 ipv4_dst 32 ipv4_opt 320
ipv6_ver 4 ipv6_tc 8 ipv6_fl 20 ipv6_len 16 ipv6_nh 8 ipv6_hl 8 ipv6_src 128 ipv6_dst 128
tcp_sprt 16 tcp_dprt 16 tcp_seq 32 tcp_ackn 32 tcp_doff 4 tcp_res 3 tcp_ns 1 tcp_cwr 1 tcp_ece 1 tcp_urg 1 tcp_ackf 1
tcp_psh 1 tcp_rst 1 tcp_syn 1 tcp_fin 1 tcp_wsize 16 tcp_cksum 16 tcp_urp 16 tcp_opt 320
udp_sport 16 udp_dport 16 udp_len 16 udp_cksum 16
icmp_type 8 icmp_code 8 icmp_cksum 16 icmp_roh 32
payload_bit 24
"""


def test_all_columns_in_order() -> None:
    documented = DOCUMENTED.split()
    pairs = zip(documented[::2], map(int, documented[1::2]), strict=True)
    expected = [f"{field}_{bit}" for field, bits in pairs for bit in range(bits)]
    assert layout(HEADERS, 3).columns == expected
    assert len(expected) == 112 + 480 + 320 + 480 + 64 + 64 + 24


def test_the_standard_has_1088_columns() -> None:
    standard = layout()
    assert (len(standard.columns), standard.row_bytes) == (1088, 136)
    assert standard.columns[:5] == ["ipv4_ver_0", "ipv4_ver_1", "ipv4_ver_2", "ipv4_ver_3", "ipv4_hl_0"]
    assert standard.columns[480] == "tcp_sprt_0"
    assert standard.columns[-1] == "icmp_roh_31"


def test_places() -> None:
    some = layout(["udp", "eth", "tcp"], 2)
    assert some.headers == ("eth", "tcp", "udp")
    assert [some.first_byte(name) for name in ("eth", "ipv4", "tcp", "udp", "payload")] == [0, -1, 14, 74, 82]
    assert some.fields["tcp_syn"] == slice(112 + 110, 112 + 111)
    assert some.columns[some.fields["payload_bit"]] == [f"payload_bit_{bit}" for bit in range(16)]


@pytest.mark.parametrize(
    ("headers", "payload_bytes", "said"),
    [
        (["ipv4", "arp"], 0, "expected headers among eth, ipv4, ipv6, tcp, udp, icmp; got arp"),
        ([], 0, "got neither; name at least one"),
        (["tcp"], 65_536, "expected 0 to 65535 bytes of payload; got 65536"),
    ],
)
def test_what_cannot_be_a_layout(headers, payload_bytes, said) -> None:
    with pytest.raises(InputError, match=said):
        layout(headers, payload_bytes)
