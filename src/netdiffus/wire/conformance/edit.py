"""Changes to one packet that keep its checksums as right or as wrong as they were (RFC 1624)."""

from __future__ import annotations

from typing import Any

from netdiffus.wire.conformance.checksums import PARTIAL, PLACES, update
from netdiffus.wire.headers.fields import ICMP, LATER, UDP

END, NOP = 0, 1


class Edit:
    """One packet that is being fixed.

    Args:
        data: its captured bytes.
        length: its bytes on the wire.
        p: its header fields, a row of FIELDS.
        sums: the verdicts on its checksums, a row of SUMS.
        start: first byte of `p.network` within `data`.

    Attributes:
        network, transport: first bytes of the headers in `data`.
    """

    def __init__(self, data: bytes, length: int, p: Any, sums: Any, start: int) -> None:
        self.data, self.length, self.p, self.sums = bytearray(data), length, p, sums
        self.network = start
        self.transport = start + int(p["network_bytes"])

    def u16(self, pos: int) -> int:
        return self.data[pos] << 8 | self.data[pos + 1]

    def set(self, pos: int, new: bytes) -> None:
        """Write bytes of a header, and carry the change into the checksum that covers them."""
        base = self.network if pos < self.transport or not self.p["network_bytes"] else self.transport
        first, end = pos - (pos - base) % 2, pos + len(new) + (pos + len(new) - base) % 2
        before = bytes(self.data[first:end])
        self.data[pos : pos + len(new)] = new
        self.carry(before, bytes(self.data[first:end]), network=base == self.network)

    def carry(self, before: bytes, after: bytes, *, network: bool) -> None:
        """Bring the header's or the transport checksum up to date with covered bytes that have changed."""
        if network:
            if self.p["version"] == 4 and self.sums["header"] != PARTIAL:
                self._carry(self.network + 10, before, after)
            return
        place = PLACES.get(int(self.p["protocol"]))
        if place is None or self.p["fragment"] == LATER:
            return
        at = self.transport + place
        if self.p["protocol"] == UDP and at + 2 <= len(self.data) and self.u16(at) == 0:
            return
        self._carry(at, before, after)
        if self.p["protocol"] == UDP and at + 2 <= len(self.data) and self.u16(at) == 0:
            self.data[at : at + 2] = b"\xff\xff"

    def _carry(self, at: int, before: bytes, after: bytes) -> None:
        if at + 2 <= len(self.data) and len(before) % 2 == 0 and before != after:
            self.data[at : at + 2] = update(self.u16(at), before, after).to_bytes(2, "big")

    def set_total(self, total: int) -> None:
        """Change how many bytes the IP header says that the packet has."""
        total = min(total, 65535 if self.p["version"] == 4 else 65575)
        at, value = (2, total) if self.p["version"] == 4 else (4, total - 40)
        before = self.u16(self.network + at)
        self.set(self.network + at, value.to_bytes(2, "big"))
        # The pseudo header's length is the segment's; UDP has its own.
        if before and self.p["protocol"] not in (ICMP, UDP) and self.p["network_bytes"]:
            size = total - int(self.p["network_bytes"])
            was = before + (0 if self.p["version"] == 4 else 40) - int(self.p["network_bytes"])
            if was >= 0 and size >= 0:
                self.carry(was.to_bytes(4, "big"), size.to_bytes(4, "big"), network=False)

    @property
    def total(self) -> int:
        """Bytes of the packet as its IP header says."""
        return self.u16(self.network + 2) if self.p["version"] == 4 else 40 + self.u16(self.network + 4)

    @property
    def on_wire(self) -> int:
        """Bytes of the packet from the IP header on, on the wire."""
        return max(self.length, len(self.data)) - self.network

    def set_options(self, start: int, end: int, options: bytes) -> None:
        """Put other options, no longer than before, into data[start:end]; header and packet shrink with them."""
        gone = end - start - len(options)
        tcp = start >= self.transport
        if gone == 0:
            self.set(start, options)
            return
        old = bytes(self.data[start:end])
        head = self.transport + 12 if tcp else self.network
        self.carry(old, options + bytes(gone), network=not tcp)
        del self.data[start + len(options) : end]
        self.data[start : start + len(options)] = options
        self.length -= gone
        words = gone // 4
        self.set(head, bytes([self.data[head] - (words << 4 if tcp else words)]))
        if not tcp:
            self.transport -= gone
            total = self.total - gone
            self.set(self.network + 2, total.to_bytes(2, "big"))
        elif self.total > (0 if self.p["version"] == 4 else 40):
            self.set_total(self.total - gone)


def items(options: bytes) -> list[bytes]:
    """Options one by one; what is malformed, and all behind the end of options, is the last item."""
    found, pos = [], 0
    while pos < len(options):
        kind = options[pos]
        size = 1 if kind == NOP else options[pos + 1] if kind != END and pos + 1 < len(options) else 0
        if kind == END or (kind != NOP and (size < 2 or pos + size > len(options))):
            found.append(options[pos:])
            break
        found.append(options[pos : pos + size])
        pos += size
    return found


def without(options: bytes, drop: list[bool]) -> bytes:
    """Options of which some are replaced with no-operations, then without whole words of four of those in a row."""
    kept = b"".join(bytes([NOP]) * len(item) if gone else item for item, gone in zip(items(options), drop, strict=True))
    parts, run = [], 0
    for item in [*items(kept), b""]:
        if item == bytes([NOP]):
            run += 1
            continue
        parts.append(bytes([NOP]) * (run % 4) + item)
        run = 0
    return b"".join(parts)
