"""The bits codec: a flow's packets ↔ an image of nPrint columns, one row per packet, each column 1, 0 or -1 (absent).

Columns are those of nPrint 1.2.1 (Holland et al., CCS 2021) for the requested headers, followed, unless the image
is bare, by the packet's direction, its payload size and the nanoseconds since the previous packet, most significant
bit first. Past the end of a flow everything is absent. Apart from the payload, these columns are lossless.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes, Ints, Levels
from netdiffus.errors import InputError
from netdiffus.imaging.headers import ALL, NETWORK, TRANSPORT
from netdiffus.wire.headers.fields import ICMP, TCP, UDP
from netdiffus.wire.nprint.bits import pack, unpack
from netdiffus.wire.nprint.columns import HEADER_BYTES, Layout, layout

BITS = "bits"
"""The name of this codec in manifests and options."""
OWN = {"direction": 1, "payload_size": 31, "gap_ns": 64}
"""The columns after nPrint's, and their bits."""
OWN_BYTES = sum(OWN.values()) // 8
PROTOCOLS = {TCP: "tcp", UDP: "udp", ICMP: "icmp"}

EXTENSIONS, NO_COLUMNS, CUT = "IPv6 extension headers", "a protocol without columns", "no transport header"


class PacketRows(NamedTuple):
    """Consecutive packets.

    Attributes:
        data: their headers, IP, then transport, uint8; network, transport: bytes of each, (P,).
        direction: 0 or 1. size: payload bytes. gap_ns: since the previous packet of the flow, 0 for the first.
    """

    data: Bytes
    network: Ints
    transport: Ints
    direction: Ints
    size: Ints
    gap_ns: Ints

    @property
    def begin(self) -> Ints:
        """Offset of each packet's headers, (P,)."""
        both = self.network + self.transport
        return np.asarray(np.cumsum(both) - both)

    def headers(self) -> tuple[list[str], list[str]]:
        """The names of each packet's IP header and of the one above it; "" if it has no columns."""
        version = self.data[self.begin] >> 4
        protocol = self.data[self.begin + np.where(version == 4, 9, 6)]
        network = ["ipv4" if number == 4 else "ipv6" for number in version.tolist()]
        return network, [PROTOCOLS.get(number, "") for number in protocol.tolist()]


