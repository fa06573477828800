"""What the compiler holds packets to: a flag for each rule, its words, and where it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag, auto
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Broken(IntFlag):
    """Rules that a packet had to be changed for."""

    PROTOCOL = auto()
    DIRECTION = auto()
    TIME = auto()
    FLAGS = auto()
    HANDSHAKE = auto()
    CLOSE = auto()
    RESET = auto()
    SEQUENCE = auto()
    ACKNOWLEDGEMENT = auto()
    SIZE = auto()
    WINDOW = auto()
    OPTIONS = auto()
    SACK = auto()
    TIMESTAMPS = auto()
    IDENTIFICATION = auto()
    TTL = auto()
    CHECKSUM = auto()
    ICMP = auto()
    PORT = auto()


class Rule(NamedTuple):
    """A rule: its flag, what it says in plain words, and its source."""

    flag: Broken
    words: str
    source: str


RULES: dict[str, Rule] = {
    "protocol": Rule(
        Broken.PROTOCOL, "IPv4 carries TCP, UDP and ICMP, IPv6 carries TCP, UDP and ICMPv6", "IANA protocol numbers"
    ),
    "direction": Rule(Broken.DIRECTION, "the client sends the first packet", "docs/sessions.md"),
    "time": Rule(Broken.TIME, "time does not go back, and does not stand still for a whole flow", "docs/sessions.md"),
    "flags": Rule(
        Broken.FLAGS, "every segment but SYN and RST has ACK; SYN, FIN and RST exclude each other", "RFC 9293 3.10.7"
    ),
    "handshake": Rule(Broken.HANDSHAKE, "SYN, SYN with ACK, ACK, and nothing before", "RFC 9293 3.5"),
    "close": Rule(Broken.CLOSE, "no new data after FIN", "RFC 9293 3.6"),
    "reset": Rule(
        Broken.RESET, "after RST only RST, from the peer only what was under way; RST has no data", "RFC 9293 3.5.2"
    ),
    "sequence": Rule(
        Broken.SEQUENCE, "data is in order, or a retransmission that is late enough to be one", "RFC 9293 3.8"
    ),
    "acknowledgement": Rule(
        Broken.ACKNOWLEDGEMENT, "acknowledges what was sent, and never less than before", "RFC 9293 3.10.7.4"
    ),
    "size": Rule(Broken.SIZE, "a packet fits the MTU, a segment the peer's MSS", "RFC 9293 3.7.1, RFC 791 3.2"),
    "window": Rule(
        Broken.WINDOW,
        "data stays inside the window, which does not close; a drawn one takes back nothing of what it offered",
        "RFC 9293 3.8.6",
    ),
    "options": Rule(
        Broken.OPTIONS, "options are well formed, and those of SYN stand on SYN only", "RFC 9293 3.2, RFC 7323 1.3, 2.2"
    ),
    "sack": Rule(
        Broken.SACK, "SACK blocks are negotiated, beyond the acknowledgement, inside what was sent", "RFC 2018 3, 4"
    ),
    "timestamps": Rule(Broken.TIMESTAMPS, "timestamps do not go back, and echo one of the peer's", "RFC 7323 3.2, 4.3"),
    "identification": Rule(
        Broken.IDENTIFICATION, "the identification of packets that may be fragmented is not repeated", "RFC 6864 4.2"
    ),
    "ttl": Rule(Broken.TTL, "TTL and hop limit are at least 1", "RFC 791 3.2, RFC 8200 3"),
    "checksum": Rule(Broken.CHECKSUM, "only UDP over IPv4 may do without a checksum", "RFC 768, RFC 8200 8.1"),
    "icmp": Rule(Broken.ICMP, "echo or error messages, with the codes they have", "RFC 792, RFC 4443"),
    "port": Rule(Broken.PORT, "ports are not 0", "RFC 6335 6"),
}
"""The rules by the names that reports give them."""


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


def total(parts: Sequence[Changes]) -> Changes:
    """The changes of several compilations together."""
    by_rule = Counter[str]()
    for part in parts:
        by_rule.update(part.by_rule)
    ordered = {name: by_rule[name] for name in RULES if by_rule[name]}
    packets, changed, dropped = (
        sum(getattr(part, name) for part in parts) for name in ("packets", "changed", "dropped")
    )
    return Changes(packets, changed, dropped, ordered)


def changes(broken: NDArray[np.uint32], dropped: NDArray[np.uint8]) -> Changes:
    """The count of changes; `broken` (P,) has the flags of the rules that each packet had to be changed for."""
    counts = {name: int(np.count_nonzero(broken & np.uint32(rule.flag))) for name, rule in RULES.items()}
    by_rule = {name: count for name, count in counts.items() if count}
    return Changes(len(broken), int(np.count_nonzero(broken)), int(np.count_nonzero(dropped)), by_rule)
