"""What is known of a dataset's payload: which protocols each label speaks, and the shapes of what is none of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from netdiffus.manifest import Count, Manifest, Text
from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.shapes import MESSAGES, Mould, Shape
from netdiffus.traffic.payload.tls_learned import HelloLayout, Hellos

MOST_SPEECHES = 65_536
UNKNOWN = ""
"""Stands for flows whose protocol is none of PROTOCOLS."""
Protocol = Annotated[str, Field(max_length=20)]


def size_class(size: int) -> int:
    """Four classes an octave: sizes in one differ by at most a fifth or so."""
    return size if size < 8 else 4 * size.bit_length() + (size >> size.bit_length() - 3 & 3)


class Speech(Manifest):
    """What the flows of a label speak over a transport, to one port or to all others.

    Attributes:
        port: of the servers; None: every port that has too few flows.
        protocols: flows by protocol; UNKNOWN is none of those that are recognised.
        by_size: the same by the class of the flow's first message, where there are several.
    """

    label: Text
    transport: Literal["tcp", "udp"]
    port: Annotated[int, Field(ge=0, lt=1 << 16)] | None
    protocols: dict[Protocol, Count] = Field(max_length=64)
    by_size: dict[Protocol, dict[Protocol, Count]] = Field(default_factory=dict, max_length=256)

    def order(self, size: int, fill: Fill) -> list[str]:
        """Protocols to try for a flow whose first message has this size: one drawn by how common it is, then others."""
        counts = self.by_size.get(str(size_class(size)), self.protocols)
        drawn = fill.share() * sum(counts.values())
        names = sorted(counts, key=lambda name: -counts[name])
        for name in names:
            drawn -= counts[name]
            if drawn < 0:
                return (
                    [UNKNOWN]
                    if name == UNKNOWN
                    else [name, *(other for other in names if other != name and other != UNKNOWN)]
                )
        return names


class LabelShapes(Manifest):
    """The shapes of a label's flows over a transport that speak nothing known."""

    label: Text
    transport: Literal["tcp", "udp"]
    shapes: list[Shape] = Field(max_length=2 * MESSAGES)


class PayloadKnowledge(Manifest):
    """What dataset.json and model.json hold of payload."""

    least_flows: Count
    least_pairs: Count
    speeches: list[Speech] = Field(max_length=MOST_SPEECHES)
    shapes: list[LabelShapes] = Field(max_length=MOST_SPEECHES)
    hellos: list[HelloLayout] = Field(default_factory=list, max_length=MOST_SPEECHES)


class Tongue:
    """Answers what a flow should speak.

    Args:
        known: of a dataset; None: ports alone tell.
    """

    def __init__(self, known: PayloadKnowledge | None) -> None:
        speeches = known.speeches if known else []
        self._speeches: dict[tuple[str, str, int | None], Speech] = {}
        self._speeches |= {(each.label, each.transport, each.port): each for each in speeches}
        self._shapes: dict[tuple[str, str], list[Shape]] = {}
        self._shapes |= {(each.label, each.transport): each.shapes for each in (known.shapes if known else [])}
        self._moulds: dict[tuple[str, str], dict[tuple[int, int], Mould]] = {}
        layouts: dict[tuple[str, str], list[HelloLayout]] = {}
        for each in known.hellos if known else []:
            layouts.setdefault((each.label, each.protocol), []).append(each)
        self._hellos = {key: Hellos(learned) for key, learned in layouts.items()}

    def order(self, flow: tuple[str, str, int], size: int, fill: Fill) -> Sequence[str] | None:
        """Protocols to try for a flow of (label, transport, port); None: nothing is known of it."""
        from netdiffus.traffic.payload.protocols import PROTOCOLS, by_port  # here: they take a tenth of a short command

        label, transport, port = flow
        found = self._speeches.get(flow) or self._speeches.get((label, transport, None))
        if found is None:
            return None
        usual = by_port(transport, port) if found.port is None else None
        if usual in found.protocols:  # among the label's other ports, this one has its own protocol
            return [usual or UNKNOWN]
        return [name for name in found.order(size, fill) if name == UNKNOWN or name in PROTOCOLS]

    def hellos(self, label: str, protocol: str) -> Hellos | None:
        """The layouts of hellos that a label's hosts share; None: there are none."""
        return self._hellos.get((label, protocol))

    def moulds(self, label: str, transport: str) -> dict[tuple[int, int], Mould]:
        """The shapes of what a label says over a transport; empty: there are none."""
        key = label, transport
        if key not in self._moulds:
            shapes = self._shapes.get(key, [])
            self._moulds[key] = {(shape.side, shape.number): Mould(shape) for shape in shapes}
        return self._moulds[key]


def speech_of(label: str, transport: str, port: int | None, flows: Sequence[tuple[str, int]]) -> Speech:
    """The speech of flows, each with its protocol and the size of its first message."""
    protocols = Counter(protocol for protocol, _ in flows)
    by_size: dict[int, Counter[str]] = {}
    if len(protocols) > 1:
        for protocol, size in flows:
            by_size.setdefault(size_class(size), Counter())[protocol] += 1
    return Speech(
        label=label, transport="tcp" if transport == "tcp" else "udp", port=port, protocols=dict(protocols),
        by_size={str(size): dict(counts) for size, counts in sorted(by_size.items())},
    )  # fmt: skip
