"""nPrint rows: packets as bits in columns, as text or packed (docs/nprint.md)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import Field

from netdiffus.config import Config
from netdiffus.errors import InputError
from netdiffus.steps.outputs.capture import CaptureWritten, compiled_flows, packet_blocks, written
from netdiffus.steps.outputs.order import Drawn, Order, draw_flows
from netdiffus.store.publish import publish_file
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.nprint.bits import BitRows, bit_rows
from netdiffus.wire.nprint.capture import PACKED_SUFFIX, TEXT_SUFFIXES
from netdiffus.wire.nprint.columns import Layout, layout
from netdiffus.wire.nprint.packed import PackedWriter
from netdiffus.wire.nprint.text import TextWriter

DRAWN_HEADERS = ("ipv4", "ipv6", "tcp", "udp", "icmp")
"""Columns of packets that were drawn."""
PART_BYTES = 1 << 21


class NprintConfig(Config):
    """What can be chosen for nPrint rows."""

    headers: str | None = Field(
        None,
        description="Columns of eth,ipv4,ipv6,tcp,udp,icmp; default: an nPrint source's, else ipv4,tcp,udp,icmp.",
    )
    payload_bytes: int = Field(0, ge=0, le=65_535, description="Payload bytes with columns.")
    timestamps: Literal["none", "absolute", "relative"] = Field("none", description="Time columns of .nprint text.")
    anonymise: str | None = Field(None, description="Key file: map the addresses of captures, prefix-preserving.")


def write_nprint(order: Order) -> Generator[Drawn, None, CaptureWritten]:
    """Draw flows and write their packets, interleaved in time, as rows."""
    drawn = yield from draw_flows(order)
    packets = compiled_flows(drawn, order)
    wanted = layout(DRAWN_HEADERS, 0)
    with publish_file(order.out) as temporary, row_writer(order.out, temporary, wanted) as write:
        for block in packet_blocks(packets, order.capture, order.config.seed):
            for part in row_parts(len(block), wanted):
                rows, _ = bit_rows(block.part(part), dissect(block.part(part)), wanted)
                write(rows)
    return written({order.out: len(packets.segments)}, packets, drawn)


@contextmanager
def row_writer(
    out: Path, temporary: Path, wanted: Layout, timestamps: str = "none"
) -> Iterator[Callable[[BitRows], object]]:
    """What takes the rows for the file `out`, written under a temporary name."""
    name = out.name.lower()
    if name.endswith(PACKED_SUFFIX):
        with PackedWriter(temporary, wanted) as packed:
            yield packed.add
            packed.finish()
    elif name.endswith(TEXT_SUFFIXES):
        text = TextWriter(wanted, timestamps)
        with temporary.open("wb") as file:
            file.write(text.header)
            yield lambda rows: file.write(text.lines(rows))
    else:
        raise InputError(
            f"a name that ends in {', '.join(TEXT_SUFFIXES)} or {PACKED_SUFFIX}",
            out.name,
            f"choose {PACKED_SUFFIX} for a small file, or compress the text afterwards",
        )


def row_parts(n: int, wanted: Layout) -> Iterator[slice]:
    """n packets in parts whose rows take up to PART_BYTES: with much payload a row is long, its text longer."""
    step = max(PART_BYTES // wanted.row_bytes, 1)
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))
