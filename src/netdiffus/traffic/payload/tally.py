"""The payload of flows while captures are read: what they speak is noted, and the rest kept until the split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace
from ipaddress import ip_address

import numpy as np
import polars as pl

from netdiffus.errors import InputError
from netdiffus.traffic.flows.frames import TOLD
from netdiffus.traffic.payload.knowledge import UNKNOWN, LabelShapes, PayloadKnowledge, Speech, speech_of
from netdiffus.traffic.payload.recognise import Opening, recognise
from netdiffus.traffic.payload.records import HEADER
from netdiffus.traffic.payload.shapes import BYTES, LEAST_FLOWS, LEAST_PAIRS, MESSAGES, Shape, readable, shape_of
from netdiffus.traffic.payload.talk import CLIENT
from netdiffus.traffic.payload.tls_layouts import Layout
from netdiffus.traffic.payload.tls_learned import HelloLayout, learn_layouts, read_layout

TELL = MESSAGES, 1500
"""Of how many packets of a flow how many bytes are read: a ClientHello can fill more than one."""
MOST_FLOWS = 20_000
"""Flows of a label and transport whose bytes are kept in memory; of later ones only the protocol is noted."""


@dataclass(frozen=True)
class _Flow:
    row: int
    port: int
    pair: int
    spoken: str
    size: int
    openings: tuple[Opening, ...]  # of flows that speak nothing known
    hello: tuple[Layout, bool] | None = None  # of flows of TLS: its layout, and whether it is padded


@dataclass
class Tally:
    """What was seen so far, by label and transport."""

    _flows: dict[tuple[str, str], list[_Flow]] = field(default_factory=lambda: defaultdict(list))
    _pairs: dict[tuple[str, str], int] = field(default_factory=dict)
    _layouts: dict[tuple[object, ...], tuple[Layout, bool]] = field(default_factory=dict)

    def add(self, flows: pl.DataFrame, packets: pl.DataFrame) -> None:
        """Take in labelled flows and their packets, with the column TOLD.

        Args:
            flows: row, trace_id, label, protocol, client, server and server_port of each; the row is what `knowledge`
                is asked for. packets: with trace_id.
        """
        from netdiffus.traffic.payload.protocols import CLIENT_HELLOS  # here: they take a tenth of a short command

        told = packets.filter((pl.col("payload_bytes") > 0) & (pl.col(TOLD).bin.size() > 0))
        told = told.sort("trace_id", "index").group_by("trace_id", maintain_order=True).agg(
            pl.col("direction", TOLD, "payload_bytes").head(MESSAGES)
        )  # fmt: skip
        wanted = flows.filter(pl.col("protocol").is_in(["tcp", "udp"])).select(
            "trace_id", "row", "label", "protocol", "client", "server", "server_port"
        )
        joined = wanted.join(told, on="trace_id").drop("trace_id")
        for row, label, transport, client, server, port, sides, datas, sizes in joined.iter_rows():
            openings = tuple(map(Opening, sides, datas, sizes))
            spoken = recognise(transport, port, openings)
            pair = self._pairs.setdefault((client, server), len(self._pairs))
            here = self._flows[label, transport]
            kept = _cut(openings) if spoken == UNKNOWN and len(here) < MOST_FLOWS else ()
            hello = self._hello(openings) if spoken in CLIENT_HELLOS and len(here) < MOST_FLOWS else None
            here.append(_Flow(row, port, pair, spoken, sizes[0], kept, hello))

    def _hello(self, openings: Sequence[Opening]) -> tuple[Layout, bool] | None:
        """The layout of a flow's hello, each kept once in memory; None: it is cut, or cannot be written anew."""
        data = b"".join(each.data for each in openings if each.side == CLIENT)
        try:
            found = read_layout(data[HEADER:])
        except (ValueError, IndexError):
            return None
        return None if found is None else self._one(found)

    def _one(self, hello: tuple[Layout, bool]) -> tuple[Layout, bool]:
        """The same layout, where it was met before the object that was kept."""
        return self._layouts.setdefault((*astuple(hello[0]), hello[1]), hello)

    def merge(self, other: Tally, first: int) -> None:
        """Take in what was seen in the next source, read apart, whose rows begin at `first`: as if read here."""
        pairs = [self._pairs.setdefault(pair, len(self._pairs)) for pair in other._pairs]
        for key, flows in other._flows.items():
            here = self._flows[key]
            for flow in flows:
                known = replace(flow, row=flow.row + first, pair=pairs[flow.pair])
                if len(here) >= MOST_FLOWS:
                    known = replace(known, openings=(), hello=None)
                elif known.hello is not None:
                    known = replace(known, hello=self._one(known.hello))
                here.append(known)

    def knowledge(self, rows: Collection[int], *, anonymise: bool = False) -> PayloadKnowledge:
        """What the flows of some rows (those to train on) say.

        Args:
            anonymise: nothing may be kept that only a person could tell from a name.

        Raises:
            InputError: with `anonymise`, some text is left in the shapes.
        """
        allowed = set(rows)
        speeches: list[Speech] = []
        shapes: list[LabelShapes] = []
        hellos: list[HelloLayout] = []
        for (label, transport), flows in sorted(self._flows.items()):
            chosen = [flow for flow in flows if flow.row in allowed]
            if not chosen:
                continue
            speeches += _speeches(label, transport, chosen)
            hellos += learn_layouts(label, ((each.spoken, *each.hello, each.pair) for each in chosen if each.hello))
            found = self._shapes([flow for flow in chosen if flow.openings])
            if found:
                shapes.append(LabelShapes(label=label, transport="tcp" if transport == "tcp" else "udp", shapes=found))
        if anonymise:
            _check(shapes)
        return PayloadKnowledge(
            least_flows=LEAST_FLOWS, least_pairs=LEAST_PAIRS, speeches=speeches, shapes=shapes, hellos=hellos
        )

    def _shapes(self, flows: list[_Flow]) -> list[Shape]:
        """The shapes of messages of flows that speak nothing known."""
        seen = {flow.pair for flow in flows}
        names = [pair for pair, number in self._pairs.items() if number in seen]
        addresses = {ip_address(name).packed for pair in names for name in pair}
        found = []
        for number in range(MESSAGES):
            for side in (0, 1):
                said = [
                    (flow.openings[number], flow.pair)
                    for flow in flows
                    if number < len(flow.openings) and flow.openings[number].side == side
                ]
                datas, sizes = [each.data for each, _ in said], np.array([each.size for each, _ in said], np.int64)
                shape = shape_of(side, number, datas, sizes, np.array([pair for _, pair in said], np.int64), addresses)
                if shape is not None and any(place for place in shape.places):
                    found.append(shape)
        return found


