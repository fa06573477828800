"""Capture files of every kind (pcap, pcapng, compressed or not) as a stream of packet blocks."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from netdiffus.arrays import Bytes
from netdiffus.errors import InputError
from netdiffus.wire.files import pcap
from netdiffus.wire.files.compression import DECODERS, ByteSource
from netdiffus.wire.files.marks import Mark, note
from netdiffus.wire.files.pcap import FILE_HEADER_BYTES, VARIANTS, PcapScanner
from netdiffus.wire.files.pcapng import SECTION, PcapngScanner
from netdiffus.wire.headers.packets import Columns, Packet, PacketBlock, empty_columns, first_rows
from netdiffus.wire.nprint.capture import NprintCapture, is_nprint_name

__all__ = ["BLOCK_BYTES", "Capture", "Packet", "PacketBlock", "is_capture", "read_capture"]

BLOCK_BYTES = 1 << 20
"""Enough to make a block's overhead vanish, little enough to stay in the processor's cache."""

MORE, FULL = pcap.MORE, pcap.FULL


class Source(Protocol):
    """Where the bytes of a capture come from."""

    name: str
    n_bytes: int
    faults: Counter[str]

    @property
    def sha256(self) -> str: ...

    def fill(self, view: memoryview) -> int: ...

    def finish(self) -> None: ...

    def close(self) -> None: ...


class Scanner(Protocol):
    """Where one file format's packets lie in a buffer."""

    ends_inside: str

    @property
    def faults(self) -> Counter[str]: ...

    def scan(self, data: Bytes, start: int, end: int, columns: Columns) -> tuple[int, int, int]: ...


class Capture:
    """An open capture; iterate over it once to get its PacketBlocks.

    Attributes:
        name: the file's name without its folder, "-" for standard input.
        faults: what was odd, in plain words, and how often; complete when the iteration has ended.
        marks: where each block so far has ended in the (decompressed) file; who has no need of the first ones removes
            them.
        stop: the first byte of the file that belongs to no packet so far.

    A block holds the packets that end within the next `block_bytes` of the file, counted from its first byte.
    """

    def __init__(self, source: Source, scanner: Scanner, head: bytes, block_bytes: int, position: int) -> None:
        """`position`: the byte of the file at which the source goes on; `head` is what lies before it."""
        self.name = source.name
        self._source, self._scanner, self._head, self._position = source, scanner, head, position
        self._block_bytes = max(block_bytes, 64)
        self._own_faults: Counter[str] = Counter()
        self.marks: deque[Mark] = deque()
        self.stop = position - len(head)

    @property
    def faults(self) -> Counter[str]:
        return self._source.faults + self._scanner.faults + self._own_faults

    @property
    def sha256(self) -> str:
        """Of the file as it is stored; complete when the iteration has ended."""
        return self._source.sha256

    @property
    def n_bytes(self) -> int:
        """Size of the file as it is stored; complete when the iteration has ended."""
        return self._source.n_bytes

    def __iter__(self) -> Iterator[PacketBlock]:
        try:
            yield from self._blocks()
            self._source.finish()
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file; an iteration does so at its end."""
        self._source.close()

    def _blocks(self) -> Iterator[PacketBlock]:
        rest, packets, verdict = np.frombuffer(self._head, np.uint8), 0, MORE
        columns = empty_columns(max(self._block_bytes // 64, 16))
        while verdict == MORE:
            room = self._block_bytes - self._position % self._block_bytes
            # A packet that is not whole moves to the front of a new buffer; the old one is the caller's.
            data = np.empty(len(rest) + room, np.uint8)
            data[: len(rest)] = rest
            filled = self._source.fill(data.data[len(rest) :])
            start, end = 0, len(rest) + filled
            self._position += filled
            verdict = FULL
            while verdict == FULL:
                n, start, verdict = self._scanner.scan(data, start, end, columns)
                packets += n
                self.stop = self._position - (end - start)
                if n:
                    note(self.marks, Mark(packets, self._position))
                    yield PacketBlock(data, *first_rows(columns, n))
            rest = data[start:end]
            if filled < room:
                break
        if verdict == MORE and len(rest):
            self._own_faults[self._scanner.ends_inside] += 1


def read_capture(path: str | Path, *, block_bytes: int = BLOCK_BYTES) -> Capture | NprintCapture:
    """Open a capture: pcap or pcapng, plain or compressed with gzip, xz or zstd; "-" is standard input.

    Files that are named as nPrint rows are captures too, of the headers that the rows spell (wire/nprint/packets.py).

    Nothing but its first bytes is read before the iteration begins. Memory stays near `block_bytes` (more only for
    packets that are larger). A damaged file gives all packets up to the damage, and says so in `faults`.

    Raises:
        InputError: the file cannot be read or is no capture.
    """
    if is_nprint_name(path):
        return NprintCapture(path)
    source = ByteSource(path)
    buffer = bytearray(FILE_HEADER_BYTES)
    head = bytes(buffer[: source.fill(memoryview(buffer))])
    scanner: Scanner
    more = 0
    magic = int.from_bytes(head[:4], "little")
    if (magic in VARIANTS or int.from_bytes(head[:4], "big") in VARIANTS) and len(head) == FILE_HEADER_BYTES:
        scanner, head = PcapScanner(head), b""
        more = source.fill(memoryview(bytearray(scanner.more_header_bytes)))
    elif magic == SECTION and head[8:12] in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
        scanner = PcapngScanner()
    else:
        source.close()
        raise InputError(
            "a capture (pcap or pcapng, plain or as " + ", ".join(name for name, _ in DECODERS.values()) + ")",
            f"{path}, " + (f"which begins with {head[:8]!r}" if head else next(iter(source.faults), "which is empty")),
            "name a capture, e.g. one written by tcpdump, dumpcap or Wireshark",
        )
    return Capture(source, scanner, head, block_bytes, FILE_HEADER_BYTES + more)


def is_capture(path: str | Path) -> bool:
    """Whether a file's first bytes, decompressed if need be, are those of a capture."""
    try:
        read_capture(path).close()
    except InputError:
        return False
    return True
