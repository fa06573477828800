"""Target: pcap files. Both forms and any size of block must agree, and what is written again must come back."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from random import Random

from fuzz.forms import Form, compiled_form
from fuzz.mutation import Native, changed, joined
from fuzz.reading import read
from fuzz.seeds import few_packets

MAX_BYTES = 1024
MODULES = ("wire.files.reader",)
MAGICS = [bytes.fromhex(text) for text in ("a1b2c3d4", "a1b23c4d", "a1b2cd34", "d4c3b2a1", "4d3cb2a1", "34cdb2a1")]
LATEST_NS = 2**32 * 10**9  # the format's seconds have 32 bits


def seeds() -> Iterator[bytes]:
    """Every variant of a small file, and the shipped recordings' first packets."""
    write_pcap = compiled_form(*MODULES)["wire.files.reader"].write_pcap
    for order in "<>":
        for magic, extra in ((0xA1B2C3D4, 0), (0xA1B23C4D, 0), (0xA1B2CD34, 8)):
            for version in ((2, 4), (2, 3), (543, 0)):
                record = struct.pack(order + "IIII", 7, 9, 3, 60) + bytes(extra) + b"abc"
                yield struct.pack(order + "IHHiIII", magic, *version, 0, 0, 65535, 1) + record * 2
    for link, packets in few_packets():
        file = io.BytesIO()
        write_pcap(file, packets, link)
        yield file.getvalue()


def one(data: bytes, plain: Form, compiled: Form) -> None:
    """Read a file in both forms, in small blocks and large ones; write what came and read it again."""
    if data[:4] not in MAGICS:
        data = MAGICS[len(data) % len(MAGICS)] + data[4:]
    got = read(plain, data, 64)
    assert got == read(compiled, data, (200, 1 << 14)[len(data) % 2])
    packets = [packet for packet in got.packets if packet[0] < LATEST_NS]
    if packets:
        module, file = compiled["wire.files.reader"], io.BytesIO()
        link = packets[0][3]
        module.write_pcap(file, [module.Packet(*packet[:3]) for packet in packets], link)
        again = read(compiled, file.getvalue(), 1 << 14)
        assert again == ([(*packet[:3], link) for packet in packets], {}, ""), again


def mutate(data: bytes, size: int, native: Native, random: Random) -> bytes:
    """Header and records as parts; most records then say how long they are."""
    big = data[:1] == b"\xa1"
    head = 24 if data[2:4] in (b"\xcd\x34", b"\xb2\xa1") and b"\xcd" in data[:4] else 16
    order = "big" if big else "little"
    parts, pos = [data[:24]], 24
    while pos + head <= len(data):
        n = head + int.from_bytes(data[pos + 8 : pos + 12], "big" if big else "little")
        parts.append(data[pos : pos + n])
        pos += n
    parts = changed(parts, native, random, keep=1)
    for i, part in enumerate(parts):
        if i and len(part) >= head and random.randrange(8):
            length = len(part) - head
            parts[i] = part[:8] + length.to_bytes(4, "big" if order == "big" else "little") + part[12:]
    return joined(parts, size)
