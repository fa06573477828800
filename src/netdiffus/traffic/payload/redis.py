"""Redis (RESP 2, redis.io/docs/reference/protocol-spec): commands of the client and replies of the server."""

from __future__ import annotations

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.lines import CRLF, Line, fitted, word
from netdiffus.traffic.payload.packing import pack_side
from netdiffus.traffic.payload.talk import CLIENT, SERVER, Misfit, Talk

LEAST = len("PING\r\n")
LARGEST = 1 << 20
COMMANDS = (
    "GET",
    "SET",
    "INCR",
    "LPUSH",
    "HGETALL",
    "EXISTS",
    "MGET",
    "HSET",
    "EXPIRE",
    "ZADD",
    "DEL",
    "SETEX",
    "STRLEN",
)
ARGUMENTS = {"SET": 2, "LPUSH": 2, "MGET": 2, "HSET": 3, "EXPIRE": 2, "ZADD": 3, "SETEX": 3}


def bulk(data: bytes) -> bytes:
    """A bulk string."""
    return b"$%d\r\n%s\r\n" % (len(data), data)


def bulk_room(size: int) -> int | None:
    """Bytes of the bulk string that takes `size` bytes in all; None: there is none."""
    for digits in range(1, 8):
        room = size - 5 - digits
        if room >= 0 and len(str(room)) == digits:
            return room
    return None


def command(size: int, fill: Fill) -> bytes | None:
    """A command of `size` bytes; None: there is none."""
    order = list(COMMANDS)
    start = fill.number(0, len(order))
    for name in order[start:] + order[:start]:
        count = ARGUMENTS.get(name, 1)
        head = b"*%d\r\n" % (count + 1) + bulk(name.encode())
        middle = b"".join(bulk(fill.letters(6)) for _ in range(count - 1))
        room = bulk_room(size - len(head) - len(middle))
        if room is not None and room > 0:
            return head + middle + bulk(fill.letters(room))
    return fitted(
        (word(b"PING"), Line(b"ECHO ", CRLF), Line(b"TTL ", CRLF), Line(b"*1\r\n$4\r\nPING", CRLF, 0, 0)), size, fill
    )


def reply(size: int, fill: Fill) -> bytes | None:
    """A reply of `size` bytes; None: there is none."""
    room = bulk_room(size)
    simple = (Line(b"+", CRLF, 1, 60), Line(b":", CRLF, 1, 12, "digits"), word(b"$-1"), word(b"+OK"))
    if size < 10 or room is None:
        return fitted(simple, size, fill)
    return b"$%d\r\n%s\r\n" % (room, fill.text("base64", room))


def build_redis(talk: Talk, fill: Fill) -> None:
    """Commands and replies."""
    if talk.messages[0].side != CLIENT:
        raise Misfit("Redis: the client does not send first")
    if talk.messages[0].size < LEAST:
        raise Misfit("Redis: the client's first message is too small for a command")
    mine, theirs = talk.of(CLIENT), talk.of(SERVER)
    pack_side(talk, mine, mine[0].at, lambda size: command(size, fill), LARGEST)
    if theirs:
        pack_side(talk, theirs, theirs[0].at, lambda size: reply(size, fill), LARGEST)
