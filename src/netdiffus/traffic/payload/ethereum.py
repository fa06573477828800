"""Ethereum's peers (github.com/ethereum/devp2p): the handshake of RLPx over TCP, and discovery over UDP.

Handshakes of RLPx are those of EIP-8: a size of two bytes, then ECIES with a public key in clear, and all after it is
encrypted. A datagram of discovery (version 4) is a hash, a signature, a type and a list in RLP; what follows the list
is ignored (EIP-8), and fills it up to its size. Hash and signature are random: nobody holds a key.
"""

from __future__ import annotations

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.talk import CLIENT, SERVER, Message, Misfit, Talk

POINT = 0x04
"""Begins a public key that is not compressed (SEC 1 section 2.3.3)."""
LEAST_HANDSHAKE, MOST_HANDSHAKE = 217, 2048
"""Bytes of a handshake message: size, key, initialisation vector, tag, and the shortest body, which is padded."""
HASH, SIGNATURE, KEY = 32, 65, 64
KIND = HASH + SIGNATURE
PING, PONG, FIND, NEIGHBOURS, ASK_RECORD, RECORD = range(1, 7)
EXPIRES = 20
"""Seconds from a datagram to when it is no longer valid."""
ASKS = {PING: PONG, FIND: NEIGHBOURS, ASK_RECORD: RECORD}
FIND_BYTES = 73
"""Of the list in a question for the neighbours of a key."""
LEAST_DATAGRAM = KIND + 1 + 7
LARGEST = 1280
NODE = KEY + 2 + 4 + 1 + 3 + 3 + 2


def is_handshake(data: bytes, size: int) -> bool:
    """Whether a message of `size` bytes begins as a handshake of RLPx."""
    fits = LEAST_HANDSHAKE <= size <= MOST_HANDSHAKE and int.from_bytes(data[:2], "big") == size - 2
    return fits and data[2:3] == bytes([POINT])


def is_datagram(data: bytes, size: int) -> bool:
    """Whether a datagram of `size` bytes has a type of discovery and a list behind it, as far as it is there."""
    if not LEAST_DATAGRAM <= size <= LARGEST or len(data) < KIND + 3 or data[KIND] not in range(PING, RECORD + 1):
        return False
    first, room = data[KIND + 1], size - KIND - 1
    if first <= 0xF7:
        return first >= 0xC0 and 1 + first - 0xC0 <= room
    width = first - 0xF7
    return width <= 2 and 1 + width + int.from_bytes(data[KIND + 2 : KIND + 2 + width], "big") <= room


def item(data: bytes) -> bytes:
    """A string in RLP (Ethereum yellow paper, appendix B)."""
    return data if len(data) == 1 and data[0] < 0x80 else _sized(0x80, data)


def sequence(*parts: bytes) -> bytes:
    """A list in RLP of what is written already."""
    return _sized(0xC0, b"".join(parts))


def _sized(base: int, data: bytes) -> bytes:
    """Data behind its size, to which short and long sizes add what they begin from."""
    if len(data) < 56:
        return bytes([base + len(data)]) + data
    size = _big_endian(len(data))
    return bytes([base + 55 + len(size)]) + size + data


def _big_endian(value: int) -> bytes:
    """A number in as few bytes as hold it."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _number(value: int) -> bytes:
    return item(_big_endian(value))


def build_ethereum(talk: Talk, fill: Fill) -> None:
    """Handshakes and encrypted frames over TCP, discovery over UDP."""
    if talk.facts.transport == "udp":
        _discover(talk, fill)
        return
    sides = [talk.of(side) for side in (CLIENT, SERVER)]
    if not sides[CLIENT] or talk.messages[0].side != CLIENT:
        raise Misfit("RLPx: the client does not send first")
    if any(side and not LEAST_HANDSHAKE <= side[0].size <= MOST_HANDSHAKE for side in sides):
        raise Misfit("RLPx: a first message has no size of a handshake")
    for side in sides:
        if side:
            talk.put(side[0].at, (side[0].size - 2).to_bytes(2, "big") + bytes([POINT]) + fill.raw(KEY))


def _discover(talk: Talk, fill: Fill) -> None:
    if any(not LEAST_DATAGRAM <= message.size <= LARGEST for message in talk.messages):
        raise Misfit("discovery of Ethereum: a datagram is too small or too large")
    asked: list[int | None] = [None, None]
    for message in talk.messages:
        question = asked[1 - message.side]
        kind = ASKS[question] if question is not None else _question(message.size)
        asked[1 - message.side] = None
        asked[message.side] = kind if kind in ASKS else None
        data = _said(kind, message, talk, fill)
        talk.put(message.at, fill.raw(KIND - 1) + bytes([fill.number(0, 2), kind]) + data)


def _question(size: int) -> int:
    """The question that has about this size: a list in RLP of a key and a time, or one of addresses."""
    if size - KIND - 1 >= FIND_BYTES:
        return FIND
    return PING if size - KIND - 1 >= len(_ping(bytes(4), bytes(4), (1 << 15, 1 << 15), 1 << 31)) else ASK_RECORD


def _ping(mine: bytes, theirs: bytes, ports: tuple[int, int], expires: int) -> bytes:
    """Version, both ends (address, ports of UDP and TCP; none is known of the other), and until when it holds."""
    own = sequence(item(mine), _number(ports[0]), _number(ports[0]))
    return sequence(b"\x04", own, sequence(item(theirs), _number(ports[1]), _number(0)), _number(expires))


def _said(kind: int, message: Message, talk: Talk, fill: Fill) -> bytes:
    """The list of a datagram, which fits its size."""
    facts, room = talk.facts, message.size - KIND - 1
    ends = [(facts.client, facts.client_port), (facts.server, facts.server_port)]
    (mine, my_port), (theirs, their_port) = ends if message.side == CLIENT else ends[::-1]
    expires = facts.start_ns // 10**9 + EXPIRES
    until = _number(expires)
    least = sequence(until)
    other = sequence(item(theirs), _number(their_port), _number(0))
    options: dict[int, tuple[bytes, ...]] = {
        PING: (_ping(mine, theirs, (my_port, their_port), expires),),
        PONG: (sequence(other, item(fill.raw(HASH)), until),),
        FIND: (sequence(item(fill.raw(KEY)), until),),
        NEIGHBOURS: (_neighbours(theirs, room, until, fill),),
        ASK_RECORD: (),
        RECORD: (),
    }
    return next((data for data in (*options[kind], least) if len(data) <= room), sequence())


def _neighbours(address: bytes, room: int, until: bytes, fill: Fill) -> bytes:
    """As many nodes as there is room for: address, ports, key."""
    count = max((room - len(until) - 6) // NODE, 0)
    nodes = [
        sequence(item(address[:4]), _number(30303), _number(30303), item(fill.raw(KEY))) for _ in range(min(count, 12))
    ]
    return sequence(sequence(*nodes), until)
