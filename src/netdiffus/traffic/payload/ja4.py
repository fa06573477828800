"""JA4, the fingerprint of a TLS ClientHello (FoxIO, BSD 3-clause, 2023): of what is drawn, and read from bytes.

What comes from a table of layouts and what comes from the bytes of a hello are two ways to the same text, so that one
can be tested with the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

SERVER_NAME, SIGNATURE_ALGORITHMS, ALPN, SUPPORTED_VERSIONS = 0, 13, 16, 43
VERSIONS = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10"}


class Hello(NamedTuple):
    """What JA4 looks at in a ClientHello, in order, GREASE values (RFC 8701) included."""

    version: int  # the highest one that is offered
    ciphers: tuple[int, ...]
    extensions: tuple[int, ...]
    signatures: tuple[int, ...]
    alpn: bytes  # the first protocol that is offered, or nothing


def is_grease(value: int) -> bool:
    """Whether a number is one of those that RFC 8701 reserves."""
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def _hash(numbers: Sequence[str], after: Sequence[str] = ()) -> str:
    if not numbers:
        return "0" * 12
    text = ",".join(numbers) + ("_" + ",".join(after) if after else "")
    return sha256(text.encode()).hexdigest()[:12]


@lru_cache(maxsize=4096)
def ja4(hello: Hello, transport: str = "t") -> str:
    """The fingerprint; transport is "t" (TCP) or "q" (QUIC)."""
    ciphers = [number for number in hello.ciphers if not is_grease(number)]
    extensions = [number for number in hello.extensions if not is_grease(number)]
    named = "d" if SERVER_NAME in extensions else "i"
    first = chr(hello.alpn[0]) + chr(hello.alpn[-1]) if hello.alpn else "00"
    head = f"{transport}{VERSIONS[hello.version]}{named}{min(len(ciphers), 99):02}{min(len(extensions), 99):02}{first}"
    others = sorted(f"{number:04x}" for number in extensions if number not in (SERVER_NAME, ALPN))
    signatures = [f"{number:04x}" for number in hello.signatures]
    return f"{head}_{_hash(sorted(f'{number:04x}' for number in ciphers))}_{_hash(others, signatures)}"


def read_numbers(data: bytes) -> tuple[int, ...]:
    """Numbers of 2 bytes, one behind the other."""
    return tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data) - 1, 2))


class Parts(NamedTuple):
    """A ClientHello taken apart: extensions are pairs of type and body, in order."""

    version: int
    session: int  # bytes of the session identifier
    ciphers: tuple[int, ...]
    extensions: tuple[tuple[int, bytes], ...]


def read_parts(message: bytes) -> Parts:
    """The parts of the ClientHello in a handshake message (RFC 8446 section 4.1.2).

    Raises:
        ValueError: it is none, or it is cut.
    """
    if message[:1] != b"\x01" or len(message) < max(4 + int.from_bytes(message[1:4], "big"), 39):
        raise ValueError("no whole ClientHello")
    version, session = int.from_bytes(message[4:6], "big"), message[38]
    at = 39 + session
    size = int.from_bytes(message[at : at + 2], "big")
    ciphers = read_numbers(message[at + 2 : at + 2 + size])
    at += 2 + size
    at += 1 + (message[at] if at < len(message) else 0)
    end = at + 2 + int.from_bytes(message[at : at + 2], "big") if at + 2 <= len(message) else at
    at += 2
    extensions: list[tuple[int, bytes]] = []
    while at + 4 <= end:
        kind, size = read_numbers(message[at : at + 4])
        extensions.append((kind, message[at + 4 : at + 4 + size]))
        at += 4 + size
    return Parts(version, session, ciphers, tuple(extensions))


def read_hello(message: bytes) -> Hello:
    """What JA4 looks at in the ClientHello of a handshake message.

    Raises:
        ValueError: it is none, or it is cut.
    """
    version, _, ciphers, extensions = read_parts(message)
    signatures: tuple[int, ...] = ()
    alpn = b""
    for kind, body in extensions:
        if kind == SIGNATURE_ALGORITHMS:
            signatures = read_numbers(body[2:])
        elif kind == ALPN:
            alpn = body[3 : 3 + body[2]]
        elif kind == SUPPORTED_VERSIONS:
            version = max(number for number in read_numbers(body[1:]) if not is_grease(number))
    return Hello(version, ciphers, tuple(kind for kind, _ in extensions), signatures, alpn)
