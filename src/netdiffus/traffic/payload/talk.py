"""What a builder is told of one flow, and where it writes: the messages that both sides send, with sizes that stay.

A builder is a function (Talk, Fill) → None. The bytes of all messages lie in one buffer and are random before it
writes, so what it does not write is an encrypted or compressed body. The messages of one side of a TCP flow lie one
behind the other there, as in the sender's stream; each datagram of UDP is a message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.tls_layouts import Layout

CLIENT, SERVER = 0, 1


class Message(NamedTuple):
    """What one side sends at once: `size` bytes from place `at` of the buffer on."""

    side: int
    at: int
    size: int


class Lookup(NamedTuple):
    """A host that a client connects to after a flow: what it looks up, and the answer."""

    name: str  # empty: none yet, the lookup may give it one
    address: bytes  # of 4 or 16 bytes


class Misfit(Exception):  # noqa: N818 - no error: the flow is as it was drawn
    """The flow's sizes or directions are none of the protocol; says why, for people who read FILE.json."""


@dataclass(frozen=True)
class Facts:
    """What is known of a flow beside its messages.

    Attributes:
        transport: "tcp" or "udp".
        client, server: addresses, of 4 or 16 bytes.
        start_ns: when it begins, nanoseconds since 1970.
        name: of the server; the same in all flows to its address.
        lookups: hosts that the client connects to next, the nearest first.
        hello: the layout of a TLS client, as the label's hosts share it; None: one of a public table is chosen.
    """

    transport: str
    client: bytes
    server: bytes
    client_port: int
    server_port: int
    start_ns: int
    name: str
    lookups: tuple[Lookup, ...] = ()
    hello: Layout | None = None


@dataclass
class Talk:
    """One flow to be written.

    Attributes:
        facts: of the flow. messages: in order of time; sizes are above 0. out: the buffer of all flows.
        named: names that the flow gave to hosts, by address.
        drawn: what was chosen by chance, e.g. {"ja4": ...}; tests compare it with what the bytes say.
    """

    facts: Facts
    messages: list[Message]
    out: memoryview
    drawn: dict[str, str] = field(default_factory=dict)
    named: dict[bytes, str] = field(default_factory=dict)

    def put(self, at: int, data: bytes) -> None:
        """Write at a place of the buffer."""
        self.out[at : at + len(data)] = data

    def turns(self) -> list[Message]:
        """Messages with neighbours of the same side joined (of TCP)."""
        joined: list[Message] = []
        for message in self.messages:
            if joined and joined[-1].side == message.side:
                last = joined[-1]
                joined[-1] = Message(last.side, last.at, last.size + message.size)
            else:
                joined.append(message)
        return joined

    def of(self, side: int) -> list[Message]:
        """The messages of one side."""
        return [message for message in self.messages if message.side == side]


Builder = Callable[[Talk, Fill], None]
"""Writes a flow's messages; raises Misfit if they cannot be of its protocol, and has written nothing then."""
