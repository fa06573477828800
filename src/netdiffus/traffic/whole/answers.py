"""Addresses that DNS answers name (RFC 1035 section 4, RFC 3596), where a capture holds payload."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from netdiffus.wire.headers.addresses import address_text, ipv4_text, ipv6_text
from netdiffus.wire.headers.fields import OK, UDP, WHOLE
from netdiffus.wire.headers.packets import PacketBlock

DNS_PORT = 53
HEADER_BYTES = 12
ADDRESS_BYTES = {1: 4, 28: 16}  # A, AAAA
MOST_RECORDS = 64  # of a message
POINTER = 0xC0


def answers_of(block: PacketBlock, fields: NDArray[np.void]) -> list[tuple[str, str, int]]:
    """The answers in a block whose header fields are given: who asked, an address it was given, the time in ns."""
    fine = (fields["status"] == OK) & (fields["protocol"] == UDP) & (fields["source_port"] == DNS_PORT)
    found = []
    for i in np.flatnonzero(fine & (fields["fragment"] == WHOLE)).tolist():
        p = fields[i]
        begin = int(p["network"] + p["network_bytes"] + p["transport_bytes"])
        end = min(begin + int(p["payload_bytes"]), int(block.offset[i] + block.captured[i]))
        named = addresses(block.data[begin:end].tobytes())
        if named:
            client = address_text(int(p["destination_high"]), int(p["destination_low"]))
            found += [(client, each, int(block.time_ns[i])) for each in named]
    return found


def addresses(message: bytes) -> list[str]:
    """The IPv4 and IPv6 addresses in the answer section of a DNS message; none where it is not one."""
    if len(message) < HEADER_BYTES or not message[2] & 0x80:
        return []
    questions, records = struct.unpack_from("!HH", message, 4)
    found = []
    try:
        at = HEADER_BYTES
        for _ in range(min(questions, MOST_RECORDS)):
            at = _behind_name(message, at) + 4
        for _ in range(min(records, MOST_RECORDS)):
            at = _behind_name(message, at)
            kind, _, _, size = struct.unpack_from("!HHIH", message, at)
            at += 10
            if ADDRESS_BYTES.get(kind) == size and at + size <= len(message):
                number = int.from_bytes(message[at : at + size], "big")
                found.append(ipv4_text(number) if size == 4 else ipv6_text(number >> 64, number & (1 << 64) - 1))
            at += size
    except (struct.error, IndexError):
        return found
    return found


def _behind_name(message: bytes, at: int) -> int:
    """The place behind a name: labels with their lengths, up to an empty one or a pointer."""
    while message[at]:
        if message[at] & POINTER == POINTER:
            return at + 2
        at += message[at] + 1
    return at + 1
