"""IP addresses as numbers of 128 bits in two halves (IPv4 as ::ffff:a.b.c.d, RFC 4291 section 2.5.5.2) and as text."""

from __future__ import annotations

import socket

V4_MAPPED = 0xFFFF


def address_text(high: int, low: int) -> str:
    """The text of an address: dotted for IPv4, as in RFC 5952 for IPv6."""
    return ipv4_text(low) if high == 0 and low >> 32 == V4_MAPPED else ipv6_text(high, low)


def ipv4_text(low: int) -> str:
    """The text of what is known to be an IPv4 address; only its 32 bits count."""
    return socket.inet_ntop(socket.AF_INET, (low & 0xFFFF_FFFF).to_bytes(4, "big"))


def ipv6_text(high: int, low: int) -> str:
    """The text of what is known to be an IPv6 address; one that is mapped from IPv4 stays ::ffff:a.b.c.d."""
    return socket.inet_ntop(socket.AF_INET6, (high << 64 | low).to_bytes(16, "big"))


def address_number(text: str) -> tuple[int, int] | None:
    """The halves of an address; None if the text is none."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            raw = socket.inet_pton(family, text)
        except (OSError, ValueError):
            continue
        if len(raw) == 4:
            return 0, V4_MAPPED << 32 | int.from_bytes(raw, "big")
        return int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:], "big")
    return None