def _cut(openings: Sequence[Opening]) -> tuple[Opening, ...]:
    """As much of each message as shapes look at."""
    return tuple(Opening(each.side, each.data[:BYTES], each.size) for each in openings)


def _speeches(label: str, transport: str, flows: list[_Flow]) -> Iterator[Speech]:
    """What is said to each port with enough flows, and to all others together."""
    by_port: dict[int, list[_Flow]] = defaultdict(list)
    for flow in flows:
        by_port[flow.port].append(flow)
    rest: list[_Flow] = []
    for port, chosen in sorted(by_port.items()):
        if len(chosen) >= LEAST_FLOWS:
            yield speech_of(label, transport, port, [(flow.spoken, flow.size) for flow in chosen])
        else:
            rest += chosen
    if rest:
        yield speech_of(label, transport, None, [(flow.spoken, flow.size) for flow in rest])


def _check(shapes: list[LabelShapes]) -> None:
    """Raise InputError for text in shapes: only a person can tell whether it names somebody."""
    for each in shapes:
        for shape in each.shapes:
            for text in readable(shape):
                raise InputError(
                    "shapes without text for --payload-shapes with --anonymise", f"{text[:30]!r} of label {each.label}",
                    "look at the shapes that it has without --anonymise, and leave one of the two options out",
                )  # fmt: skip
