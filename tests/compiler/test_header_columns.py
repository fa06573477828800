"""What headers say, as columns: by hand, and against the tables that flows are made of."""

from __future__ import annotations

import numpy as np
import polars as pl

from netdiffus import recordings
from netdiffus.compiler.header_columns import ABSENT, LAYOUT, header_block, header_columns
from netdiffus.traffic.flows.reader import flows_of_capture
from small_packets import icmp, ipv4, ipv6, tcp, udp

NOPS = bytes([1, 1, 8, 10]) + bytes(8)


def rows(*packets: tuple[bytes, bytes, int, int]) -> pl.DataFrame:
    """Packets of one flow as rows of packets.parquet: network header, transport header, direction and time."""
    network, transport, direction, time_ns = zip(*packets, strict=True)
    return pl.DataFrame(
        {
            "network_header": list(network),
            "transport_header": list(transport),
            "direction": list(direction),
            "time_ns": list(time_ns),
            "payload_bytes": [0] * len(packets),
        }
    )


def heads(packet: bytes, network: int) -> tuple[bytes, bytes]:
    return packet[:network], packet[network:]


def test_fields_by_hand() -> None:
    stamped = bytes([1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7])
    found = header_columns(
        rows(
            (*heads(ipv4(tcp(options=NOPS), 6), 20), 0, 1_000),
            (*heads(ipv4(tcp(options=stamped), 6), 20), 0, 4_000),
            (*heads(ipv6(udp(), 17), 40), 1, 9_000),
            (*heads(ipv4(icmp(), 1), 20), 1, 9_500),
            (*heads(ipv4(tcp(), 6), 20), 0, 9_900),
        ),
        np.array([0, 0, 0, 1, 1]),
    )
    assert found.ttl.tolist() == [64] * 5
    assert found.protocol.tolist() == [6, 6, 17, 1, 6]
    assert found.window.tolist() == [512, 512, ABSENT, ABSENT, 512]
    assert found.flags.tolist() == [0x15A, 0x15A, ABSENT, ABSENT, 0x15A]  # with the lowest bit of the byte before
    assert found.options[0] == found.options[1] != found.options[4]  # timestamps differ, the layout does not
    assert found.options[2] == ABSENT
    assert found.gap_ns.tolist() == [0, 3_000, 5_000, 0, 400]
    assert found.server_port.tolist() == [443, 443, 5000, 0, 443]  # a packet of the server comes from its port


def test_bits_stand_where_the_layout_says() -> None:
    (network, transport) = heads(ipv4(udp(), 17), 20)
    found = header_columns(rows((network, transport, 0, 0)), np.array([0]))
    bits, there = np.unpackbits(found.bits[0]), np.unpackbits(found.present[0])
    assert bits[LAYOUT.fields["ipv4_ttl"]].tolist() == [0, 1, 0, 0, 0, 0, 0, 0]
    assert there[LAYOUT.fields["udp_sport"]].all()
    assert not there[LAYOUT.fields["tcp_sprt"]].any()
    assert not there[LAYOUT.fields["ipv6_ver"]].any()


def test_headers_of_a_recording_are_found_again() -> None:
    flows, packets, _ = (
        getattr(flows_of_capture(next((recordings.folder() / "dns").glob("*.pcap*")), packets=4), name)
        for name in ("flows", "packets", "summary")
    )
    owner = packets["flow_id"].to_numpy()
    found = header_columns(packets, owner)
    first = np.searchsorted(owner, np.arange(len(flows)))
    assert found.server_port[first].tolist() == flows["server_port"].to_list()
    assert found.size.tolist() == packets["payload_bytes"].to_list()
    block = header_block(packets)
    assert (block.length - block.captured).tolist() == packets["payload_bytes"].to_list()


def test_headers_that_are_cut_have_no_fields() -> None:
    found = header_columns(rows((b"\x45\x00", b"", 0, 0), (b"", b"", 0, 5)), np.array([0, 0]))
    assert found.ttl.tolist() == found.window.tolist() == found.options.tolist() == [ABSENT, ABSENT]
    assert not found.present.any()
