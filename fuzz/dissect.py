"""Target: one packet of any link layer, and what lies in its tunnels.

Both forms must agree, and nothing around the packet may change its fields.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from fuzz.forms import Form
from fuzz.seeds import few_packets

MAX_BYTES = 256
MODULES = ("wire.headers.dissect", "wire.headers.tunnels", "wire.headers.tunnel_names")
LINKS = (1, 113, 276, 0, 108, 101, 12, 14, 228, 229, 9, 50, 51, 104, 105, 0xFFFF, 0x10001, 0x3FFFFFF)
AROUND = 37


def seeds() -> Iterator[bytes]:
    """Packets of the recordings, as they are and behind every other link layer's header."""
    for link, packets in few_packets():
        for _, data, length in packets[:3]:
            if link not in LINKS:
                continue
            more = min(max(length - len(data), 0), 255)
            yield bytes([LINKS.index(link), more]) + data
            if link == 1:
                kind, ip = data[12:14], data[14:]
                yield bytes([1, more]) + bytes(14) + kind + ip
                yield bytes([2, more]) + kind + bytes(18) + ip
                yield bytes([3, more]) + b"\2\0\0\0" + ip
                yield bytes([5, more]) + ip
                yield bytes([10, more]) + b"\xff\3\0\x21" + ip
                yield bytes([0, more]) + data[:12] + b"\x81\0\0\5" + kind + ip
                yield bytes([0, more]) + data[:12] + b"\x88\x47\0\1\1\x40" + ip
                yield bytes([0, more]) + data[:12] + b"\x88\x64\x11\0\0\1\0\x23\0\x21" + ip
                yield from (bytes([5, more]) + packet for packet in _tunnels(kind, ip, data))


def _tunnels(kind: bytes, ip: bytes, frame: bytes) -> Iterator[bytes]:
    """An IP packet or frame inside IPv4, GRE, VXLAN, Geneve, GTP-U, and GRE inside VXLAN; tunnels that are named."""

    def outer(protocol: int, inside: bytes) -> bytes:
        return struct.pack("!BBHIBBHII", 0x45, 0, 20 + len(inside), 0, 64, protocol, 0, 1, 2) + inside

    def udp(port: int, inside: bytes) -> bytes:
        return outer(17, struct.pack("!HHHH", 9, port, 8 + len(inside), 0) + inside)

    yield outer(4 if kind == b"\x08\0" else 41, ip)
    gre = outer(47, b"\xb0\0" + kind + bytes(12) + ip)  # checksum, key and sequence number
    yield gre
    yield outer(47, b"\0\0\x65\x58" + frame)
    yield udp(4789, b"\x08\0\0\0\0\0\1\0" + frame)
    yield udp(6081, b"\1\0\x65\x58\0\0\1\0" + bytes(4) + frame)
    yield udp(4789, b"\x08\0\0\0\0\0\1\0" + frame[:12] + b"\x08\0" + gre)
    yield udp(2152, b"\x30\xff\0\x40\0\0\0\1" + ip)
    yield udp(2152, b"\x34\xff\0\x40\0\0\0\1\0\1\0\x85" + b"\1\0\1\xc0" + b"\1\0\0\0" + ip)  # two extensions
    yield udp(2152, b"\x32\1\0\4\0\0\0\0\0\1\0\0")  # an echo request
    yield udp(1701, b"\0\2\0\1\0\1\xff\3\0\x21" + ip)
    yield udp(37008, b"\1\0\0\1\1" + frame)
    yield udp(4341, bytes(8) + ip)


def one(data: bytes, plain: Form, compiled: Form) -> None:
    """The fields of one packet; byte 0 chooses its link layer, byte 1 how much of it was not captured."""
    link = LINKS[data[0] % len(LINKS)] if data else 1
    packet = data[2:]
    length = len(packet) + (data[1] if len(data) > 1 else 0)
    if length % 7 == 3:
        length = length * 0x1_0001 % 2**31  # on the wire anything from nothing to 2 GiB
    (alone,) = fields(plain, [packet], [b""], link, length)
    around = [bytes(AROUND), b"\xff" * AROUND]
    for row in fields(compiled, [packet, packet], around, link, length):
        assert row == alone, (row, alone)
    check(plain, alone, len(packet))
    check(plain, alone["inner"], len(packet))


def fields(form: Form, packets: list[bytes], around: list[bytes], link: int, length: int) -> list[dict[str, Any]]:
    """The fields of packets that lie between other bytes, and "inner" those inside their tunnels.

    `network` counts from the packet's first byte.
    """
    buffer = b"".join(rest + packet + rest for packet, rest in zip(packets, around, strict=True))
    offset, pos = [], 0
    for packet, rest in zip(packets, around, strict=True):
        offset.append(pos + len(rest))
        pos += len(packet) + 2 * len(rest)
    n = len(packets)
    block = form["wire.headers.packets"].PacketBlock(
        np.frombuffer(buffer, np.uint8),
        np.array(offset, np.int64),
        np.array([len(packet) for packet in packets], np.int32),
        np.full(n, length, np.int32),
        np.zeros(n, np.int64),
        np.full(n, link, np.int32),
    )
    found = form["wire.headers.dissect"].dissect(block)
    counted = form["wire.headers.fields"].faults(found)
    left_out = sum(count for words, count in counted.items() if words not in form["wire.headers.fields"].NOTES.values())
    assert left_out == np.count_nonzero(found["status"]), counted
    inside, odd = form["wire.headers.tunnels"].look_inside(block, found)
    for seen, looked in ((found, False), (inside, True)):
        odd += form["wire.headers.tunnel_names"].name_tunnels(block, seen, inner=looked)
    rows = []
    for outer, inner, start in zip(found.tolist(), inside.tolist(), offset, strict=True):
        row, below = (dict(zip(found.dtype.names, values, strict=True)) for values in (outer, inner))
        row["network"] -= start
        below["network"] -= start
        rows.append(row | {"inner": below, "odd": {words: count / n for words, count in odd.items()}})
    return rows


def check(form: Form, row: dict[str, Any], size: int) -> None:
    """What holds for any packet: headers lie one behind the other inside it, and numbers are among those known."""
    names = form["wire.headers.fields"]
    known = {names.OK, names.LINK_NOT_DECODED, names.NOT_IP, *names.REASONS} - {names.BAD_PLACE}
    assert row["status"] in known, row
    assert row["notes"] <= sum(names.NOTES), row
    assert row["fragment"] in (names.WHOLE, names.FIRST, names.LATER), row
    assert 0 <= row["network"] <= size, row
    assert min(row["network_bytes"], row["transport_bytes"], row["payload_bytes"]) >= 0, row
    assert row["network"] + row["network_bytes"] + row["transport_bytes"] <= size, row
    if row["status"] == names.OK:
        assert row["version"] in (4, 6), row
        assert row["network_bytes"] >= (20 if row["version"] == 4 else 40), row
        if row["version"] == 4:
            assert row["source_high"] == row["destination_high"] == 0, row
            assert row["source_low"] >> 32 == row["destination_low"] >> 32 == 0xFFFF, row
    else:
        assert row["transport_bytes"] == row["payload_bytes"] == 0, row
