"""Flows as pictures of their bits, and the table of header fields."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import polars as pl
from PIL import Image

from netdiffus.compiler.header_columns import header_columns
from netdiffus.metrics import Score
from netdiffus.metrics.bits import columns
from netdiffus.metrics.packets import Packets, PacketSets
from netdiffus.report.packets import COLOURS, ROWS, bits_png, field_rows, flow_bits, packet_gallery
from small_packets import ipv4, udp


def flows(counts: list[int], label: str) -> Packets:
    """UDP flows of so many packets."""
    packet, n = ipv4(udp(), 17), sum(counts)
    table = pl.DataFrame(
        {
            "network_header": [packet[:20]] * n,
            "transport_header": [packet[20:]] * n,
            "direction": [0] * n,
            "time_ns": list(range(n)),
            "payload_bytes": [0] * n,
        }
    )
    return Packets(np.repeat(label, len(counts)), header_columns(table, np.repeat(np.arange(len(counts)), counts)))


def test_the_middle_flow_of_a_label_is_shown() -> None:
    part = flows([1, 40, 3], "dns")
    chosen = columns(PacketSets(part, part, part))
    assert len(chosen) == 1088 - 64  # neither addresses nor IPv6
    bits = flow_bits(part, "dns", chosen)
    assert bits.shape == (ROWS, 1024)
    assert (bits[3:] == -1).all()  # three packets
    assert bits[0, :4].tolist() == [0, 1, 0, 0]  # version 4


def test_pictures_have_three_colours_and_no_columns_that_nobody_has() -> None:
    part, other = flows([2, 2], "dns"), flows([2], "web")
    (row,) = packet_gallery(PacketSets(part, part, part))
    assert row.label == "dns"
    assert row.real[0].alt == "nPrint bits of a real dns flow"
    assert packet_gallery(PacketSets(part, part, other)) == packet_gallery(None) == []
    picture = Image.open(BytesIO(bits_png(np.array([[-1, 0, 1]], np.int8)))).convert("RGB")
    assert [picture.getpixel((x, 0)) for x in range(3)] == [tuple(colour) for colour in COLOURS.tolist()]


def test_rows_of_fields_name_the_label_that_is_farthest_from_real() -> None:
    scores = [
        Score("fields.server_port.tvd", 0.2, 0.1, 1.0, "min", low=0.0, high=0.12),
        Score("fields.server_port.tvd", 0.3, 0.25, 1.0, "min", label="dns"),
        Score("fields.server_port.tvd", 0.2, 0.01, 1.0, "min", label="web"),
        Score("marginal.size.jsd", 0.2, 0.01, 1.0, "min"),
    ]
    (row,) = field_rows(scores)
    assert (row.name, row.measure, row.value, row.real) == ("server port", "total variation", "0.200", "0.100")
    assert (row.reading, row.worst) == ("worse", "web 0.200 (real 0.010)")
