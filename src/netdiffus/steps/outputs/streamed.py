"""Captures of whole flows: packets are made some flows at a time, and stream to the file in order of time.

Memory grows with the number of flows and with the longest flow, which is compiled in one piece. What waits lies in the
folder for temporary files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from netdiffus.arrays import Ints
from netdiffus.compiler import Changes, FlowRows, Packets, compile_rows
from netdiffus.compiler.application import Acquaintances
from netdiffus.compiler.features.bodies import Sketch
from netdiffus.compiler.headers import Headers, write_headers
from netdiffus.compiler.payload import LINKS, Content, build_packets
from netdiffus.compiler.payloads import Payload
from netdiffus.compiler.rules import changes, total
from netdiffus.compiler.runs import Runs
from netdiffus.compiler.shelf import Shelf
from netdiffus.models.packet_codec import PacketCodec
from netdiffus.models.sampling import Draw
from netdiffus.steps.outputs.order import Drawn, Order, draws
from netdiffus.traffic.payload.knowledge import PayloadKnowledge
from netdiffus.wire.headers.packets import PacketBlock

COMPILED_PACKETS = 1 << 16
"""Packets that are compiled at a time; a flow of more is compiled alone."""

Company = Callable[[Ints], Acquaintances]
Spoken = tuple[Ints, Packets, Content | None]
"""Numbers of flows, their packets, and what these carry; None: the policy fills them."""
Taken = TypeVar("Taken")
NO_HEADERS = Headers(np.zeros(0, np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass(frozen=True)
class Filling:
    """What makes and fills packets.

    Attributes:
        codec: of the model that drew them. builder: of payload. known: of payload. order: that asks for it.
    """

    codec: PacketCodec
    builder: Payload
    known: PayloadKnowledge | None
    order: Order


@dataclass
class Stream:
    """Packets of whole flows on their way to files.

    Attributes:
        flows: all of them, between their hosts. runs: their packets. changes: what the rules changed.
        written_flows: how many have packets. session: of each flow, where flows are of sessions.
        spoken, misfits: flows by what their payload speaks, and why some do not.
    """

    flows: FlowRows
    runs: Runs
    changes: Changes
    written_flows: int
    filling: Filling
    spoken: Counter[str]
    misfits: Counter[str]
    session: Ints | None = None

    def blocks(self, order: Order) -> Iterator[tuple[PacketBlock, Ints]]:
        """Packets as bytes in order of time, and the flow of each."""
        config, none = order.capture, changes(np.zeros(0, np.uint32), np.zeros(0, np.uint8))
        for entries, content in self.runs.merged():
            segments, owner = np.ascontiguousarray(entries["segment"]), np.ascontiguousarray(entries["owner"])
            headers = write_headers(self.flows.flows, segments, owner, self.flows.layouts)
            packets = Packets(self.flows.flows, self.flows.labels, segments, owner, headers, none)
            payload: str | Content = self.filling.builder.policy if content is None else content
            places = np.arange(len(owner))
            data, at, whole = build_packets(packets, places, link=config.link, payload=payload, seed=order.config.seed)
            sizes, links = whole.astype(np.int32), np.full(len(owner), LINKS[config.link], np.int32)
            yield PacketBlock(data, at, sizes, sizes, segments["time_ns"], links), owner


def draw_onto(order: Order, shelf: Shelf, *, whole: bool) -> Generator[Drawn, None, dict[str, int]]:
    """Draw flows onto a shelf; yields a record per batch, returns packets that are not as drawn, by reason.

    Args:
        whole: whether the model draws flows to their ends, whose last packets are made later.
    """
    most = order.config.most
    changed: Counter[str] = Counter()
    for (sketch, reasons), progress in draws(order, partial(_whole if whole else _first_packets, most)):
        shelf.add(sketch)
        changed.update(reasons)
        yield progress
    return dict(changed)


def _whole(most: int | None, draw: Draw) -> tuple[Sketch, dict[str, int]]:
    return draw.sketch(most)


def _first_packets(most: int | None, draw: Draw) -> tuple[Sketch, dict[str, int]]:
    rows, reasons = draw.flows(most)
    return Sketch.of_rows(rows), reasons


def compiled(placed: FlowRows, shelf: Shelf, filling: Filling, take: Callable[[Piece], Taken]) -> Iterator[Taken]:
    """What is taken of the flows of a shelf, which are `placed` between hosts, some at a time.

    Pieces are compiled by the spread of the order, each with draws of its own. Sizes and gaps do not depend on hosts.
    """
    compile_ = Compile(filling.codec, filling.builder, filling.order.config.seed)

    def piece(given: tuple[Ints, Sketch]) -> Taken:
        return take(compile_(*given))

    return filling.order.spread(piece, shelf.sketches(placed.flows, COMPILED_PACKETS))


@dataclass(frozen=True)
class Piece:
    """Some flows: their numbers among all of them, what was asked for, and their packets."""

    numbers: Ints
    rows: FlowRows
    packets: Packets


@dataclass(frozen=True)
class Compile:
    """Makes packets of sketches; attributes are those of Filling, and the seed of the draws."""

    codec: PacketCodec
    builder: Payload
    seed: int

    def __call__(self, numbers: Ints, sketch: Sketch) -> Piece:
        """The packets of some flows, which depend on their numbers but not on what was compiled before."""
        rng = np.random.default_rng([self.seed, 1, int(numbers[0])])
        bodies = self.codec.bodies
        rows = sketch.head if bodies is None else bodies.whole(sketch, self.codec.fields, rng)
        rows = self.builder.propose(rows, rng)
        return Piece(numbers, rows, compile_rows(rows))


def _spoken(builder: Payload, seed: int, known: PayloadKnowledge | None, piece: Piece) -> Spoken:
    """A piece without headers, which follow from its segments, and what its packets carry."""
    packets = piece.packets
    content = builder.content(packets, seed + int(piece.numbers[0]), known)
    return piece.numbers, replace(packets, headers=NO_HEADERS), content


def _spoken_pieces(placed: FlowRows, shelf: Shelf, filling: Filling, company: Company | None) -> Iterator[Spoken]:
    """All flows with what they carry; those that know each other are filled here, one piece after the other."""
    builder, seed, known = filling.builder, filling.order.config.seed, filling.known
    if company is None:
        yield from compiled(placed, shelf, filling, partial(_spoken, builder, seed, known))
        return
    for piece in compiled(placed, shelf, filling, _as_it_is):
        content = builder.content(piece.packets, seed + int(piece.numbers[0]), known, company(piece.numbers))
        yield piece.numbers, piece.packets, content


def _as_it_is(piece: Piece) -> Piece:
    return piece


def compiled_stream(
    placed: FlowRows, shelf: Shelf, runs: Runs, filling: Filling, company: Company | None = None
) -> Stream:
    """The packets of all flows of a shelf, which are `placed` between hosts, in runs.

    Args:
        company: what some of the flows, by number, know of each other; None: flows were drawn singly.
    """
    written, parts = 0, list[Changes]()
    spoken, misfits = Counter[str](), Counter[str]()
    for numbers, packets, content in _spoken_pieces(placed, shelf, filling, company):
        runs.add(packets.segments, numbers[packets.owner], content)
        if content is not None:
            spoken.update(content.written)
            misfits.update(content.misfits)
        placed.flows[numbers] = packets.flows  # the rules may have given ports
        parts.append(packets.changes)
        written += len(np.unique(packets.owner))
    return Stream(placed, runs, total(parts), written, filling, spoken, misfits)


def scratch() -> TemporaryDirectory[str]:
    """A folder for what waits."""
    return TemporaryDirectory(prefix="netdiffus-")


def folder_in(folder: str, name: str) -> Path:
    """A new folder of that name."""
    path = Path(folder) / name
    path.mkdir()
    return path
