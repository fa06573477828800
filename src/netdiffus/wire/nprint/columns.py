"""The columns of nPrint 1.2.1: one a header bit, most significant bit of each byte first (Holland et al., CCS 2021).

A header always has the columns of its largest size: IPv4 and TCP 60 bytes with options, IPv6 the fixed 40 bytes,
Ethernet 14, UDP and ICMP 8. What a packet does not have is -1. Headers come in the order of HEADERS, whatever
order they are asked for in; then the first bytes of the payload.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from netdiffus.errors import InputError

HEADERS: dict[str, dict[str, int]] = {
    "eth": {"eth_dhost": 48, "eth_shost": 48, "eth_ethertype": 16},
    "ipv4": {
        "ipv4_ver": 4,
        "ipv4_hl": 4,
        "ipv4_tos": 8,
        "ipv4_tl": 16,
        "ipv4_id": 16,
        "ipv4_rbit": 1,
        "ipv4_dfbit": 1,
        "ipv4_mfbit": 1,
        "ipv4_foff": 13,
        "ipv4_ttl": 8,
        "ipv4_proto": 8,
        "ipv4_cksum": 16,
        "ipv4_src": 32,
        "ipv4_dst": 32,
        "ipv4_opt": 320,
    },
    "ipv6": {
        "ipv6_ver": 4,
        "ipv6_tc": 8,
        "ipv6_fl": 20,
        "ipv6_len": 16,
        "ipv6_nh": 8,
        "ipv6_hl": 8,
        "ipv6_src": 128,
        "ipv6_dst": 128,
    },
    "tcp": {
        "tcp_sprt": 16,
        "tcp_dprt": 16,
        "tcp_seq": 32,
        "tcp_ackn": 32,
        "tcp_doff": 4,
        "tcp_res": 3,
        "tcp_ns": 1,
        "tcp_cwr": 1,
        "tcp_ece": 1,
        "tcp_urg": 1,
        "tcp_ackf": 1,
        "tcp_psh": 1,
        "tcp_rst": 1,
        "tcp_syn": 1,
        "tcp_fin": 1,
        "tcp_wsize": 16,
        "tcp_cksum": 16,
        "tcp_urp": 16,
        "tcp_opt": 320,
    },
    "udp": {"udp_sport": 16, "udp_dport": 16, "udp_len": 16, "udp_cksum": 16},
    "icmp": {"icmp_type": 8, "icmp_code": 8, "icmp_cksum": 16, "icmp_roh": 32},
}
"""Headers, their fields and the fields' bits."""

HEADER_BYTES = {name: sum(fields.values()) // 8 for name, fields in HEADERS.items()}
PAYLOAD = "payload_bit"
STANDARD = ("ipv4", "tcp", "udp", "icmp")
"""The headers of the 1,088 columns that published work uses."""

MAX_PAYLOAD_BYTES = 65_535


@dataclass(frozen=True)
class Layout:
    """Which headers have columns, and how many bytes of payload; `layout` makes one from what a user asks for."""

    headers: tuple[str, ...] = STANDARD
    payload_bytes: int = 0

    @property
    def row_bytes(self) -> int:
        """Bytes of one packet's bits: an eighth of its columns."""
        return sum(HEADER_BYTES[name] for name in self.headers) + self.payload_bytes

    def first_byte(self, header: str) -> int:
        """Where a header's bytes begin in a row ("payload" for the payload); -1 if it has no columns."""
        if header == "payload":
            return self.row_bytes - self.payload_bytes if self.payload_bytes else -1
        if header not in self.headers:
            return -1
        return sum(HEADER_BYTES[name] for name in self.headers[: self.headers.index(header)])

    @cached_property
    def fields(self) -> dict[str, slice]:
        """The columns of each field, by name; the payload's under PAYLOAD."""
        widths = {field: bits for name in self.headers for field, bits in HEADERS[name].items()}
        if self.payload_bytes:
            widths[PAYLOAD] = 8 * self.payload_bytes
        found, begin = {}, 0
        for field, bits in widths.items():
            found[field] = slice(begin, begin + bits)
            begin += bits
        return found

    @cached_property
    def columns(self) -> list[str]:
        """The names of the columns: field_0 is a field's most significant bit."""
        return [f"{field}_{bit}" for field, span in self.fields.items() for bit in range(span.stop - span.start)]


def layout(headers: Iterable[str] = STANDARD, payload_bytes: int = 0) -> Layout:
    """The layout with these headers, in any order.

    Raises:
        InputError: an unknown header, no columns at all, or more payload than a packet can have.
    """
    wanted = set(headers)
    unknown = sorted(wanted - set(HEADERS))
    if unknown:
        raise InputError(f"headers among {', '.join(HEADERS)}", ", ".join(unknown), "name headers of that list")
    if not 0 <= payload_bytes <= MAX_PAYLOAD_BYTES:
        raise InputError(f"0 to {MAX_PAYLOAD_BYTES} bytes of payload", str(payload_bytes), "choose fewer")
    if not wanted and not payload_bytes:
        raise InputError(f"headers among {', '.join(HEADERS)}, or payload bytes", "neither", "name at least one")
    return Layout(tuple(name for name in HEADERS if name in wanted), payload_bytes)
