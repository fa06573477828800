"""Captures written as pcap or pcapng, many packets at a time: one by one is a hundred times slower."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from netdiffus.arrays import Ints
from netdiffus.errors import InputError
from netdiffus.wire.files.compression import ByteSource
from netdiffus.wire.files.pcap import FILE_HEADER_BYTES
from netdiffus.wire.files.records import (
    COMMENT,
    END_OF_OPTIONS,
    MOST_FRAMING,
    USER_APPLICATION,
    frame_pcap,
    frame_pcapng,
    interface,
    option,
    pcap_header,
    section,
)
from netdiffus.wire.headers.links import ETHERNET, link_name
from netdiffus.wire.headers.packets import MAX_CAPTURED, Packet, PacketBlock

CAPTURE_FORMS = (".pcap", ".pcapng")
PLAIN = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}
"""Nanoseconds in a tick of pcap files whose records have the plain header of 16 bytes."""
PCAP_END_NS = (1 << 32) * 1_000_000_000
"""The seconds of pcap are 32 bits wide: 2106."""
BATCH_PACKETS = 4096
"""Packets that are written at a time where they come one by one."""


class Origin(NamedTuple):
    """What a capture says of itself: a comment, and the application that wrote it."""

    comment: str = ""
    application: str = "netdiffus"


NETDIFFUS = Origin()


def check_suffix(path: str | Path) -> str:
    """The suffix of a capture that can be written.

    Raises:
        InputError: it is none of CAPTURE_FORMS.
    """
    suffix = Path(path).suffix
    if suffix not in CAPTURE_FORMS:
        raise InputError("a name that ends in " + " or ".join(CAPTURE_FORMS), str(path), "name another --out")
    return suffix


def plain_header(path: str | Path) -> bytes | None:
    """The file header of a pcap of version 2.4 with plain records, in either byte order; None of any other file."""
    source = ByteSource(path)
    head = bytearray(FILE_HEADER_BYTES)
    got = source.fill(memoryview(head))
    source.close()
    order = _byte_order(head)
    if not order or got < FILE_HEADER_BYTES or struct.unpack(order + "HH", head[4:8]) != (2, 4):
        return None
    return bytes(head)


class CaptureWriter:
    """Writes the packets of one capture.

    A pcap holds one link type, a pcapng any number of them, each as an interface whose times are nanoseconds.

    Args:
        file: where to.
        form: one of CAPTURE_FORMS.
        link: link type that the file begins with, a LINKTYPE number; None: that of the first packet, or Ethernet.
        header: of another pcap (`plain_header`), whose byte order and ticks are taken; pcap only.
        origin: what is said of the whole file; pcapng only.
        comments: texts that packets may have; pcapng only.

    Raises:
        InputError: the form is none of CAPTURE_FORMS; when packets are written: a pcap gets a second link type, or a
            packet has a time or length that the file cannot hold.
    """

    def __init__(
        self,
        file: BinaryIO,
        form: str,
        *,
        link: int | None = None,
        header: bytes | None = None,
        origin: Origin = NETDIFFUS,
        comments: Sequence[str] = (),
    ) -> None:
        if form not in CAPTURE_FORMS:
            raise InputError(f"a capture with the suffix {' or '.join(CAPTURE_FORMS)}", repr(form), "name such a file")
        self._file, self._pcapng, self._header = file, form == ".pcapng", header
        self._links: dict[int, int] = {}
        self._written = 0
        texts = [text.encode()[:0xFFFF] for text in comments]
        self._texts = np.frombuffer(b"".join(texts), np.uint8)
        self._text_at = np.cumsum([0, *map(len, texts)], dtype=np.int64)
        self._most_bytes = MOST_FRAMING + max(map(len, texts), default=0)
        if self._pcapng:
            options = option(COMMENT, origin.comment.encode()) if origin.comment else b""
            options += option(USER_APPLICATION, origin.application.encode()) + option(END_OF_OPTIONS, b"")
            file.write(section(options))
        elif header is not None:
            file.write(header)
        if link is not None:
            self._declare(link)

    def write(self, block: PacketBlock, comment: Ints | None = None) -> None:
        """More packets; packet i has the text comments[comment[i]], or none where that is -1."""
        self._check(block)
        comment = np.full(len(block), -1) if comment is None else comment
        if self._pcapng:
            first = np.unique(block.link, return_index=True)[1]
            new = sorted(at for at in first.tolist() if int(block.link[at]) not in self._links)
            for begin, end in pairwise([0, *new, len(block)]):  # an interface stands before its first packet
                if begin < end:
                    self._declare(int(block.link[begin]))
                    self._frame(block.part(slice(begin, end)), comment[begin:end])
        elif len(block):
            self._declare(int(block.link[0]))
            self._frame(block, comment)
        self._written += len(block)

    def write_packets(self, packets: Iterable[Packet], link: int) -> int:
        """More packets of one link type, one by one; returns how many."""
        source, before = iter(packets), self._written
        while batch := list(islice(source, BATCH_PACKETS)):
            for number, (time_ns, _, length) in enumerate(batch, self._written + 1):
                if not (0 <= time_ns < self._end_ns and 0 <= length < 1 << 31):
                    raise self._refused(number, time_ns, length)
            self.write(PacketBlock.of(batch, link))
        return self._written - before

    def finish(self) -> None:
        """Write what a file without packets needs."""
        if not self._pcapng:
            self._declare(next(iter(self._links), ETHERNET))

    @property
    def _end_ns(self) -> int:
        return 1 << 63 if self._pcapng else PCAP_END_NS

    def _declare(self, link: int) -> None:
        """Write the interface, or the file header, of a link type that is new."""
        if link in self._links:
            return
        if self._pcapng:
            self._file.write(interface(link))
        elif self._header is None:
            self._file.write(pcap_header(link))
        self._links[link] = len(self._links)

    def _check(self, block: PacketBlock) -> None:
        wrong = (block.time_ns < 0) | (block.length < 0)
        if not self._pcapng:
            wrong |= block.time_ns >= PCAP_END_NS
            found = dict.fromkeys([*self._links, *np.unique(block.link).tolist()])
            if len(found) > 1:
                got = " and ".join(link_name(link) for link in list(found)[:2])
                raise InputError("packets of one link type, all that a pcap file can hold", got, "name a .pcapng file")
        if wrong.any():
            at = int(np.argmax(wrong))
            raise self._refused(self._written + at + 1, int(block.time_ns[at]), int(block.length[at]))

    def _refused(self, number: int, time_ns: int, length: int) -> InputError:
        what = "times since 1970" if self._pcapng else "times from 1970 to 2106"
        action = "start the capture at another time, or leave the packet out"
        return InputError(
            f"{what} and lengths below 2^31, all that a {'pcapng' if self._pcapng else 'pcap'} file can hold",
            f"packet {number} at {time_ns} ns, {length} bytes long",
            action if self._pcapng else f"{action}, or name a .pcapng file",
        )

    def _frame(self, block: PacketBlock, comment: Ints) -> None:
        captured, length = block.captured.astype(np.int64), block.length.astype(np.int64)
        out = np.empty(int(captured.sum()) + len(block) * self._most_bytes, np.uint8)
        columns = (block.data, block.offset, captured, length, block.time_ns)
        if self._pcapng:
            links, which = np.unique(block.link, return_inverse=True)
            number = np.array([self._links[link] for link in links.tolist()], np.int64)[which]
            n = frame_pcapng(*columns, number, comment, self._texts, self._text_at, out)
        else:
            big, tick_ns = _form_of(self._header)
            n = frame_pcap(*columns, big, tick_ns, out)
        self._file.write(out[:n].data)


def write_pcap(
    target: str | Path | BinaryIO, packets: Iterable[Packet], link: int = 1, *, snap_bytes: int = MAX_CAPTURED
) -> int:
    """Write a little-endian nanosecond pcap; returns the number of packets.

    Args:
        target: where to; a path is overwritten.
        packets: at times from 1970 to 2106 (the format's seconds are 32 bits wide).
        link: link-layer type of all of them, a LINKTYPE number; 1 is Ethernet.
        snap_bytes: data beyond this many bytes of a packet is cut; its length on the wire is kept.

    Raises:
        InputError: a time or length does not fit.
    """
    if isinstance(target, str | Path):
        with open(target, "wb") as file:
            return write_pcap(file, packets, link, snap_bytes=snap_bytes)
    writer = CaptureWriter(target, ".pcap", header=pcap_header(link, snap_bytes=snap_bytes))
    return writer.write_packets((packet._replace(data=packet.data[:snap_bytes]) for packet in packets), link)


def _byte_order(header: bytes | bytearray) -> str:
    """The byte order of a plain pcap as struct writes it; "" for any other file."""
    return next((order for order in "<>" if struct.unpack(order + "I", header[:4])[0] in PLAIN), "")


def _form_of(header: bytes | None) -> tuple[bool, int]:
    """Whether a pcap is big-endian, and the nanoseconds in its ticks; None is our own."""
    if header is None:
        return False, 1
    order = _byte_order(header)
    return order == ">", PLAIN[struct.unpack(order + "I", header[:4])[0]]
