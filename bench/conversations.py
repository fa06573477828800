"""TCP conversations of a capture: their segments, with options that can be read and numbers that can be replaced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from netdiffus.wire.conformance.checksums import update
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.headers.links import ETHERNET

FIN, SYN, RST, ACK = 1, 2, 4, 16


@dataclass
class Segment:
    """A TCP packet: its IP and TCP headers with payload, and what they say."""

    packet: bytearray
    at: int  # first byte of the TCP header

    @property
    def version(self) -> int:
        return self.packet[0] >> 4

    @property
    def ends(self) -> tuple[bytes, bytes]:
        """Source and destination as address and port."""
        a, size = (12, 4) if self.version == 4 else (8, 16)
        source, to = self.packet[a : a + size], self.packet[a + size : a + 2 * size]
        return bytes(source + self.packet[self.at : self.at + 2]), bytes(to + self.packet[self.at + 2 : self.at + 4])

    def word(self, at: int) -> int:
        return int.from_bytes(self.packet[self.at + at : self.at + at + 4], "big")

    @property
    def flags(self) -> int:
        return self.packet[self.at + 13]

    @property
    def payload(self) -> bytes:
        return bytes(self.packet[self.at + (self.packet[self.at + 12] >> 4) * 4 :])

    def options(self) -> Iterator[tuple[int, int, int]]:
        """(kind, first byte of its value in the packet, bytes of it)."""
        at, end = self.at + 20, self.at + (self.packet[self.at + 12] >> 4) * 4
        while at < end and self.packet[at]:
            if self.packet[at] == 1:
                at += 1
                continue
            size = self.packet[at + 1]
            yield self.packet[at], at + 2, size - 2
            at += size

    def put(self, at: int, value: int) -> None:
        """Write a number into the header; a right checksum stays right, a wrong one wrong (RFC 1624)."""
        head = slice(self.at, self.at + (self.packet[self.at + 12] >> 4) * 4)
        before = bytes(self.packet[head])
        self.packet[at : at + 4] = (value & 0xFFFFFFFF).to_bytes(4, "big")
        field = int.from_bytes(self.packet[self.at + 16 : self.at + 18], "big")
        self.packet[self.at + 16 : self.at + 18] = update(field, before, bytes(self.packet[head])).to_bytes(2, "big")


def segment(packet: bytes) -> Segment | None:
    """The TCP segment of an IP packet without extension headers; None of others."""
    if packet[0] >> 4 == 4 and packet[9] == 6:
        return Segment(bytearray(packet[: int.from_bytes(packet[2:4], "big")]), (packet[0] & 15) * 4)
    if packet[0] >> 4 == 6 and packet[6] == 6:
        return Segment(bytearray(packet[: 40 + int.from_bytes(packet[4:6], "big")]), 40)
    return None


def conversations(path: Path) -> list[list[tuple[bool, Segment]]]:
    """Flows of a capture with a whole handshake: (whether the client sent it, segment) in order."""
    flows: dict[frozenset[bytes], list[tuple[bool, Segment]]] = {}
    clients: dict[frozenset[bytes], bytes] = {}
    for block in read_capture(path):
        for record, link in zip(block.packets(), block.link.tolist(), strict=True):
            found = segment(record.data[14:] if link == ETHERNET else record.data)
            if found is not None:
                key = frozenset(found.ends)
                clients.setdefault(key, found.ends[0])
                flows.setdefault(key, []).append((clients[key] == found.ends[0], found))
    return [flow for flow in flows.values() if _has_handshake(flow)]


def _has_handshake(flow: list[tuple[bool, Segment]]) -> bool:
    """SYN, SYN with ACK, and then something of the client's that is no RST."""
    mine = [one.flags for is_client, one in flow if is_client]
    theirs = [one.flags for is_client, one in flow if not is_client]
    begins = bool(mine and theirs) and mine[0] & (SYN | ACK) == SYN and theirs[0] & (SYN | ACK | RST) == SYN | ACK
    later = [flags for flags in mine if not flags & SYN]
    return begins and bool(later) and not later[0] & RST
