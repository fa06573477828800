"""IPv4 addresses are the same numbers wherever they are read, made or written."""

import numpy as np
import pytest

from netdiffus.compiler import FlowRows, fresh_endpoints
from netdiffus.compiler.headers import Headers, parse_headers
from netdiffus.compiler.specs import FLOW, ROW
from netdiffus.compiler.tcp_options import CANONICAL
from netdiffus.wire.files.reader import PacketBlock
from netdiffus.wire.headers.addresses import V4_MAPPED, address_number, address_text
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.links import RAW

UDP_HEADERS = bytes([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 2, 3, 192, 0, 2, 255]) + bytes([0, 53] * 4)


@pytest.mark.parametrize(
    ("text", "halves"),
    [
        ("10.1.2.3", (0, V4_MAPPED | 0x0A010203)),
        ("255.255.255.255", (0, V4_MAPPED | 0xFFFF_FFFF)),
        ("::ffff", (0, 0xFFFF)),
        ("::fffe:a01:203", (0, 0xFFFE_0A01_0203)),
        ("::1:ffff:a01:203", (0, 0x1_FFFF_0A01_0203)),
        ("1::ffff:10.1.2.3", (1 << 48, V4_MAPPED | 0x0A010203)),
    ],
)
def test_text_and_number(text: str, halves: tuple[int, int]) -> None:
    assert address_number(text) == halves
    again = address_text(*halves)
    assert address_number(again) == halves
    assert ("." in again) == (halves[0] == 0 and halves[1] >> 32 == 0xFFFF)


def test_dissection_parsing_and_fresh_endpoints_agree() -> None:
    data = np.frombuffer(UDP_HEADERS, np.uint8)
    one = np.array([28], np.int32)
    block = PacketBlock(data, np.zeros(1, np.int64), one, one, np.zeros(1, np.int64), np.array([RAW], np.int32))
    fields = dissect(block)[0]
    source, destination = address_number("10.1.2.3"), address_number("192.0.2.255")
    assert (fields["source_high"], fields["source_low"]) == source
    assert (fields["destination_high"], fields["destination_low"]) == destination
    headers = Headers(data, np.array([20]), np.array([8]))
    zero = np.zeros(1, np.int64)
    flows, *_ = parse_headers(headers, zero, np.array([17], np.uint8), zero, zero.astype(np.uint8), one)
    assert flows["address"][0].tolist() == [list(source), list(destination)]
    flow = np.zeros(1, FLOW)
    flow["version"], flow["protocol"] = 4, 17
    rows = FlowRows(flow, np.zeros(1, ROW), np.ones(1, np.int64), CANONICAL, ("",))
    for high, low in fresh_endpoints(rows, np.random.default_rng(0)).flows["address"][0].tolist():
        assert "." in address_text(high, low)
        assert low - V4_MAPPED < 1 << 32
