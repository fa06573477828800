"""DNS (RFC 1035) over UDP and TCP, and multicast DNS (RFC 6762): queries and answers of the drawn sizes.

A query's size leaves room for a name, with or without EDNS (RFC 6891); an answer's for addresses, an alias or a text.
The name is that of a host that the client connects to next, where it fits, and the answer holds its address.
"""

from __future__ import annotations

from typing import NamedTuple

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.hosts import LONGEST, SHORTEST, host_name
from netdiffus.traffic.payload.talk import CLIENT, Lookup, Message, Misfit, Talk

HEADER, TAIL = 12, 4
"""Bytes of the header, and of type and class behind a name."""
OPT, COOKIE = 11, 12
"""Bytes of the EDNS record, and of a client's cookie in it (RFC 7873)."""
OVERHEADS = (0, OPT + COOKIE, OPT, *range(OPT + 4, OPT + 60))
"""Bytes that EDNS may take in a query, the usual ones first; those above OPT + COOKIE are padding (RFC 7830)."""
A, CNAME, TXT, AAAA = 1, 5, 16, 28
LONGEST_LABEL = 63
POINTER = b"\xc0\x0c"
RECORD = 12
"""Bytes of a record before its data, its name a pointer."""
MOST_ADDRESSES, LONGEST_ALIAS, LARGEST = 8, 60, 60_000
QUERY, ANSWER, MULTICAST_ANSWER, NO_NAME = 0x0100, 0x8180, 0x8400, 3


def wire(name: str) -> bytes:
    """A name as labels behind their lengths."""
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\x00"


class Plan(NamedTuple):
    """What a query's size leaves room for: characters of the name, bytes of EDNS, the kind of record."""

    name: int
    overhead: int
    kind: int


def _fits(more: int, address: int) -> int | None:
    """The kind of record that fills `more` bytes behind a question; None: none does."""
    record = RECORD + address
    if more % record == 0 and more // record <= MOST_ADDRESSES:
        return A
    if record + RECORD + SHORTEST + 2 <= more <= record + RECORD + LONGEST_ALIAS:
        return A
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
        kind: int | None = A
        if answer is not None:
            more = answer - (query - overhead) - (OPT if overhead else 0)
            kind = _fits(more, address) if more >= 0 else None
        if kind is not None:
            found.append(Plan(name, overhead, kind))
            if name == wanted:
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
    prefix, lookups = 2 if tcp else 0, list(talk.facts.lookups)
    planned = []
    for query, answer in pairs:
        wanted = lookups[0] if lookups else None
        length = len(talk.facts.server) if wanted is None else len(wanted.address)
        asked = len(wanted.name) if wanted and wanted.name else None
        found = plan(query.size - prefix, None if answer is None else answer.size - prefix, length, asked)
        if found is None:
            raise Misfit("DNS: sizes of query and answer that no name fits")
        if wanted is not None and found.name == asked:
            lookups.pop(0)
        else:
            fresh = Lookup(host_name(found.name, fill), wanted.address if wanted else talk.facts.server)
            if wanted is not None and not wanted.name and found.kind == A:
                talk.named[wanted.address] = fresh.name
                lookups.pop(0)
            wanted = fresh
        planned.append((query, answer, found, wanted))
    for query, answer, found, host in planned:
        _write(talk, query, answer, (found, host), fill)


class Asked(NamedTuple):
    """A query as it goes on the wire: its number, the question, bytes of EDNS, the host, and the kind of record."""

    number: bytes
    question: bytes
    overhead: int
    host: Lookup
    kind: int


def _write(talk: Talk, query: Message, answer: Message | None, asked: tuple[Plan, Lookup], fill: Fill) -> None:
    (_, overhead, kind), host = asked
    kind = TXT if kind == TXT else AAAA if len(host.address) == 16 else A
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
        return [_record(POINTER, TXT, _text(more - RECORD, fill), 600)]
    address = asked.host.address
    each = RECORD + len(address)
    if more % each == 0:
        near = [address[:-1] + bytes([(address[-1] + k) & 0xFF]) for k in range(more // each)]
        return [_record(POINTER, asked.kind, other) for other in near]
    alias = wire(host_name(more - each - RECORD - 2, fill))
    place = (0xC000 | HEADER + len(asked.question) + RECORD).to_bytes(2, "big")
    return [_record(POINTER, CNAME, alias), _record(place, asked.kind, address)]


def _text(size: int, fill: Fill) -> bytes:
    """Character strings (RFC 1035 section 3.3.14) of `size` bytes with their lengths."""
    parts = []
    while size:
        here = min(size - 1, 255)
        here -= 1 if size - 1 - here == 0 and here == 255 and size != 256 else 0
        parts.append(bytes([here]) + fill.words(here))
        size -= here + 1
    return b"".join(parts)


SERVICES = (
    "_http._tcp.local",
    "_services._dns-sd._udp.local",
    "_airplay._tcp.local",
    "_ipp._tcp.local",
    "_hap._tcp.local",
)


def build_mdns(talk: Talk, fill: Fill) -> None:
    """Questions after services, and answers with texts about them, as each datagram has room for."""
    sizes = [message.size for message in talk.messages]
    if min(sizes) < HEADER + TAIL + 7 or HEADER + TAIL + 8 in sizes or max(sizes) > LARGEST:
        raise Misfit("mDNS: a message is too small or too large")
    for message in talk.messages:
        talk.put(message.at, _multicast(message.size, fill))


def _question(name: str) -> bytes:
    return b"\x00\x00\x00\x00\x00\x01" + bytes(6) + wire(name) + b"\x00\x0c\x00\x01"


def _multicast(size: int, fill: Fill) -> bytes:
    """A question where a name has room, else an answer with a text."""
    room = size - HEADER - TAIL
    label = room - len(wire("local")) - 1
    if label < 1 or (label <= LONGEST_LABEL and fill.share() < 0.5):
        return _question("local" if label < 1 else fill.letters(label).decode() + ".local")
    name = wire(fill.one(SERVICES))
    data = room - len(name) - 6
    if data < 2:
        name, data = wire("local"), room - len(wire("local")) - 6
        if data < 2:
            return (
                b"\x00\x00\x00\x00\x00\x01"
                + bytes(6)
                + wire(fill.letters(label).decode() + ".local")
                + b"\x00\x0c\x00\x01"
            )
    head = b"\x00\x00\x84\x00\x00\x00\x00\x01" + bytes(4)
    return head + name + b"\x00\x10\x80\x01\x00\x00\x11\x94" + data.to_bytes(2, "big") + _text(data, fill)
