"""Target: pcapng files. Both forms and any size of block must agree."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random

from fuzz.forms import Form
from fuzz.mutation import Native, changed, joined
from fuzz.reading import read
from fuzz.seeds import few_packets

MAX_BYTES = 1024
MODULES = ("wire.files.reader",)
SECTION = bytes.fromhex("0a0d0d0a")
BYTE_ORDERS = (bytes.fromhex("1a2b3c4d"), bytes.fromhex("4d3c2b1a"))


def seeds() -> Iterator[bytes]:
    """Every kind of block in both byte orders, and the shipped recordings' first packets."""
    for order in "<>":
        for resolution in (0, 3, 6, 9, 12, 127, 128, 138, 160, 255):
            for kind in (2, 3, 6):
                offset = struct.pack(order + "q", -10 if resolution & 1 else 2**40)
                start = section(order) + interface(order, 1, 5, resolution, offset)
                yield start + 2 * packet(order, kind, 1_700_000_000_000_001, b"abcdefg", 60)
    for link, packets in few_packets():
        body = b"".join(packet("<", 6, time_ns, data, length) for time_ns, data, length in packets)
        yield section("<") + interface("<", link, 0, 9, bytes(8)) + body


def block(order: str, kind: int, body: bytes) -> bytes:
    """A block with right lengths."""
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def section(order: str) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str, link: int, snap: int, resolution: int, offset: bytes) -> bytes:
    options = struct.pack(order + "HHB3xHH", 9, 1, resolution, 14, 8) + offset + bytes(4)
    return block(order, 1, struct.pack(order + "HHI", link, 0, snap) + options)


def packet(order: str, kind: int, ticks: int, data: bytes, length: int) -> bytes:
    """A packet block of any of the three kinds."""
    if kind == 3:
        return block(order, 3, struct.pack(order + "I", length) + data)
    number = struct.pack(order + ("I" if kind == 6 else "HH"), *((0,) if kind == 6 else (0, 0)))
    when = struct.pack(order + "IIII", ticks >> 32, ticks & 0xFFFFFFFF, len(data), length)
    return block(order, kind, number + when + data)


def one(data: bytes, plain: Form, compiled: Form) -> None:
    """Read a file in both forms, in small blocks and large ones."""
    if data[:4] != SECTION or data[8:12] not in BYTE_ORDERS:
        data = SECTION + data[4:8] + BYTE_ORDERS[len(data) % 2] + data[12:]
    got = read(plain, data, 64)
    assert got == read(compiled, data, (200, 1 << 14)[len(data) % 2])


def mutate(data: bytes, size: int, native: Native, random: Random) -> bytes:
    """Blocks as parts; most of them then say how long they are."""
    order = "big" if data[8:12] == BYTE_ORDERS[0] else "little"
    parts, pos = [], 0
    while pos + 12 <= len(data):
        if data[pos : pos + 4] == SECTION:
            order = "big" if data[pos + 8 : pos + 12] == BYTE_ORDERS[0] else "little"
        n = max((int.from_bytes(data[pos + 4 : pos + 8], "big" if order == "big" else "little") + 3) & ~3, 12)
        parts.append(data[pos : pos + n])
        pos += n
    parts = changed(parts, native, random, keep=1)
    order = "big" if data[8:12] == BYTE_ORDERS[0] else "little"
    for i, part in enumerate(parts):
        if part[:4] == SECTION:
            order = "big" if part[8:12] == BYTE_ORDERS[0] else "little"
        if len(part) >= 12 and random.randrange(8):
            body = part[8:-4] + bytes(-len(part) % 4)
            n = (len(body) + 12).to_bytes(4, "big" if order == "big" else "little")
            parts[i] = part[:4] + n + body + n
    return joined(parts, size)
