"""What the compiler holds packets to: one bit a rule, its words, and where it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Rule(NamedTuple):
    """A rule in plain words, and its source."""

    words: str
    source: str


RULES: dict[str, Rule] = {
    "protocol": Rule("IPv4 carries TCP, UDP and ICMP, IPv6 carries TCP, UDP and ICMPv6", "IANA protocol numbers"),
    "direction": Rule("the client sends the first packet", "docs/sessions.md"),
    "time": Rule("time does not go back, and does not stand still for a whole flow", "docs/sessions.md"),
    "flags": Rule("every segment but SYN and RST has ACK; SYN, FIN and RST exclude each other", "RFC 9293 3.10.7"),
    "handshake": Rule("SYN, SYN with ACK, ACK, and nothing before", "RFC 9293 3.5"),
    "close": Rule("no new data after FIN", "RFC 9293 3.6"),
    "reset": Rule("after RST only RST, from the peer only what was under way; RST has no data", "RFC 9293 3.5.2"),
    "sequence": Rule("data is in order, or a retransmission that is late enough to be one", "RFC 9293 3.8"),
    "acknowledgement": Rule("acknowledges what was sent, and never less than before", "RFC 9293 3.10.7.4"),
    "size": Rule("a packet fits the MTU, a segment the peer's MSS", "RFC 9293 3.7.1, RFC 791 3.2"),
    "window": Rule("data stays inside the window, which does not close", "RFC 9293 3.8.6"),
    "options": Rule("options are well formed, and those of SYN stand on SYN only", "RFC 9293 3.2, RFC 7323 1.3, 2.2"),
    "sack": Rule("SACK blocks are negotiated, beyond the acknowledgement, inside what was sent", "RFC 2018 3, 4"),
    "timestamps": Rule("timestamps do not go back, and echo one of the peer's", "RFC 7323 3.2, 4.3"),
    "identification": Rule("the identification of packets that may be fragmented is not repeated", "RFC 6864 4.2"),
    "ttl": Rule("TTL and hop limit are at least 1", "RFC 791 3.2, RFC 8200 3"),
    "checksum": Rule("only UDP over IPv4 may do without a checksum", "RFC 768, RFC 8200 8.1"),
    "icmp": Rule("echo or error messages, with the codes they have", "RFC 792, RFC 4443"),
    "port": Rule("ports are not 0", "RFC 6335 6"),
}
"""The rules, in the order of their bits."""

(PROTOCOL, DIRECTION, TIME, FLAGS, HANDSHAKE, CLOSE, RESET, SEQUENCE, ACKNOWLEDGEMENT, SIZE) = (
    1 << bit for bit in range(10)
)
(WINDOW, OPTIONS, SELECTIVE, TIMESTAMPS, IDENTIFICATION, TTL, CHECKSUM, ICMP_RULE, PORT) = (
    1 << bit for bit in range(10, 19)
)


@dataclass(frozen=True)
class Changes:
    """What compiling changed.

    Attributes:
        packets: packets that were asked for.
        changed: how many of them are not as asked, those that were left out among them.
        dropped: how many were left out.
        by_rule: packets by the name of the rule, RULES' names only, none with 0.
    """

    packets: int
    changed: int
    dropped: int
    by_rule: Mapping[str, int]

    def __str__(self) -> str:
        total = f"the compiler changed {self.changed:,} of {self.packets:,} packets"
        return total + "".join(f"\n  {name}: {count:,} ({RULES[name].words})" for name, count in self.by_rule.items())


def changes(broken: NDArray[np.uint32], dropped: NDArray[np.uint8]) -> Changes:
    """The count of changes; `broken` (P,) has the bits of the rules that each packet had to be changed for."""
    counts = {name: int(np.count_nonzero(broken & np.uint32(1 << bit))) for bit, name in enumerate(RULES)}
    by_rule = {name: count for name, count in counts.items() if count}
    return Changes(len(broken), int(np.count_nonzero(broken)), int(np.count_nonzero(dropped)), by_rule)
