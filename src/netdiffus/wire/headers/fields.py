"""The header fields of packets: their columns, and the words for packets that have none or odd ones."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from netdiffus.wire.headers.links import link_name
from netdiffus.wire.kernels.compiled import compiled, i64

FIELDS = np.dtype(
    [
        ("source_high", "u8"),  # the address as a big-endian number of 128 bits; IPv4 as ::ffff:a.b.c.d
        ("source_low", "u8"),
        ("destination_high", "u8"),
        ("destination_low", "u8"),
        ("network", "i8"),  # first byte of the IP header, in the block's data
        ("network_bytes", "i4"),  # IPv4 header with options, IPv6 header with extension headers
        ("transport_bytes", "i4"),  # captured bytes of the transport header, which begins where the network header ends
        ("payload_bytes", "i4"),  # behind the transport header, as the headers say
        ("seq", "u4"),
        ("ack", "u4"),
        ("fragment_id", "u4"),
        ("source_port", "u2"),
        ("destination_port", "u2"),
        ("detail", "u2"),  # what a status is about: an EtherType, a PPP protocol or a LINKTYPE number
        ("status", "u1"),  # OK or one of REASONS
        ("version", "u1"),  # 4 or 6
        ("protocol", "u1"),  # IP protocol number
        ("flags", "u1"),  # of TCP
        ("fragment", "u1"),  # WHOLE, FIRST or LATER
        ("notes", "u1"),  # bits of NOTES
    ],
    align=True,
)
"""One packet's columns; the ones that do not apply are 0."""

WHOLE, FIRST, LATER = 0, 1, 2
FIN, SYN, RST, ACK = 1, 2, 4, 16
ICMP, TCP, UDP, ICMPV6, SCTP = 1, 6, 17, 58, 132

OK = 0
LINK_NOT_DECODED, NOT_IP, LINK_CUT, NO_VERSION, NETWORK_CUT, NETWORK_SHORT, NETWORK_LONG, TOTAL_SHORT = range(1, 9)
EXTENSION_CUT, TRANSPORT_CUT, TRANSPORT_SHORT, TRANSPORT_LONG, BAD_PLACE = range(9, 14)
REASONS = {
    LINK_CUT: "captured part ends inside the link header",
    NO_VERSION: "IP version is neither 4 nor 6, or not the one that the link header announces",
    NETWORK_CUT: "captured part ends inside the IP header",
    NETWORK_SHORT: "IPv4 header length is below 20 bytes",
    NETWORK_LONG: "IP header runs past the packet",
    TOTAL_SHORT: "IPv4 total length is shorter than its header",
    EXTENSION_CUT: "captured part ends inside an IPv6 extension header",
    TRANSPORT_CUT: "captured part ends inside the transport header",
    TRANSPORT_SHORT: "TCP header length is below 20 bytes",
    TRANSPORT_LONG: "transport header runs past the packet",
    BAD_PLACE: "packet lies outside its buffer",
}
"""Why a packet is left out, beside LINK_NOT_DECODED and NOT_IP, whose words need the detail."""

NO_LINK, NO_IP = "link layer is not decoded: ", "not IP: "
"""How the words for those two begin."""

PAST_WIRE, OFFLOADED = 1, 2
NOTES = {
    PAST_WIRE: "IP length is larger than the packet on the wire, kept as it says",
    OFFLOADED: "IP length is 0 (segmentation offload), taken from the wire",
}
"""What is odd in packets that are kept."""

ETHERTYPES = {
    0x0806: "ARP",
    0x0842: "Wake-on-LAN",
    0x8035: "RARP",
    0x809B: "AppleTalk",
    0x8137: "IPX",
    0x8809: "slow protocols (LACP)",
    0x8863: "PPPoE discovery",
    0x888E: "EAPOL",
    0x88CC: "LLDP",
    0x88E1: "HomePlug",
    0x88E5: "MACsec",
    0x88F7: "PTP",
    0x893A: "IEEE 1905",
    0x9000: "loopback test",
}
LLC, MPLS_OTHER, PPP_OTHER, FAMILY_OTHER = 1, 2, 3, 4  # below 1536 no EtherType exists, so these can stand beside them
OTHERS = {
    LLC: "IEEE 802.2 LLC, e.g. spanning tree",
    MPLS_OTHER: "MPLS around something else",
    PPP_OTHER: "PPP control or another protocol",
    FAMILY_OTHER: "another address family",
}


@compiled
def _odd(fields: NDArray[np.void], codes: NDArray[np.int64]) -> int:
    """A code for each packet that is left out or odd: its status and detail, or its notes; returns how many."""
    n = 0
    for i in range(fields.size):
        p = fields[i]
        if p.status != OK:
            codes[n] = i64(p.status) << 24 | i64(p.detail)
            n += 1
        elif p.notes:
            codes[n] = i64(p.notes) << 16
            n += 1
    return n


def faults(fields: NDArray[np.void]) -> Counter[str]:
    """Why packets were left out and what is odd in those that were kept, in plain words with counts."""
    found: Counter[str] = Counter()
    codes = np.empty(len(fields), np.int64)
    numbers, counts = np.unique(codes[: _odd(fields, codes)], return_counts=True)
    for code, count in zip(numbers.tolist(), counts.tolist(), strict=True):
        status, notes = code >> 24, code >> 16
        if status:
            found[_words(status, code & 0xFFFF)] += count
        else:
            found.update({words: count for note, words in NOTES.items() if notes & note})
    return found


def leaves_out(words: str) -> bool:
    """Whether words of faults() are for packets that are left out, rather than odd and kept."""
    return words in REASONS.values() or words.startswith((NO_IP, NO_LINK))


def _words(status: int, detail: int) -> str:
    if status == LINK_NOT_DECODED:
        return f"{NO_LINK}{link_name(detail)}"
    if status == NOT_IP:
        name = OTHERS.get(detail) or ETHERTYPES.get(detail) or f"EtherType 0x{detail:04x}"
        return f"{NO_IP}{name}"
    return REASONS[status]
