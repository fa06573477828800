"""DNS (RFC 1035) over UDP and TCP: queries and answers of the drawn sizes.

A query's size leaves room for a name, with or without EDNS (RFC 6891); an answer's for addresses, an alias or a text.
The name is that of a host that the client connects to next, where it fits, and the answer holds its address; a second
query for the same name asks for an address of the other family.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import NamedTuple

from netdiffus.traffic.networks import SERVER_NETS
from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.hosts import LONGEST, SHORTEST, host_name
from netdiffus.traffic.payload.talk import CLIENT, Facts, Lookup, Message, Misfit, Talk

HEADER, TAIL = 12, 4
"""Bytes of the header, and of type and class behind a name."""
OPT, COOKIE = 11, 12
"""Bytes of the EDNS record, and of a client's cookie in it (RFC 7873)."""
OVERHEADS = (0, OPT + COOKIE, OPT, *range(OPT + 4, OPT + 60))
"""Bytes that EDNS may take in a query, the usual ones first; those above OPT + COOKIE are padding (RFC 7830)."""
A, CNAME, TXT, AAAA = 1, 5, 16, 28
ADDRESS, OTHER = {A: 4, AAAA: 16}, {A: AAAA, AAAA: A}
"""Bytes of an address, and the kind of the other family."""
FOUR, SIX = (ip_network(net).network_address.packed for net in SERVER_NETS)
LONGEST_LABEL = 63
POINTER = b"\xc0\x0c"
RECORD = 12
"""Bytes of a record before its data, its name a pointer."""
MOST_ADDRESSES, LONGEST_ALIAS, LARGEST = 8, 60, 60_000
QUERY, ANSWER, NO_NAME = 0x0100, 0x8180, 3


def wire(name: str) -> bytes:
    """A name as labels behind their lengths."""
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\x00"


class Plan(NamedTuple):
    """What a query's size leaves room for.

    Attributes:
        name: characters of the name. overhead: bytes of EDNS. kind: of the record.
        holds: whether the answer has room for addresses.
    """

    name: int
    overhead: int
    kind: int
    holds: bool


def _fits(more: int, address: int) -> int | None:
    """The kind of record that fills `more` bytes behind a question, best of the family of the address; None: none."""
    families = (AAAA, A) if address == ADDRESS[AAAA] else (A, AAAA)
    for kind in families:
        record = RECORD + ADDRESS[kind]
        if more % record == 0 and more // record <= MOST_ADDRESSES:
            return kind
    for kind in families:
        record = RECORD + ADDRESS[kind]
        if record + RECORD + SHORTEST + 2 <= more <= record + RECORD + LONGEST_ALIAS:
            return kind
    return TXT if RECORD + 1 < more < LARGEST else None


def plan(query: int, answer: int | None, address: int, wanted: int | None = None) -> Plan | None:
    """How a query and its answer get their sizes; None: they cannot.

    Args:
        query, answer: bytes; None: nobody answers.
        address: bytes of an address. wanted: characters of a name that would be welcome.
    """
    found: list[Plan] = []
    for overhead in OVERHEADS:
        name = query - HEADER - TAIL - overhead - 2
        if not SHORTEST <= name <= LONGEST:
            continue
        kind: int | None = AAAA if address == ADDRESS[AAAA] else A
        more = 0 if answer is None else answer - (query - overhead) - (OPT if overhead else 0)
        if answer is not None:
            kind = _fits(more, address) if more >= 0 else None
        if kind is not None:
            found.append(Plan(name, overhead, kind, more > 0 and kind != TXT))
            if name == wanted and kind != TXT:
                return found[-1]
    by_need = sorted(found, key=lambda each: (each.kind == TXT, each.name > 40))
    return by_need[0] if by_need else None


def build_dns(talk: Talk, fill: Fill) -> None:
    """Queries of the client and answers of the server, over UDP or TCP."""
    tcp = talk.facts.transport == "tcp"
    messages = talk.turns() if tcp else talk.messages
    waiting: list[Message] = []
    pairs: list[tuple[Message, Message | None]] = []
    for message in messages:
        if message.side == CLIENT:
            waiting.append(message)
        elif waiting:
            pairs.append((waiting.pop(0), message))
        else:
            raise Misfit("DNS: an answer without a query")
    pairs += [(query, None) for query in waiting]
    prefix, asking, named = 2 if tcp else 0, Asking(talk.facts, fill), list[tuple[Plan, Lookup]]()
    for query, answer in pairs:
        found = asking.ask(query.size - prefix, None if answer is None else answer.size - prefix)
        if found is None:
            raise Misfit("DNS: sizes of query and answer that no name fits")
        named.append(found)
    talk.named |= asking.named
    for (query, answer), found in zip(pairs, named, strict=True):
        _write(talk, query, answer, found, fill)


