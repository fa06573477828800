"""Bodies: the packets of whole flows behind their first ones, of any number, from the course that a model drew.

The first packets are drawn one by one (codec.py). Of what comes behind, a model draws the course (course.py), which is
as short for a hundred thousand packets as for a hundred; the packets themselves come from chains counted in the flows
of the class (chain.py), steered to that course. The last ones are the flow's ending.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from netdiffus.arrays import Floats, Ints
from netdiffus.compiler.features.cells import Cells
from netdiffus.compiler.features.chain import ORDER, Chain, ChainManifest
from netdiffus.compiler.features.chain_draw import CANDIDATES, LONG_NS, Tables, draw_tokens, stretch
from netdiffus.compiler.features.codec import FieldsCodec
from netdiffus.compiler.features.course import levels, segments_of, targets
from netdiffus.compiler.features.manifest import check_packets
from netdiffus.compiler.features.option_templates import layout_places
from netdiffus.compiler.features.packed import Packed, pack, unpack
from netdiffus.compiler.features.packet_types import KIND, kind_tokens, packets_of_tokens
from netdiffus.compiler.features.tails import Tails, TailsManifest, round_trips, under_way
from netdiffus.compiler.features.tape import FULL, HEADER_MORE, Tape, longer_header, plain_replies, window_shifts
from netdiffus.compiler.features.tokens import GAP_EDGES, UNKNOWN, Tokens, TokensManifest
from netdiffus.compiler.features.vocabulary import Vocabulary, VocabularyManifest
from netdiffus.compiler.features.windows import Windows, WindowsManifest, count_received, draw_windows
from netdiffus.compiler.specs import CLIENT, ROW, FlowRows
from netdiffus.manifest import Manifest
from netdiffus.wire.headers.fields import RST, TCP

QUANTILES = 9
"""Of the gaps in a class of gaps."""
CLASSES_OF_GAPS = len(GAP_EDGES) + 1
FOREVER = 1 << 62
"""ns; of classes whose flows were never seen to go on, and of models that do not know."""


class BodiesManifest(Manifest):
    """Bodies in a manifest."""

    classes: int = Field(ge=1)
    kinds: VocabularyManifest
    replies: VocabularyManifest
    words: TokensManifest
    chain: ChainManifest
    gaps: Packed
    cells: Packed
    windows: WindowsManifest
    tails: TailsManifest
    longest: Packed | None = None


@dataclass(frozen=True)
class Sketch:
    """Flows (F,) before the packets behind their first ones are made.

    Attributes:
        head: their first packets. hosts, ending: places in the vocabularies of the codec of first packets.
        classes: of each. more: packets behind the first ones. course: see course.py. seeds: of each body.
        as_ended: whether the first packets, where no more follow, end as their ending says.
    """

    head: FlowRows
    hosts: Ints
    ending: Ints
    classes: Ints
    more: Ints
    course: Floats
    seeds: Ints
    as_ended: NDArray[np.bool_]

    @classmethod
    def of_rows(cls, rows: FlowRows) -> Sketch:
        """Flows that are whole already."""
        none = np.zeros(len(rows), np.int64)
        return cls(rows, none, none, none, none, np.zeros((len(rows), 0, 0)), none, np.ones(len(rows), np.bool_))

    def select(self, chosen: NDArray[np.bool_]) -> Sketch:
        """The flows marked in `chosen` (F,)."""
        return Sketch(
            self.head.select(chosen), self.hosts[chosen], self.ending[chosen], self.classes[chosen], self.more[chosen],
            self.course[chosen], self.seeds[chosen], self.as_ended[chosen],
        )  # fmt: skip


@dataclass(frozen=True)
class BodyCodec:
    """What leads from sketches to whole flows; all of it is counted in training traffic.

    Attributes:
        classes: how many there are. kinds, replies: vocabularies. tokens, chain: of the packets.
        gaps: (classes, 2, CLASSES_OF_GAPS, QUANTILES) ns, of each class, direction and class of gaps.
        cells: which chain a segment has. windows, tails: of the packets.
        longest: (classes,) ns that a flow of each class goes on for at most.
    """

    classes: int
    kinds: Vocabulary
    replies: Vocabulary
    tokens: Tokens
    chain: Chain
    gaps: Ints
    cells: Cells
    windows: Windows
    tails: Tails
    longest: Ints

    @classmethod
    def fit(cls, tape: Tape, fields: FieldsCodec, classes: int, *, order: int = ORDER) -> BodyCodec | None:
        """The codec of a tape; None if it has no packet that may be drawn."""
        if not tape.drawn.any():
            return None
        tokens = Tokens.fit(tape)
        place = np.where(tape.drawn, tokens.places(tape.kind, tape.reply, tape.size, tape.gap_ns), UNKNOWN)
        kinds, some = tape.classes[tape.owner], place != UNKNOWN
        cells = Cells.fit(kinds[some], tape.levels[some], tape.owner[some], classes)
        cell = np.where(some, cells.of(kinds, tape.levels), 0)
        chain = Chain.fit(place, tape.owner, cell, cells.alone(cell[some], tape.owner[some]), order=order)
        windows, tails = Windows.fit(tape, classes), Tails.fit(tape, fields.kinds)
        gaps, longest = _gaps(tape, classes), _longest(tape, classes)
        return cls(classes, tape.kinds, tape.replies, tokens, chain, gaps, cells, windows, tails, longest)

    def known(self) -> NDArray[np.bool_]:
        """(classes,) whether the class has chains."""
        return np.asarray((self.cells.nearest >= 0).any(axis=(1, 2)))

    def whole(
        self, sketch: Sketch, fields: FieldsCodec, rng: np.random.Generator, *, candidates: int = CANDIDATES
    ) -> FlowRows:
        """The flows of a sketch with all their packets."""
        head = sketch.head
        on = sketch.more > 0
        if not on.any():
            return head
        part = sketch.select(on)
        packets = self._bodies(part, fields, rng, candidates)
        counts = head.counts + sketch.more
        first = np.cumsum(counts) - counts
        rows = np.empty(int(counts.sum()), ROW)
        rows[_places(first, head.counts)] = head.rows
        rows[_places(first + head.counts, sketch.more)] = packets
        return FlowRows(head.flows, rows, counts, head.layouts, head.labels)

    def _bodies(self, part: Sketch, fields: FieldsCodec, rng: np.random.Generator, candidates: int) -> NDArray[np.void]:
        """Rows (P,) of the bodies of flows that all have one."""
        n, total = part.more, int(part.more.sum())
        owner, first = np.repeat(np.arange(len(n)), n), np.cumsum(n) - n
        token, size, gap_ns = np.zeros(total, np.int64), np.zeros(total, np.int64), np.zeros(total)
        sums, cells = targets(part.course, n).sums, self.cells.of(part.classes[:, None], levels(part.course))
        sums[:, :, 3] *= np.minimum(1, self.longest[part.classes] / np.maximum(sums[:, :, 3].sum(axis=1), 1))[:, None]
        hosts, parts = fields.hosts.tokens[part.hosts], segments_of(n)
        tcp = hosts[:, 0] == TCP
        endings = np.where(tcp[:, None], fields.endings.tokens[part.ending], -1)
        far, flow, last, of_size, of_gap = self.tails.draw(endings, n, part.seeds)
        up = fields.kinds.tokens[last, KIND.index("direction")] == CLIENT
        for k, values in enumerate((up, up * of_size, ~up * of_size)):  # of the course, the chain draws what is left
            np.subtract.at(sums[:, :, k], (flow, parts[flow] - 1), values)
        ends = n - np.bincount(flow, minlength=len(n))
        draw_tokens(
            part.classes, cells, n, ends, first, parts, np.maximum(sums, 0), self._past(part.head, fields),
            part.seeds, ORDER, candidates, self._tables(), token, size, gap_ns,
        )  # fmt: skip
        six = (part.head.flows["version"] == 6) & (part.head.flows["protocol"] == TCP)
        size -= np.where(six[owner] & (size >= FULL), HEADER_MORE, 0)
        kind, reply = self.kinds.tokens[self.tokens.tokens[token, 0]], self.tokens.tokens[token, 1]
        at = first[flow] + n[flow] - 1 - far
        kind[at], reply[at], size[at], gap_ns[at] = fields.kinds.tokens[last], self.tails.reply[last], of_size, of_gap
        trips = round_trips(part.head)
        least = np.where(trips > 0, trips, LONG_NS)
        stretch(n, np.minimum(ends + 1, n), first, parts, sums, least, gap_ns)
        resets = fields.kinds.tokens[last, KIND.index("flags")] & RST != 0
        gap_ns[at] = under_way(flow, far, resets, gap_ns[at], trips)
        rows = packets_of_tokens(kind, self.replies.tokens[reply], hosts, size, owner, rng)
        rows["gap_ns"] = np.maximum(np.round(gap_ns), 1)
        rows["window"] = np.where(tcp[owner], self._windows(part, owner, rows), 0)
        return rows

    def _windows(self, part: Sketch, owner: Ints, rows: NDArray[np.void]) -> Ints:
        """As in the header, (P,)."""
        head, shift, direction = part.head, window_shifts(part.head), rows["direction"].astype(np.int64)
        latest = np.zeros((len(head), 2), np.int64)
        latest[head.owner, head.rows["direction"]] = head.rows["window"]  # the last one is written last
        received, windows = np.zeros((2, len(owner)), np.int64)
        count_received(owner, direction, rows["size"].astype(np.int64), received)
        tables, packets = (self.windows.levels, self.windows.moves), np.stack([direction, received])
        draw_windows(part.classes, part.seeds, owner, packets, latest, shift, tables, windows)
        return windows

    def _past(self, head: FlowRows, fields: FieldsCodec) -> Ints:
        """The tokens (F, ORDER) of the last packets of heads, UNKNOWN where there is none."""
        last = np.repeat(head.counts, head.counts) - (np.arange(len(head.rows)) - np.repeat(head.first, head.counts))
        kept = last <= ORDER
        few = FlowRows(head.flows, head.rows[kept], np.minimum(head.counts, ORDER), head.layouts, head.labels)
        kind, known = self.kinds.places(kind_tokens(few, layout_places(few, fields.layouts)[0], {}))
        reply, replied = self.replies.places(plain_replies(few))
        token = self.tokens.places(kind, reply, few.rows["size"] + longer_header(few), few.rows["gap_ns"])
        found = np.full((len(head), ORDER), UNKNOWN, np.int64)
        found[few.owner, ORDER - last[kept]] = np.where(known & replied, token, UNKNOWN)
        return found

    def _tables(self) -> Tables:
        kind, _, size, gap = self.tokens.tokens.T
        low, high = self.tokens.sizes[size].T
        up = (self.kinds.tokens[kind, KIND.index("direction")] == CLIENT).astype(np.uint8)
        chain = self.chain
        low, high, gap = (np.ascontiguousarray(part) for part in (low, high, gap))
        gaps = self.gaps.astype(np.float64)
        return Tables(chain.keys, chain.ends, chain.tokens, chain.passed, up, low, high, gap, gaps)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        names = ("kinds", "replies", "chain", "cells", "windows", "tails")
        parts = {name: getattr(self, name).to_json() for name in names} | {"words": self.tokens.to_json()}
        return {"classes": self.classes, "gaps": pack(self.gaps), "longest": pack(self.longest)} | parts

    @classmethod
    def of_manifest(cls, found: BodiesManifest, fields: FieldsCodec) -> BodyCodec:
        """The way back from `to_json`.

        Raises:
            ValueError: its parts do not fit each other.
        """
        check_packets(found.kinds, found.replies, len(fields.layouts))
        kinds, replies = (Vocabulary.of_manifest(tokens) for tokens in (found.kinds, found.replies))
        tokens = Tokens.of_manifest(found.words, len(kinds), len(replies))
        gaps = unpack(found.gaps, found.classes, 2, CLASSES_OF_GAPS, QUANTILES)
        longest = np.full(found.classes, FOREVER) if found.longest is None else unpack(found.longest, found.classes)
        if (gaps < 0).any() or (longest < 0).any():
            raise ValueError("with gaps and times of 0 ns or more")
        return cls(
            found.classes, kinds, replies, tokens, Chain.of_manifest(found.chain, len(tokens)), gaps,
            Cells.of_text(found.cells, found.classes), Windows.of_manifest(found.windows, found.classes),
            Tails.of_manifest(found.tails, len(fields.kinds), len(replies)), longest,
        )  # fmt: skip


def _places(first: Ints, counts: Ints) -> Ints:
    """The numbers from each `first` on, `counts` of them."""
    return np.asarray(np.arange(int(counts.sum())) + np.repeat(first - (np.cumsum(counts) - counts), counts))


def _gaps(tape: Tape, classes: int) -> Ints:
    """Quantiles of gaps; of a class that has none those of all."""
    number = np.searchsorted(GAP_EDGES, tape.gap_ns, side="right")
    at = (np.arange(QUANTILES) + 0.5) / QUANTILES
    found = np.zeros((classes, 2, CLASSES_OF_GAPS, QUANTILES), np.int64)
    kind = tape.classes[tape.owner]
    cell = (kind * 2 + tape.direction) * CLASSES_OF_GAPS + number
    order = np.argsort(cell, kind="stable")
    names, begin = np.unique(cell[order], return_index=True)
    flat = found.reshape(-1, QUANTILES)
    for name, gaps in zip(names.tolist(), np.split(tape.gap_ns[order], begin[1:]), strict=True):
        flat[name] = np.quantile(gaps, at)
    return found


def _longest(tape: Tape, classes: int) -> Ints:
    """(classes,) the time in ns that the longest flow of each goes on for."""
    found, time_ns = np.zeros(classes, np.int64), np.zeros(len(tape.classes), np.int64)
    np.add.at(time_ns, tape.owner, tape.gap_ns)
    np.maximum.at(found, tape.classes, time_ns)
    return np.where(found > 0, found, FOREVER)
