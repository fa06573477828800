"""What a manifest holds of a fields codec, and which numbers its tokens may be made of.

The compiler takes any row, but indexes tables by some of its numbers and stores the others in fields of fixed width.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from netdiffus import limits
from netdiffus.compiler.features.packet_types import AGAIN, HOSTS, ID_ANY, KIND, OF_ROW, REPLY, USUAL
from netdiffus.compiler.features.teardown import ENDING, FORMER, OPEN
from netdiffus.compiler.features.vocabulary import VocabularyManifest
from netdiffus.compiler.specs import ROW
from netdiffus.compiler.tcp_options import CANONICAL, MOST_LAYOUTS
from netdiffus.manifest import Manifest
from netdiffus.wire.headers.fields import ICMP, ICMPV6, TCP, UDP

CHANNELS = ("kind", "reply", "window", "size", "gap_ns", "hosts", "server_port", "ending")
LONGEST_LAYOUT = 40
"""Bytes of TCP options."""
MOST_IP = (4 << 9) - 1
"""The largest of tokens.ip_tokens."""
FASTEST_MHZ = 1_000_000_000
PROTOCOLS = (ICMP, TCP, UDP, ICMPV6)

Range = tuple[int, int]
Layout = Annotated[str, Field(pattern="^([0-9a-f]{2})*$", max_length=2 * LONGEST_LAYOUT)]


def _of_field(name: str) -> Range:
    info = np.iinfo(ROW[name].base)
    return int(info.min), int(info.max)


_OF_KIND: dict[str, Range] = {name: _of_field(name) for name in OF_ROW} | {
    "protocol": (min(PROTOCOLS), max(PROTOCOLS)), "direction": (0, 1), "place": (0, AGAIN), "ip": (USUAL, MOST_IP),
}  # fmt: skip
_OF_HOSTS: dict[str, Range] = {
    "protocol": (min(PROTOCOLS), max(PROTOCOLS)), "version": (4, 6), "client_port": (0, ID_ANY - 1),
    "client_ttl": (0, 255), "server_ttl": (0, 255), "client_mhz": (0, FASTEST_MHZ), "server_mhz": (0, FASTEST_MHZ),
    "client_label": (0, 1), "server_label": (0, 1), "client_ip": (USUAL, MOST_IP), "server_ip": (USUAL, MOST_IP),
}  # fmt: skip


class FieldsManifest(Manifest):
    """The vocabularies, layouts and ports of a fields codec."""

    codec: Literal["fields"]
    channels: list[str] = Field(min_length=len(CHANNELS), max_length=len(CHANNELS))
    length: int = Field(ge=2, le=limits.LENGTH)
    layouts: list[Layout] = Field(min_length=len(CANONICAL), max_length=MOST_LAYOUTS)
    kinds: VocabularyManifest
    replies: VocabularyManifest
    hosts: VocabularyManifest
    server_ports: list[Annotated[int, Field(ge=0, lt=1 << 16)]] = Field(max_length=1 << 16)
    endings: VocabularyManifest
    whole: bool = False

    @model_validator(mode="after")
    def _fit(self) -> FieldsManifest:
        if tuple(self.channels) != CHANNELS:
            raise ValueError(f"with the channels {', '.join(CHANNELS)}")
        first = [layout.hex() for layout in CANONICAL]
        if self.layouts[: len(first)] != first or len(set(self.layouts)) < len(self.layouts):
            raise ValueError("with the common layouts of TCP options first, each once")
        if self.server_ports != sorted(set(self.server_ports)):
            raise ValueError("with server ports in order, each once")
        check_packets(self.kinds, self.replies, len(self.layouts))
        _check(self.hosts, "hosts", HOSTS, _OF_HOSTS)
        packets = len(self.endings.words[0]) if len(self.endings.words[0]) in FORMER else ENDING
        last = [f"packet {k} from the end" for k in range(packets)]
        _check(self.endings, "endings", last, dict.fromkeys(last, (OPEN, len(self.kinds.words) - 1)))
        return self


def check_packets(kinds: VocabularyManifest, replies: VocabularyManifest, layouts: int) -> None:
    """Raise ValueError for kinds and replies that no packet has; kinds name one of so many layouts."""
    _check(kinds, "kinds", KIND, _OF_KIND | {"layout": (0, layouts - 1)})
    _check(replies, "replies", REPLY, dict.fromkeys(REPLY, (-(1 << 31), (1 << 31) - 1)))


def _check(
    found: VocabularyManifest, name: str, columns: tuple[str, ...] | list[str], ranges: dict[str, Range]
) -> None:
    tokens = np.array(found.words, np.int64)
    if tokens.shape[1] != len(columns):
        raise ValueError(f"with {name} of {len(columns)} numbers")
    for column, values in zip(columns, tokens.T, strict=True):
        low, high = ranges[column]
        if values.min() < low or values.max() > high:
            raise ValueError(f"with {name} whose {column} is from {low:,} to {high:,}")
        if column == "protocol" and not np.isin(values, PROTOCOLS).all():
            raise ValueError(f"with {name} of TCP, UDP and ICMP")
        if column == "version" and not np.isin(values, (4, 6)).all():
            raise ValueError(f"with {name} of IP version 4 and 6")