class Asking:
    """The hosts that a client asks for in one flow, one after another, each by its addresses of both families.

    Attributes:
        named: names that hosts were given, by address.
    """

    def __init__(self, facts: Facts, fill: Fill) -> None:
        self._waiting, self._fill = list(facts.lookups), fill
        self._server = Lookup("", facts.server)
        self.named: dict[bytes, str] = {}
        self._next()

    def _next(self) -> None:
        self._known = bool(self._waiting)
        self._host = self._waiting.pop(0) if self._waiting else self._server
        self._kinds: set[int] = set()
        self._given = False

    def ask(self, query: int, answer: int | None) -> tuple[Plan, Lookup] | None:
        """What a query of these bytes asks for, and the host with the address in its answer; None: nothing fits."""
        size, wanted = len(self._host.address), len(self._host.name) or None
        found = plan(query, answer, size, wanted)
        own = A if size == ADDRESS[A] else AAAA
        if found is not None and not found.holds and found.kind == own and answer is not None and wanted:
            found = found._replace(kind=OTHER[own])  # no such address: of the family that the host does not have
        if self._given and (found is None or found.name != wanted or found.kind in {TXT, *self._kinds}):
            self._next()
            return self.ask(query, answer)
        if found is None:
            return None
        name = self._host.name if found.name == wanted else host_name(found.name, self._fill)
        if not wanted and found.kind != TXT:
            self._host = Lookup(name, self._host.address)
            if self._known:
                self.named[self._host.address] = name
        self._kinds.add(found.kind)
        self._given |= found.holds and found.kind == own
        return found, Lookup(name, self._host.address if found.kind in (own, TXT) else sibling(self._host.address))


def sibling(address: bytes) -> bytes:
    """The address of the other family of a host that has both."""
    if len(address) == ADDRESS[A]:
        return SIX[:12] + address
    return bytes([FOUR[0], FOUR[1] | address[13] & 1, *address[14:]])


class Asked(NamedTuple):
    """A query as it goes on the wire: its number, the question, bytes of EDNS, the host, and the kind of record."""

    number: bytes
    question: bytes
    overhead: int
    host: Lookup
    kind: int


def _write(talk: Talk, query: Message, answer: Message | None, asked: tuple[Plan, Lookup], fill: Fill) -> None:
    (_, overhead, kind, _), host = asked
    question = wire(host.name) + kind.to_bytes(2, "big") + b"\x00\x01"
    said = Asked(fill.raw(2), question, overhead, host, kind)
    prefix = 2 if talk.facts.transport == "tcp" else 0
    data = _query(said, fill)
    talk.put(query.at, len(data).to_bytes(2, "big")[:prefix] + data)
    if answer is not None:
        data = _answer(said, answer.size - prefix, fill)
        talk.put(answer.at, len(data).to_bytes(2, "big")[:prefix] + data)


def _head(number: bytes, flags: int, answers: int, more: int) -> bytes:
    counts = (flags, 1, answers, 0, more)
    return number + b"".join(count.to_bytes(2, "big") for count in counts)


def _query(asked: Asked, fill: Fill) -> bytes:
    edns = b""
    if asked.overhead:
        padding = asked.overhead - OPT - 4
        options = b""
        if asked.overhead == OPT + COOKIE:
            options = b"\x00\x0a\x00\x08" + fill.raw(8)
        elif padding >= 0:
            options = b"\x00\x0c" + padding.to_bytes(2, "big") + bytes(padding)
        edns = _edns(options)
    return _head(asked.number, QUERY, 0, 1 if edns else 0) + asked.question + edns


def _edns(options: bytes = b"") -> bytes:
    return b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00" + len(options).to_bytes(2, "big") + options


def _answer(asked: Asked, size: int, fill: Fill) -> bytes:
    """The answer in `size` bytes."""
    edns = _edns() if asked.overhead else b""
    more = size - HEADER - len(asked.question) - len(edns)
    records = _records(more, asked, fill)
    flags = ANSWER if records or not more else ANSWER | NO_NAME
    head = _head(asked.number, flags, len(records), 1 if edns else 0)
    return head + asked.question + b"".join(records) + edns


def _record(owner: bytes, kind: int, data: bytes, ttl: int = 300) -> bytes:
    return owner + kind.to_bytes(2, "big") + b"\x00\x01" + ttl.to_bytes(4, "big") + len(data).to_bytes(2, "big") + data


def _records(more: int, asked: Asked, fill: Fill) -> list[bytes]:
    """Records of `more` bytes in all."""
    if not more:
        return []
    if asked.kind == TXT:
        return [_record(POINTER, TXT, texts(more - RECORD, fill), 600)]
    address = asked.host.address
    each = RECORD + len(address)
    if more % each == 0:
        near = [address[:-1] + bytes([(address[-1] + k) & 0xFF]) for k in range(more // each)]
        return [_record(POINTER, asked.kind, other) for other in near]
    alias = wire(host_name(more - each - RECORD - 2, fill))
    place = (0xC000 | HEADER + len(asked.question) + RECORD).to_bytes(2, "big")
    return [_record(POINTER, CNAME, alias), _record(place, asked.kind, address)]


def texts(size: int, fill: Fill) -> bytes:
    """Character strings (RFC 1035 section 3.3.14) of `size` bytes with their lengths."""
    parts = []
    while size:
        here = min(size - 1, 255)
        here -= 1 if size - 1 - here == 0 and here == 255 and size != 256 else 0
        parts.append(bytes([here]) + fill.words(here))
        size -= here + 1
    return b"".join(parts)
