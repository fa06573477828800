"""The fields codec: flows' rows ↔ series (N, C, n) of what a model of packets learns.

Channels of every packet: its kind and reply as places in vocabularies (packet_types.py), window, payload size and gap.
Channels of the flow stand at position 0 alone: hosts and how a connection ends (teardown.py), again places in
vocabularies, and the server's port. Everything else of a packet follows from these by the rules of the wire
(compiler.py), or is chance (endpoints.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bools, Floats, Ints
from netdiffus.compiler.endpoints import EPHEMERAL
from netdiffus.compiler.features.manifest import CHANNELS as CHANNELS
from netdiffus.compiler.features.manifest import FieldsManifest
from netdiffus.compiler.features.option_templates import layout_places, plain_layouts
from netdiffus.compiler.features.packet_types import (
    KIND,
    flows_of_tokens,
    host_tokens,
    kind_tokens,
    packets_of_tokens,
    reply_tokens,
)
from netdiffus.compiler.features.teardown import before_the_end, ending_places, fit_endings, last_kinds, with_endings
from netdiffus.compiler.features.vocabulary import Vocabulary
from netdiffus.compiler.specs import SERVER, FlowRows
from netdiffus.wire.headers.fields import ACK, FIN, RST, SYN, TCP

OF_PACKET = 5
"""The first so many channels have a value at every packet, the others at the first."""
FEW_FLOWS = 3
"""A server port of the ephemeral range that fewer flows have is chance, and drawn anew."""
PROTOCOL, DIRECTION, FLAGS = (KIND.index(name) for name in ("protocol", "direction", "flags"))


@dataclass(frozen=True)
class FieldsCodec:
    """What leads from rows to series and back; all of it comes from training traffic.

    Attributes:
        length: n, packets of a flow that are held; longer flows are cut, or are `whole`.
        layouts: of TCP options, without the bytes of options that are not known here: those could be identifiers.
        kinds, replies, hosts: vocabularies of packet_types.py. endings: that of teardown.py, of kinds.
        server_ports: the ports that are kept, ascending; any other is 0: it is drawn anew.
        whole: whether flows go on beyond n packets (bodies.py): their endings are then those of the whole flow, and
            rows that are fitted or encoded have their first n packets and their last ENDING ones.
    """

    length: int
    layouts: tuple[bytes, ...]
    kinds: Vocabulary
    replies: Vocabulary
    hosts: Vocabulary
    server_ports: Ints
    endings: Vocabulary
    whole: bool = False

    @classmethod
    def fit(cls, rows: FlowRows, length: int, *, whole: bool = False) -> FieldsCodec:
        """The codec of training flows, at least one."""
        ends = rows if whole else first_packets(rows, length)
        rows = first_packets(rows, length)
        layouts = plain_layouts(ends)
        port, flows = np.unique(rows.flows["port"][:, SERVER], return_counts=True)
        kept = port[(port < EPHEMERAL[0]) | (flows >= FEW_FLOWS)].astype(np.int64)
        tokens = kind_tokens(ends, layout_places(ends, layouts)[0], {})
        kinds = Vocabulary.fit(tokens)
        return cls(
            length,
            layouts,
            kinds,
            Vocabulary.fit(reply_tokens(rows, {})),
            Vocabulary.fit(host_tokens(rows)),
            kept,
            fit_endings(_ends(kinds, kinds.places(tokens)[0], ends.counts)),
            whole,
        )

    def encode(self, rows: FlowRows) -> tuple[Floats, dict[str, int]]:
        """Series (N, len(CHANNELS), n), NaN past the end, of flows of at least a packet; and packets or flows of which
        something is lost, by reason."""
        lost: dict[str, int] = {}
        longer = 0 if self.whole else int(np.count_nonzero(rows.counts > self.length))
        ending = self._ending_places(rows if self.whole else first_packets(rows, self.length))
        rows = first_packets(rows, self.length)
        layout, foreign = layout_places(rows, self.layouts)
        tokens = kind_tokens(rows, layout, lost), reply_tokens(rows, lost)
        kind, kind_known = self.kinds.places(tokens[0])
        reply, reply_known = self.replies.places(tokens[1])
        hosts, hosts_known = self.hosts.places(host_tokens(rows))
        port = rows.flows["port"][:, SERVER].astype(np.int64)
        drawn = ~np.isin(port, self.server_ports)
        counts = {
            "packets beyond the model's length (flows)": longer,
            "options that are not known": int(np.count_nonzero(foreign)),
            "a kind of packet that training did not have": int(np.count_nonzero(~kind_known)),
            "a reply that training did not have": int(np.count_nonzero(~reply_known)),
            "hosts that training did not have (flows)": int(np.count_nonzero(~hosts_known)),
            "a server port that is drawn anew (flows)": int(np.count_nonzero(drawn & (port > 0))),
        }
        lost |= {reason: count for reason, count in counts.items() if count}
        series = np.full((len(rows), len(CHANNELS), self.length), np.nan)
        at = np.arange(len(rows.rows)) - np.repeat(rows.first, rows.counts)
        for channel, values in enumerate((kind, reply, rows.rows["window"], rows.rows["size"], rows.rows["gap_ns"])):
            series[rows.owner, channel, at] = values
        series[:, OF_PACKET:, 0] = np.stack([hosts, np.where(drawn, 0, port), ending], axis=1)
        return series, lost

    def _ending_places(self, ends: FlowRows) -> Ints:
        """Places (N,) of the endings of flows."""
        tokens = kind_tokens(ends, layout_places(ends, self.layouts)[0], {})
        return ending_places(self.endings, _ends(self.kinds, self.kinds.places(tokens)[0], ends.counts))

    def facts(self, series: Floats) -> tuple[Ints, Ints]:
        """Places of the hosts and of the endings (N,) of series (N, len(CHANNELS), n)."""
        hosts, ending = (np.nan_to_num(series[:, OF_PACKET + k, 0]) for k in (0, 2))
        return _clipped(hosts, len(self.hosts)), _clipped(ending, len(self.endings))

    def decode(
        self,
        series: Floats,
        labels: tuple[str, ...],
        rng: np.random.Generator,
        goes_on: NDArray[np.bool_] | None = None,
    ) -> tuple[FlowRows, dict[str, int]]:
        """Flows of series (N, len(CHANNELS), n) with values near those of `encode`; a flow ends where its kinds do.

        Args:
            goes_on: flows (N,) of which more packets follow; None: none.

        Returns:
            flows without addresses and numbers (endpoints.py gives them), and how many packets were not as asked.
        """
        hosts, ending = self.facts(series)
        alive = living(series)
        counts = alive.sum(axis=1)
        owner = np.repeat(np.arange(len(series)), counts)
        values = series[:, :OF_PACKET].transpose(0, 2, 1)[alive]  # (P, OF_PACKET)
        holes = np.isnan(values).any(axis=1)
        whole = np.nan_to_num(values).round().astype(np.int64)
        tokens = self.hosts.tokens[hosts]
        asked, strange = self._of_protocol(_clipped(whole[:, 0], len(self.kinds)), tokens[owner, 0])
        kind = self._ended(asked, counts, ending, self._closed(hosts, goes_on))
        reply = self.replies.tokens[_clipped(whole[:, 1], len(self.replies))]
        size = np.maximum(whole[:, 3], 0)
        packets = packets_of_tokens(self.kinds.tokens[kind], reply, tokens, size, owner, rng)
        packets["window"], packets["gap_ns"] = np.clip(whole[:, 2], 0, 0xFFFF), np.maximum(whole[:, 4], 0)
        first = np.cumsum(counts) - counts
        packets["gap_ns"][first] = 0
        port = np.nan_to_num(series[:, OF_PACKET + 1, 0]).round().astype(np.int64)
        flows = flows_of_tokens(tokens, np.clip(port, 0, 0xFFFF))
        changed = {
            "a channel without a value inside a flow": int(np.count_nonzero(holes)),
            "a packet of another protocol than its flow's": int(np.count_nonzero(strange)),
            "a packet that is none of its flow's ending": int(np.count_nonzero(kind != asked)),
        }
        rows = FlowRows(flows, packets, counts.astype(np.int64), self.layouts, labels)
        return rows, {reason: count for reason, count in changed.items() if count}

    def _ended(self, kind: Ints, counts: Ints, ending: Ints, closed: Bools) -> Ints:
        """The kinds (P,) with which flows of so many packets (N,) close as their ending says, and not before."""
        tokens, of_kind = self.endings.tokens[ending], self.kinds.tokens
        other = closed & (ending_places(self.endings, _ends(self.kinds, kind, counts)) != ending)
        early = np.repeat(other, counts) & before_the_end(counts, tokens)
        kind = np.where(early, self._still_open[kind], kind)
        return with_endings(kind, counts, tokens, closed, of_kind[kind, FLAGS] & SYN != 0)

    @cached_property
    def _still_open(self) -> Ints:
        """The place (K,) of each kind; of one that closes a connection, that of the like that does not."""
        places, flags = np.arange(len(self.kinds)), self.kinds.tokens[:, FLAGS]
        closes = (flags & (FIN | RST) != 0) & (self.kinds.tokens[:, PROTOCOL] == TCP)
        if not closes.any():
            return places
        like = self.kinds.tokens[closes].copy()
        like[:, FLAGS] = like[:, FLAGS] & ~(FIN | RST) | ACK
        found, exact = self.kinds.places(like)
        plain = [self.kinds.usual((PROTOCOL, DIRECTION, FLAGS), (TCP, side, ACK)) for side in like[:, DIRECTION]]
        found = np.where(exact, found, np.array(plain))
        places[closes] = np.where(found < 0, places[closes], found)
        return places

    def as_ended(self, series: Floats, goes_on: Bools | None = None) -> Bools:
        """Which flows (N,) have last packets of the kinds that their ending names; arguments as of `decode`."""
        alive = living(series)
        counts = alive.sum(axis=1)
        hosts, ending = self.facts(series)
        kind = _clipped(np.nan_to_num(series[:, 0][alive]), len(self.kinds))
        other = self._ended(kind, counts, ending, self._closed(hosts, goes_on)) != kind
        ended: Bools = np.bincount(np.repeat(np.arange(len(series)), counts)[other], minlength=len(series)) == 0
        return ended

    def _closed(self, hosts: Ints, goes_on: Bools | None) -> Bools:
        """Which flows (N,) are TCP connections of which no more packets follow; none where no ending is known."""
        tcp: Bools = (self.hosts.tokens[hosts, 0] == TCP) & (len(self.endings) > 1)
        return tcp if goes_on is None else tcp & ~goes_on

    def _of_protocol(self, kind: Ints, protocol: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """Kinds of the flow's protocol: another one becomes the most frequent one in its direction."""
        tokens = self.kinds.tokens
        strange = tokens[kind, PROTOCOL] != protocol
        for number, side in np.unique(np.stack([protocol, tokens[kind, DIRECTION]], 1)[strange], axis=0).tolist():
            here = strange & (protocol == number) & (tokens[kind, DIRECTION] == side)
            place = self.kinds.usual((PROTOCOL, DIRECTION), (number, side))
            kind = np.where(here, place if place >= 0 else self.kinds.usual((PROTOCOL,), (number,)), kind)
        return kind, strange

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "codec": "fields",
            "channels": list(CHANNELS),
            "length": self.length,
            "layouts": [layout.hex() for layout in self.layouts],
            "kinds": self.kinds.to_json(),
            "replies": self.replies.to_json(),
            "hosts": self.hosts.to_json(),
            "server_ports": self.server_ports.tolist(),
            "endings": self.endings.to_json(),
            "whole": self.whole,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FieldsCodec:
        """The way back from `to_json`, exact.

        Raises:
            InputError: it is no such codec.
        """
        return cls.of_manifest(FieldsManifest.of(data, "codec.fields"))

    @classmethod
    def of_manifest(cls, found: FieldsManifest) -> FieldsCodec:
        """The same of what was checked."""
        vocabularies = (found.kinds, found.replies, found.hosts, found.endings)
        kinds, replies, hosts, endings = (Vocabulary.of_manifest(tokens) for tokens in vocabularies)
        layouts = tuple(bytes.fromhex(layout) for layout in found.layouts)
        return cls(
            found.length, layouts, kinds, replies, hosts, np.array(found.server_ports, np.int64), endings, found.whole
        )


