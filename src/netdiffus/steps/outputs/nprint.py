"""nPrint rows: the packets of drawn flows as bits in columns (docs/nprint.md)."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from netdiffus.compiler.capture import packet_blocks
from netdiffus.steps.outputs.capture import compiled_flows, payload_config, payload_of, written
from netdiffus.steps.outputs.nprint_rows import row_parts, row_writer
from netdiffus.steps.outputs.order import Drawn, Order, draw_flows
from netdiffus.steps.outputs.written import CaptureWritten
from netdiffus.store.publish import publish_file
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.nprint.bits import bit_rows
from netdiffus.wire.nprint.columns import layout

DRAWN_HEADERS = ("ipv4", "ipv6", "tcp", "udp", "icmp")
"""Columns of packets that were drawn."""


def write_nprint(order: Order) -> Generator[Drawn, None, CaptureWritten]:
    """Draw flows and write their packets, interleaved in time, as rows."""
    drawn = yield from draw_flows(order)
    packets = compiled_flows(drawn, order)
    wanted = layout(DRAWN_HEADERS, 0)
    config, known = payload_config(order)
    payload = payload_of(packets, config, order.config.seed, known)
    in_time = np.argsort(packets.segments["time_ns"], kind="stable")
    with publish_file(order.out) as temporary, row_writer(order.out, temporary, wanted) as write:
        blocks = packet_blocks(packets, in_time, link=order.capture.link, payload=payload, seed=order.config.seed)
        for _, block in blocks:
            for part in row_parts(len(block), wanted):
                rows, _ = bit_rows(block.part(part), dissect(block.part(part)), wanted)
                write(rows)
    return written({order.out: len(packets.segments)}, packets, drawn, [payload])
