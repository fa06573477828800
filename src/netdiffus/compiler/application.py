"""The application layer of compiled flows: each is written as what its label speaks (traffic/payload)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.compiler.compile import Packets
from netdiffus.compiler.payload import Content
from netdiffus.compiler.specs import CLIENT, SERVER
from netdiffus.compiler.streams import Streams, streams_of
from netdiffus.traffic.flows.frames import PROTOCOLS as TRANSPORTS
from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.hosts import Hosts
from netdiffus.traffic.payload.knowledge import UNKNOWN, PayloadKnowledge, Tongue
from netdiffus.traffic.payload.protocols import CLIENT_HELLOS, LOOKS_UP, PROTOCOLS, by_port
from netdiffus.traffic.payload.records import HEADER
from netdiffus.traffic.payload.shapes import build_shaped
from netdiffus.traffic.payload.talk import Facts, Lookup, Message, Misfit, Talk
from netdiffus.traffic.payload.tls import hello_message

STREAM = 0x9A
"""Sets the draws of payload apart from others of the same seed."""
MOST_LOOKUPS = 4
SHAPES = "shapes"
WITH_HOLES = "the stream has holes"
NOT_SHARED = "flows of the label are of no known protocol and share no bytes"
NOT_KNOWN = "no protocol is known for the label and the server's {} port"


@dataclass(frozen=True)
class Acquaintances:
    """What flows know of each other; a session that is drawn as a whole hands it over.

    Attributes:
        lookups: for each flow (F) the addresses of the servers that its client looks up in it, in order.
        names: of servers by address, so far; flows that are written later have them too.
    """

    lookups: Sequence[Sequence[bytes]]
    names: dict[bytes, str] = field(default_factory=dict)


def acquaintances(packets: Packets, asks: Sequence[bool]) -> Acquaintances:
    """The same of flows that were drawn singly: a lookup asks for the next servers that its client connects to.

    Args:
        asks: whether each flow (F) is a lookup.
    """
    following: dict[tuple[int, int, int], list[bytes]] = {}
    lookups: list[list[bytes]] = [[] for _ in asks]
    servers = packed_addresses(packets.flows, SERVER)
    order = np.argsort(packets.flows["start_ns"], kind="stable").tolist()
    clients = packets.flows["address"][:, CLIENT].tolist()
    versions = packets.flows["version"].tolist()
    for flow in reversed(order):
        key = (*clients[flow], versions[flow])
        if asks[flow]:
            lookups[flow] = following.get(key, [])[:MOST_LOOKUPS]
        else:
            following[key] = [servers[flow], *following.get(key, [])[: MOST_LOOKUPS - 1]]
    return Acquaintances(lookups)


def speak(
    packets: Packets, seed: int, spoken: PayloadKnowledge | None = None, known: Acquaintances | None = None
) -> Content:
    """The payload of all flows.

    Args:
        seed: of every draw.
        spoken: what each label speaks; None: ports alone tell.
        known: what flows know of each other; None: flows of one client follow each other.
    """
    rng = np.random.default_rng([seed, STREAM])
    streams = streams_of(packets)
    data = np.frombuffer(bytearray(rng.bytes(streams.size)), np.uint8)
    writer = _Writer(packets, streams, data, Fill(rng), Tongue(spoken), {} if known is None else known.names)
    asks = [bool(names) and names[0] in LOOKS_UP for names in writer.orders]
    known = acquaintances(packets, asks) if known is None else known
    for flow in sorted(np.flatnonzero(asks).tolist(), key=writer.start.__getitem__):
        writer.write(flow, known.lookups[flow])
    for flow in np.flatnonzero(~np.array(asks, bool)).tolist():
        writer.write(flow)
    return Content(data, streams.at, writer.ja4, dict(writer.written), dict(writer.misfits))


class _Writer:
    """Writes flow by flow into the buffer of all; counts flows that it wrote by protocol, the others by reason."""

    def __init__(
        self, packets: Packets, streams: Streams, data: Bytes, fill: Fill, tongue: Tongue, names: dict[bytes, str]
    ) -> None:
        flows = packets.flows
        self._fill, self._out, self._hosts, self._tongue = fill, memoryview(data.data), Hosts(fill, names), tongue
        self._messages: list[list[int]] = streams.messages.tolist()
        self._ends: list[int] = np.cumsum(streams.counts).tolist()
        self._labels, self._holes = packets.labels, streams.holes.tolist()
        self._transport = [TRANSPORTS[number] for number in flows["protocol"].tolist()]
        self._address = [packed_addresses(flows, side) for side in (CLIENT, SERVER)]
        self._port = flows["port"].tolist()
        self.start: list[int] = flows["start_ns"].tolist()
        self.orders = [self._order(flow) for flow in range(len(flows))]
        self.ja4: dict[int, str] = {}
        self.written: Counter[str] = Counter()
        self.misfits: Counter[str] = Counter()

    def _of(self, flow: int) -> list[list[int]]:
        """The messages of a flow: side, place and size of each."""
        return self._messages[self._ends[flow - 1] if flow else 0 : self._ends[flow]]

    def _order(self, flow: int) -> Sequence[str]:
        """The protocols to try for a flow."""
        messages = self._of(flow)
        if not messages:
            return ()
        transport, port = self._transport[flow], self._port[flow][SERVER]
        found = self._tongue.order((self._labels[flow], transport, port), messages[0][2], self._fill)
        if found is not None:
            return found
        usual = by_port(transport, port)
        return () if usual is None else (usual,)

    def write(self, flow: int, following: Sequence[bytes] = ()) -> None:
        """Write a flow, if it has payload; `following` are the addresses of the servers that it looks up."""
        messages = self._of(flow)
        if not messages:
            if self._holes[flow]:
                self.misfits[WITH_HOLES] += 1
            return
        said = [Message(*message) for message in messages]
        talk = Talk(self._facts(flow, following), said, self._out)
        if self._first(flow) in CLIENT_HELLOS:
            talk.facts = self._with_hello(talk, flow)
        refused = ""
        for name in self.orders[flow]:
            try:
                written = self._shaped(talk, flow) if name == UNKNOWN else self._built(name, talk)
            except Misfit as misfit:
                refused = refused or str(misfit)
                continue
            if written:
                self.written[name or SHAPES] += 1
                self.ja4 |= {flow: talk.drawn["ja4"]} if "ja4" in talk.drawn else {}
                for address, host in talk.named.items():
                    self._hosts.give(address, host)
                return
            refused = refused or NOT_SHARED
        self.misfits[refused or NOT_KNOWN.format(self._transport[flow])] += 1

    def _built(self, name: str, talk: Talk) -> bool:
        PROTOCOLS[name](talk, self._fill)
        return True

    def _first(self, flow: int) -> str:
        """The protocol that a flow is first tried in; empty: none."""
        return self.orders[flow][0] if self.orders[flow] else ""

    def _facts(self, flow: int, following: Sequence[bytes]) -> Facts:
        first = self._first(flow)
        asks = first in LOOKS_UP
        client, server = (addresses[flow] for addresses in self._address)
        named_later = asks or first in CLIENT_HELLOS
        return Facts(
            self._transport[flow], client, server, self._port[flow][CLIENT],
            self._port[flow][SERVER], self.start[flow],
            "" if named_later else self._hosts.name(server),
            tuple(Lookup(self._hosts.known(address), address) for address in following),
        )  # fmt: skip

    def _with_hello(self, talk: Talk, flow: int) -> Facts:
        """What is known of a flow of TLS: with a layout that its label's hosts share, and a name that fits it."""
        facts, chosen = talk.facts, None
        learned = self._tongue.hellos(self._labels[flow], self._first(flow))
        if learned is not None:
            size = hello_message(talk.turns(), talk.messages).size - HEADER
            chosen = learned.choose(size, self._hosts.known(facts.server), self._fill)
        if chosen is None:
            return replace(facts, name=self._hosts.name(facts.server))
        layout, name = chosen
        named = self._hosts.give(facts.server, name) if name else self._hosts.name(facts.server)
        return replace(facts, name=named, hello=layout)

    def _shaped(self, talk: Talk, flow: int) -> bool:
        """Write a flow of no known protocol from the shapes of its label; False: there are none."""
        moulds = self._tongue.moulds(self._labels[flow], self._transport[flow])
        build_shaped(talk, moulds, self._fill)
        return bool(moulds)


def packed_addresses(flows: NDArray[np.void], side: int) -> list[bytes]:
    """The addresses of one side, of 4 or 16 bytes."""
    whole = flows["address"][:, side].astype(">u8").tobytes()
    four = (flows["version"] == 4).tolist()
    return [whole[16 * k + (12 if short else 0) : 16 * k + 16] for k, short in enumerate(four)]