def first_packets(rows: FlowRows, length: int) -> FlowRows:
    """The same flows with their first `length` packets."""
    if not (rows.counts > length).any():
        return rows
    at = np.arange(len(rows.rows)) - np.repeat(rows.first, rows.counts)
    counts = np.minimum(rows.counts, length)
    return FlowRows(rows.flows, rows.rows[at < length], counts, rows.layouts, rows.labels)


def living(series: Floats) -> Bools:
    """(N, n) which positions of series (N, C, n) hold something: the first, and others up to one without a kind."""
    alive: Bools = np.logical_and.accumulate(~np.isnan(series[:, 0]), axis=1)
    alive[:, 0] = True
    return alive


def _ends(kinds: Vocabulary, kind: Ints, counts: Ints) -> Ints:
    """What TCP flows end with from their first FIN or RST on, of packets' kinds (P,): see `last_kinds`."""
    tokens = kinds.tokens[kind]
    inside = (tokens[:, PROTOCOL] == TCP) & (tokens[:, FLAGS] & SYN == 0)
    closing = np.cumsum(tokens[:, FLAGS] & (FIN | RST) != 0)
    before = np.repeat(np.append(0, closing)[np.cumsum(counts) - counts], counts)
    return last_kinds(kind, counts, (closing > before) & inside)


def _clipped(values: NDArray[Any], tokens: int) -> Ints:
    """Places among so many tokens."""
    return np.clip(np.round(values), 0, tokens - 1).astype(np.int64)