@dataclass(frozen=True)
class BitsCodec:
    """The columns of an image.

    Attributes:
        headers: names of nPrint's headers; ALL, or the four of published work.
        bare: without direction, payload size and gap.
    """

    headers: tuple[str, ...] = ALL
    bare: bool = False

    @classmethod
    def of(cls, headers: Iterable[str] = ALL, *, bare: bool = False) -> BitsCodec:
        """The codec with these headers, in any order.

        Raises:
            InputError: an unknown header, or none of the IP or none of the transport headers.
        """
        names = tuple(headers)
        unknown = [name for name in names if name not in ALL]
        if unknown or not set(names) & set(NETWORK) or not set(names) & set(TRANSPORT):
            raise InputError(
                f"headers among {', '.join(ALL)}, one of IP and one above it at least",
                ", ".join(names) or "none",
                "correct --headers",
            )
        return cls(layout(names).headers, bare)

    @classmethod
    def of_width(cls, columns: int) -> BitsCodec:
        """The codec of images with this number of columns: nPrint's 1,088 or, with IPv6, 1,408, bare or not.

        Raises:
            InputError: no codec has this number of columns.
        """
        known = {
            codec.columns: codec
            for codec in (cls(names, bare) for names in (ALL, layout().headers) for bare in (False, True))
        }
        if columns not in known:
            widths = ", ".join(f"{n:,}" for n in sorted(known))
            raise InputError(f"images of {widths} columns", f"{columns:,}", "keep images as they were written")
        return known[columns]

    def to_json(self, length: int) -> dict[str, Any]:
        """What scale.json says of images of so many rows."""
        return {
            "codec": BITS, "headers": list(self.headers), "bare": self.bare, "length": length, "columns": self.names,
        }  # fmt: skip

    @cached_property
    def layout(self) -> Layout:
        """nPrint's part of the columns."""
        return layout(self.headers)

    @property
    def row_bytes(self) -> int:
        """Bytes per row, one bit per column."""
        return self.layout.row_bytes + (0 if self.bare else OWN_BYTES)

    @property
    def columns(self) -> int:
        """Number of columns."""
        return 8 * self.row_bytes

    @property
    def names(self) -> list[str]:
        """The names of the columns, FIELD_BIT, bit 0 the most significant."""
        own = {} if self.bare else OWN
        return self.layout.columns + [f"{name}_{bit}" for name, bits in own.items() for bit in range(bits)]

    def lost(self, packets: PacketRows) -> NDArray[np.object_]:
        """Why a packet cannot be a row, (P,): a text, or None."""
        network, transport = packets.headers()
        why = np.full(len(network), None, object)
        why[packets.transport == 0] = CUT
        why[[not {a, b} <= set(self.headers) for a, b in zip(network, transport, strict=True)]] = NO_COLUMNS
        why[[name == "ipv6" for name in network] & (packets.network != HEADER_BYTES["ipv6"])] = EXTENSIONS
        return why

    def encode(self, packets: PacketRows) -> Levels:
        """Rows (P, columns) in -1, 0, 1 of packets for which `lost` is None."""
        n = len(packets.network)
        bits, present = np.zeros((n, self.row_bytes), np.uint8), np.zeros((n, self.row_bytes), np.uint8)
        begin = packets.begin
        for names, at, size in zip(
            packets.headers(), (begin, begin + packets.network), (packets.network, packets.transport), strict=True
        ):
            first = np.array([self.layout.first_byte(name) for name in names], np.int64)
            _scatter(bits, present, first, packets.data, at, size)
        if not self.bare:
            own = np.zeros((n, OWN_BYTES), np.uint8)
            word = (packets.direction.astype(np.uint32) << 31) | packets.size.astype(np.uint32)
            own[:, :4] = word.astype(">u4").view(np.uint8).reshape(n, 4)
            own[:, 4:] = packets.gap_ns.astype(">i8").view(np.uint8).reshape(n, 8)
            bits[:, -OWN_BYTES:], present[:, -OWN_BYTES:] = own, 255
        return unpack(bits, present)

    def decode(self, rows: Levels) -> PacketRows:
        """The packets of rows (P, columns), none of them absent; direction, size and gap of a bare image are 0.

        Raises:
            InputError: a value beyond -1, 0 and 1, or a row that is not a packet: partial bytes, not one header each.
        """
        bits, present = pack(rows)
        first = [self.layout.first_byte(name) for name in self.headers] + [self.layout.row_bytes]
        there = np.stack([(present[:, a:b] == 255).sum(axis=1) for a, b in pairwise(first)], axis=1)
        kinds = [np.isin(self.headers, names) for names in (NETWORK, TRANSPORT)]
        whole = ((present == 0) | (present == 255)).all(axis=1)
        for kind in kinds:
            whole &= (there[:, kind] > 0).sum(axis=1) == 1
        if not whole.all():
            row = int(np.argmin(whole))
            raise InputError(
                "rows with one IP and one transport header, of whole bytes", f"row {row}", "mend the image"
            )
        network, transport = (there[:, kind].sum(axis=1) for kind in kinds)
        headers = slice(0, self.layout.row_bytes)
        data = bits[:, headers][present[:, headers] == 255]
        zero = np.zeros(len(rows), np.int64)
        if self.bare:
            return PacketRows(data, network, transport, zero, zero, zero)
        own = np.ascontiguousarray(bits[:, -OWN_BYTES:])
        word = np.ascontiguousarray(own[:, :4]).view(">u4")[:, 0].astype(np.int64)
        gap_ns = np.ascontiguousarray(own[:, 4:]).view(">i8")[:, 0].astype(np.int64)
        return PacketRows(data, network, transport, word >> 31, word & 0x7FFF_FFFF, gap_ns)


def _scatter(bits: Bytes, present: Bytes, first: Ints, data: Bytes, begin: Ints, size: Ints) -> None:
    """Copy size[i] bytes of data from begin[i] into row i, starting at byte first[i]."""
    row = np.repeat(np.arange(len(size)), size)
    place = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
    bits[row, first[row] + place] = data[begin[row] + place]
    present[row, first[row] + place] = 255


def padded(rows: Levels, length: int) -> Levels:
    """An image (length, columns) of the first rows, padded with absence."""
    image = np.full((length, rows.shape[1]), -1, np.int8)
    image[: len(rows)] = rows[:length]
    return image


def trimmed(image: Levels) -> Levels:
    """The rows of an image before the first one that is entirely absent."""
    empty = (image == -1).all(axis=1)
    return image[: int(np.argmax(empty)) if empty.any() else len(image)]
