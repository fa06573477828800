"""Tapes: the packets of whole flows in a few numbers each, read flow by flow, to count chains in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Ints
from netdiffus.compiler.features.chain import ORDER
from netdiffus.compiler.features.codec import FieldsCodec
from netdiffus.compiler.features.course import courses, levels, segments_of
from netdiffus.compiler.features.option_templates import layout_places
from netdiffus.compiler.features.packet_types import REPLY, kind_tokens, reply_tokens
from netdiffus.compiler.features.teardown import ENDING
from netdiffus.compiler.features.vocabulary import Vocabulary
from netdiffus.compiler.specs import FlowRows
from netdiffus.compiler.tcp_options import HAS_WSCALE, describe
from netdiffus.wire.headers.fields import FIN, RST, SYN, TCP

HEADER_MORE, FULL = 20, 1000
"""Bytes by which the header of IPv6 is longer than that of IPv4, and of segments that may be full ones."""


@dataclass(frozen=True)
class Tape:
    """Packets (P,) of flows that go on: the last ORDER before they do, and all behind.

    Attributes:
        owner: number of the flow. kind, reply: places in the vocabularies.
        direction, size, gap_ns: of each packet. window: bytes that it offers.
        drawn: whether a chain may draw it. tail: whether it is one of the last ENDING, from a FIN or RST on.
        levels: (P, 2) of its segment, see course.py.
        classes: of each flow.
    """

    owner: Ints
    kind: Ints
    reply: Ints
    direction: Ints
    size: Ints
    gap_ns: Ints
    window: Ints
    drawn: NDArray[np.bool_]
    tail: NDArray[np.bool_]
    levels: Ints
    classes: Ints
    kinds: Vocabulary
    replies: Vocabulary


@dataclass
class TapeReader:
    """Collects tapes from batches of whole flows; a packet takes some 50 bytes."""

    fields: FieldsCodec
    _flows: int = 0
    _classes: list[Ints] = field(default_factory=list)
    _columns: list[dict[str, NDArray[Any]]] = field(default_factory=list)
    _kinds: dict[tuple[int, ...], int] = field(default_factory=dict)
    _replies: dict[tuple[int, ...], int] = field(default_factory=dict)

    def add(self, rows: FlowRows, classes: Ints) -> None:
        """Whole flows, and the class of each."""
        head = self.fields.length
        window = rows.rows["window"].astype(np.int64) << window_shifts(rows)[rows.owner, rows.rows["direction"]]
        goes_on = rows.counts > head
        place = np.arange(len(rows.rows)) - np.repeat(rows.first, rows.counts)
        left = np.repeat(rows.counts, rows.counts) - place
        tail = (left <= _closing(rows, left)[rows.owner]) & (place >= head)
        kept = goes_on[rows.owner] & (place >= head - ORDER)
        layout = layout_places(rows, self.fields.layouts)[0]
        kind, reply = kind_tokens(rows, layout, {})[kept], plain_replies(rows)[kept]
        packets, number = rows.rows[kept], np.cumsum(goes_on) - 1 + self._flows
        plain = packets["flags"] & (SYN | FIN | RST) == 0
        self._columns.append(
            {
                "owner": number[rows.owner[kept]],
                "kind": _numbered(kind, self._kinds),
                "reply": _numbered(reply, self._replies),
                "direction": packets["direction"].astype(np.int8),
                "size": packets["size"].astype(np.int32) + longer_header(rows)[kept],
                "gap_ns": packets["gap_ns"].astype(np.int64),
                "window": window[kept].astype(np.int32),
                "drawn": plain & ~tail[kept],
                "tail": tail[kept],
                "levels": _levels(rows, head)[kept].astype(np.int8),
            }
        )
        self._classes.append(classes[goes_on])
        self._flows += int(goes_on.sum())

    def tape(self) -> Tape | None:
        """Everything that was added; None if no flow goes on."""
        if not self._flows:
            return None
        column = {name: np.concatenate([part[name] for part in self._columns]) for name in self._columns[0]}
        self._columns.clear()
        kinds, kind = _vocabulary(self._kinds, column.pop("kind"))
        replies, reply = _vocabulary(self._replies, column.pop("reply"))
        return Tape(
            kind=kind, reply=reply, classes=np.concatenate(self._classes), kinds=kinds, replies=replies, **column
        )


def _closing(rows: FlowRows, left: Ints) -> Ints:
    """(F,) how many of the last packets of TCP flows begin with the first FIN or RST; `left` (P,) counts to the end."""
    closes = (rows.rows["flags"] & (FIN | RST) != 0) & (rows.flows["protocol"] == TCP)[rows.owner]
    found = np.zeros(len(rows), np.int64)
    np.maximum.at(found, rows.owner[closes], left[closes])
    return np.minimum(found, ENDING)


def plain_replies(rows: FlowRows) -> Ints:
    """The replies of packets, with the echo of the peer's latest timestamp: which older one is echoed follows from what
    was under way, which a chain does not know."""
    tokens = reply_tokens(rows, {})
    tokens[:, REPLY.index("echo_behind")] = 0
    return tokens


def longer_header(rows: FlowRows) -> Ints:
    """(P,) how much smaller a full segment over IPv6 is than over IPv4: both are one token."""
    six = (rows.flows["version"] == 6) & (rows.flows["protocol"] == TCP)
    return np.where(six[rows.owner] & (rows.rows["size"] >= FULL - HEADER_MORE), HEADER_MORE, 0)


def _levels(rows: FlowRows, head: int) -> Ints:
    """(P, 2) of the segment of each packet, of those before the first segment its."""
    after = np.maximum(rows.counts - head, 1)
    place = np.maximum(np.arange(len(rows.rows)) - np.repeat(rows.first, rows.counts) - head, 0)
    segment = place * segments_of(after)[rows.owner] // after[rows.owner]
    return levels(courses(rows, head))[rows.owner, segment]


def window_shifts(rows: FlowRows) -> Ints:
    """(F, 2) by how many bits windows of each side are scaled: where both SYNs offer it (RFC 7323 section 2.2)."""
    scaled = (describe(rows.layouts)["has"][rows.rows["layout"]] & HAS_WSCALE != 0) & (rows.rows["flags"] & SYN != 0)
    found = np.full((len(rows), 2), -1, np.int64)
    found[rows.owner[scaled], rows.rows["direction"][scaled]] = np.minimum(rows.rows["wscale"][scaled], 14)
    both = np.asarray((found >= 0).all(axis=1))
    return np.where(both[:, None], found, 0)


def _numbered(tokens: Ints, known: dict[tuple[int, ...], int]) -> Ints:
    """The number of each of (N, W) tokens, in the order in which they were first seen."""
    distinct, back = np.unique(tokens, axis=0, return_inverse=True)
    numbers = np.array([known.setdefault(tuple(token), len(known)) for token in distinct.tolist()], np.int64)
    return numbers[back.reshape(-1)]


def _vocabulary(known: dict[tuple[int, ...], int], numbers: Ints) -> tuple[Vocabulary, Ints]:
    """The tokens in lexicographic order, how often each came, and the place of each number."""
    tokens = np.array(list(known), np.int64)
    order = np.lexsort(tokens.T[::-1])
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    counts = np.bincount(numbers, minlength=len(tokens))[order]
    return Vocabulary(tokens[order], counts.astype(np.int64)), place[numbers]
