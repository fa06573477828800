"""Checksums: the RFC's example, packets made by hand, and incremental update against computing afresh."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from netdiffus.wire.conformance.checksums import ABSENT, NOT_CHECKED, PARTIAL, RIGHT, WRONG, fold, update, verdicts
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.packets import Packet
from wire_packets import block_of, icmp, icmp6, internet_sum, ip, pseudo, tcp, udp


def verdict(frame: bytes, length: int | None = None):
    block = block_of([Packet(1, frame, length or len(frame))])
    return verdicts(block, dissect(block))[0]


def test_the_example_of_rfc_1071() -> None:
    words = 0x0001 + 0xF203 + 0xF4F5 + 0xF6F7  # section 3
    assert fold(words) == 0xDDF2


def test_right_wrong_absent_partial_and_not_captured() -> None:
    for version in (4, 6):
        for frame in (udp(b"odd", version=version), tcp(1, 2, 16, b"even", version=version)):
            row = verdict(frame)
            assert row["transport"] == RIGHT
            assert row["header"] == (RIGHT if version == 4 else 0)
            bad = verdict(frame[:-1] + b"\x99")
            assert bad["transport"] == WRONG
            assert bad["transport_value"] != row["transport_value"]
            assert verdict(frame[:-1], len(frame))["transport"] == NOT_CHECKED
    assert verdict(udp(checksum=0))["transport"] == ABSENT
    assert verdict(icmp())["transport"] == verdict(icmp6())["transport"] == RIGHT
    assert verdict(icmp(checksum=1))["transport"] == WRONG
    partial = 0xFFFF - internet_sum(pseudo(4, 0, 17, 13))
    assert verdict(udp(checksum=partial))["transport"] == PARTIAL


def test_padding_behind_the_packet_is_not_in_its_checksum() -> None:
    assert verdict(udp(b"odd") + b"\xee" * 15)["transport"] == RIGHT


def test_a_fragment_and_a_source_route_are_not_checked() -> None:
    segment = struct.pack("!HHHHHH", 1, 2, 12, 7, 8, 9)
    assert verdict(ip(4, segment, 17, place=0x2000))["transport"] == NOT_CHECKED
    routing = struct.pack("!BBBBI", 17, 2, 0, 1, 0) + b"\x20\1" + b"\0" * 14
    assert verdict(ip(6, routing + segment, 43))["transport"] == NOT_CHECKED


@given(st.binary(min_size=8, max_size=40).filter(lambda b: len(b) % 2 == 0 and any(b)), st.data())
def test_an_update_is_what_computing_afresh_gives(data, draw) -> None:
    at = 2 * draw.draw(st.integers(0, len(data) // 2 - 1))
    new = draw.draw(st.binary(min_size=2, max_size=2))
    after = data[:at] + new + data[at + 2 :]
    updated = update(internet_sum(data), data[at : at + 2], new)
    assert updated % 0xFFFF == internet_sum(after) % 0xFFFF
