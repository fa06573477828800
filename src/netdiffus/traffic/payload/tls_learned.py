"""Layouts of ClientHellos that training traffic shares: numbers of the IANA registries that many hosts send alike.

A layout is kept where at least LEAST_FLOWS flows of at least LEAST_PAIRS pairs of hosts send the very same one, as
values of shapes are. Nothing of a single connection is in it: names, random numbers, keys, tickets and identifiers are
drawn anew, and an extension whose body could hold any of those is in no layout.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace
from typing import Annotated

from pydantic import Field

from netdiffus.manifest import Count, Manifest, Text
from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.hosts import SHORTEST, USUAL, host_name
from netdiffus.traffic.payload.ja4 import (
    ALPN,
    SERVER_NAME,
    SIGNATURE_ALGORITHMS,
    SUPPORTED_VERSIONS,
    is_grease,
    read_numbers,
    read_parts,
)
from netdiffus.traffic.payload.shapes import LEAST_FLOWS, LEAST_PAIRS
from netdiffus.traffic.payload.tls_hello import FIXED, KEY_SHARE, SHARES, hello_size
from netdiffus.traffic.payload.tls_layouts import ECH, GREASE, PADDING, Layout

GROUPS, TICKET, CERTIFIED = 10, 35, 50
CONSTANT = frozenset({*FIXED, CERTIFIED, 24, 13172, 17513, 30032}) - {TICKET}
"""Extensions that hold numbers of registries and nothing else (IANA TLS ExtensionType Values)."""
LEFT_OUT = frozenset({41, 42, 44})
"""Those of a resumed or repeated connection: pre-shared key, early data, cookie."""
PROTOCOLS = frozenset({b"h2", b"http/1.1", b"http/1.0", b"spdy/3", b"spdy/3.1", b"imap", b"pop3", b"dot", b"mqtt"})
"""Of the IANA registry of ALPN; another one could name an application of one's own."""
MOST_BODY = 64
LEAST_PADDING, LONGEST_NAME = 4, 64
Kind = Annotated[str, Field(pattern="^[0-9]{1,5}$")]
Hexadecimal = Annotated[str, Field(pattern="^([0-9a-f]{2}){0,64}$")]
Number = Annotated[int, Field(ge=0, lt=1 << 16)]
Numbers = Annotated[list[Number], Field(max_length=256)]


class HelloLayout(Manifest):
    """A layout of ClientHellos, and the flows of a label that have it.

    Attributes:
        protocol: "tls" or "tls12", as the server chose. bodies: of extensions, in hexadecimal, by type.
        padded: with the padding extension (RFC 7685), which is not among the extensions.
        The others are those of Layout; GREASE values are 2570.
    """

    label: Text
    protocol: Annotated[str, Field(pattern="^tls(12)?$")]
    flows: Count
    ciphers: Numbers
    extensions: Numbers
    groups: Numbers
    signatures: Numbers
    alpn: list[Annotated[str, Field(max_length=16)]] = Field(max_length=16)
    shares: Numbers
    versions: Numbers
    session: Annotated[int, Field(ge=0, le=32)]
    padded: bool
    bodies: dict[
        Annotated[str, Field(pattern="^[0-9]{1,5}$")], Annotated[str, Field(pattern="^([0-9a-f]{2}){0,64}$")]
    ] = Field(max_length=64)

    def layout(self) -> Layout:
        """The same for client_hello."""
        bodies = tuple((int(kind), bytes.fromhex(body)) for kind, body in self.bodies.items())
        return Layout(
            tuple(self.ciphers), tuple(self.extensions), tuple(self.groups), tuple(self.signatures),
            tuple(name.encode() for name in self.alpn), tuple(self.shares), tuple(self.versions), self.session, bodies,
        )  # fmt: skip


def _plain(values: Sequence[int]) -> tuple[int, ...]:
    return tuple(GREASE if is_grease(value) else value for value in values)


def read_layout(message: bytes) -> tuple[Layout, bool] | None:
    """The layout of the ClientHello in a handshake message; and whether it is padded; None: it has parts
    that cannot be written anew.

    Raises:
        ValueError: there is no whole ClientHello.
    """
    _, session, ciphers, extensions = read_parts(message)
    kept = [(GREASE if is_grease(kind) else kind, body) for kind, body in extensions if kind not in LEFT_OUT]
    found = dict(kept)
    writable = CONSTANT | {GREASE, PADDING, ECH, TICKET, SERVER_NAME, GROUPS, SIGNATURE_ALGORITHMS, ALPN}
    alpn = _texts(found.get(ALPN, b"")[2:])
    shares = _shares(found.get(KEY_SHARE, b"")[2:])
    bodies = {kind: body for kind, body in kept if kind in CONSTANT and body != FIXED.get(kind)}
    if (
        not {kind for kind, _ in kept} <= writable | {SUPPORTED_VERSIONS, KEY_SHARE}
        or not set(alpn) <= PROTOCOLS
        or not set(shares) <= set(SHARES)
        or any(len(body) > MOST_BODY for body in bodies.values())
        or session not in (0, 32)
    ):
        return None
    layout = Layout(
        _plain(ciphers), tuple(kind for kind, _ in kept if kind != PADDING), _numbers(found, GROUPS, 2),
        _numbers(found, SIGNATURE_ALGORITHMS, 2), alpn, shares, _numbers(found, SUPPORTED_VERSIONS, 1), session,
        tuple(sorted(bodies.items())),
    )  # fmt: skip
    return layout, PADDING in found


def _numbers(bodies: dict[int, bytes], kind: int, head: int) -> tuple[int, ...]:
    """The numbers of an extension behind their length of `head` bytes."""
    return _plain(read_numbers(bodies.get(kind, b"")[head:]))


def _texts(data: bytes) -> tuple[bytes, ...]:
    """Texts behind a length of one byte each."""
    found, at = [], 0
    while at < len(data):
        found.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return tuple(found)


def _shares(data: bytes) -> tuple[int, ...]:
    """The groups of key shares."""
    found, at = [], 0
    while at + 4 <= len(data):
        group, size = read_numbers(data[at : at + 4])
        found.append(group)
        at += 4 + size
    return _plain(found)


def learn_layouts(label: str, hellos: Iterable[tuple[str, Layout, bool, int]]) -> list[HelloLayout]:
    """The layouts that enough flows of a label share.

    Some clients draw the order of their extensions: flows with the same ones are counted together, and the order is
    kept only if enough flows share it, too.

    Args:
        hellos: of each flow, its protocol, the layout, whether it is padded, and the number of its pair of hosts.
    """
    groups: dict[tuple[str, bool, tuple[object, ...]], list[tuple[Layout, int]]] = defaultdict(list)
    for protocol, layout, padded, pair in hellos:
        groups[protocol, padded, astuple(replace(layout, extensions=_ordered(layout)))].append((layout, pair))
    learned = []
    for (protocol, padded, _), seen in groups.items():
        if not _enough([pair for _, pair in seen]):
            continue
        order, _ = Counter(layout.extensions for layout, _ in seen).most_common(1)[0]
        kept = _enough([pair for layout, pair in seen if layout.extensions == order])
        layout = replace(seen[0][0], extensions=order if kept else _ordered(seen[0][0]))
        learned.append(_written(label, protocol, len(seen), layout, padded=padded))
    return learned


def _ordered(layout: Layout) -> tuple[int, ...]:
    """The extensions by number, between GREASE ones if there are any."""
    if not layout.extensions:
        return ()
    first, *others = sorted(layout.extensions, key=lambda kind: (kind != GREASE, kind))
    return (first, *others[1:], GREASE) if others[:1] == [GREASE] else (first, *others)


def _enough(pairs: Sequence[int]) -> bool:
    return len(pairs) >= LEAST_FLOWS and len(set(pairs)) >= LEAST_PAIRS


def _written(label: str, protocol: str, flows: int, layout: Layout, *, padded: bool) -> HelloLayout:
    return HelloLayout(
        label=label, protocol=protocol, flows=flows, ciphers=list(layout.ciphers), extensions=list(layout.extensions),
        groups=list(layout.groups), signatures=list(layout.signatures), alpn=[name.decode() for name in layout.alpn],
        shares=list(layout.shares), versions=list(layout.versions), session=layout.session,
        padded=padded,        bodies={str(kind): body.hex() for kind, body in layout.bodies},
    )  # fmt: skip


class Hellos:
    """Draws layouts of a label's hellos, and names of servers with which they have the drawn sizes.

    Args:
        learned: of one label and protocol.
    """

    def __init__(self, learned: Sequence[HelloLayout]) -> None:
        self._learned = [(each.layout(), each.padded, each.flows) for each in learned]

    def choose(self, size: int, name: str, fill: Fill) -> tuple[Layout, str] | None:
        """A layout and a name for a handshake message of `size` bytes; None: none of the layouts can have that size.

        Args:
            name: of the server; empty: it has none yet.
        """
        usable = []
        for layout, padded, flows in self._learned:
            room = size - hello_size(layout, 0)
            length = len(name) or (min(fill.number(*USUAL), room - LEAST_PADDING) if padded else room)
            if SERVER_NAME not in layout.extensions:
                room, length = room + len(name), len(name)
            elif not SHORTEST <= length <= LONGEST_NAME:
                continue
            if room == length or (padded and room >= length + LEAST_PADDING):
                usable.append((layout, length, flows))
        drawn = fill.share() * sum(flows for _, _, flows in usable)
        for layout, length, flows in usable:
            drawn -= flows
            if drawn < 0:
                return layout, name or (host_name(length, fill) if length else "")
        return None
