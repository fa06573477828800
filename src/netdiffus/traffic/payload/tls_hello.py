"""ClientHello and ServerHello (RFC 8446 section 4.1, RFC 5246 section 7.4.1) of given layouts and sizes."""

from __future__ import annotations

from functools import lru_cache

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.ja4 import ALPN, SERVER_NAME, Hello
from netdiffus.traffic.payload.tls_layouts import ECH, GREASE, MLKEM, PADDING, X25519, Layout

SHARES = {GREASE: 1, X25519: 32, 0x0017: 65, 0x0018: 97, 0x0019: 133, 0x001E: 56, 0x6399: 1216, MLKEM: 1216}
"""Bytes of a client's key share."""
ANSWERS = {X25519: 32, 0x0017: 65, MLKEM: 1120}
"""Bytes of a server's."""
KEY_SHARE, VERSIONS, TRANSPORT = 51, 43, 57
ECH_BYTES = 186
FIXED = {
    5: b"\x01\x00\x00\x00\x00", 11: b"\x01\x00", 18: b"", 22: b"", 23: b"", 27: b"\x02\x00\x02", 28: b"\x40\x01",
    34: b"\x00\x08\x04\x03\x05\x03\x06\x03\x02\x03", 35: b"", 45: b"\x01\x01", 49: b"", 17613: b"\x00\x03\x02h2",
    0xFF01: b"\x00",
}  # fmt: skip
"""Extensions that say the same in every hello."""


def block(data: bytes, size: int = 2) -> bytes:
    """Bytes behind their length."""
    return len(data).to_bytes(size, "big") + data


def _numbers(values: tuple[int, ...]) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def _extension(kind: int, layout: Layout, name: str, fill: Fill) -> bytes:
    """The body of an extension of a client."""
    known = next((body for number, body in layout.bodies if number == kind), None)
    if known is not None:
        return known
    if kind in FIXED:
        return FIXED[kind]
    if kind == SERVER_NAME:
        return block(b"\x00" + block(name.encode()))
    if kind == 10:
        return block(_numbers(layout.groups))
    if kind == 13:
        return block(_numbers(layout.signatures))
    if kind == ALPN:
        return block(b"".join(block(each, 1) for each in layout.alpn))
    if kind == VERSIONS:
        return block(_numbers(layout.versions), 1)
    if kind == KEY_SHARE:
        keys = (group.to_bytes(2, "big") + block(fill.raw(SHARES[group])) for group in layout.shares)
        return block(b"".join(keys))
    if kind == ECH:
        return b"\x00\x00\x01\x00\x01" + fill.raw(1) + block(fill.raw(32)) + block(fill.raw(ECH_BYTES - 42))
    if kind == TRANSPORT:
        return _transport_parameters(fill)
    return b""  # GREASE


def _transport_parameters(fill: Fill) -> bytes:
    """What a QUIC client says of itself (RFC 9000 section 18.2): timeouts, limits, its connection identifier."""
    limits = ((1, 0x80_00_EA_60), (4, 0x80_10_00_00), (5, 0x80_10_00_00), (6, 0x80_10_00_00), (7, 0x80_10_00_00))
    said = b"".join(bytes([kind, 4]) + value.to_bytes(4, "big") for kind, value in limits)
    return said + b"\x08\x02\x40\x80\x09\x02\x40\x80\x0f\x08" + fill.raw(8)


@lru_cache(maxsize=1024)
def hello_size(layout: Layout, name_bytes: int) -> int:
    """The smallest size of the handshake message of a layout, with a server name of so many characters."""
    fill, size = _Nothing(), 4 + 2 + 32 + 1 + layout.session + 2 + 2 * len(layout.ciphers) + 2 + 2
    for kind in layout.extensions:
        size += 4 + len(_extension(kind, layout, "a" * name_bytes, fill))
    return size + (layout.extensions.count(GREASE) > 1)  # the last one has a byte


class _Nothing(Fill):
    """Zeros, to measure with."""

    def __init__(self) -> None:
        pass

    def raw(self, size: int) -> bytes:
        """Zeros."""
        return bytes(size)


def client_hello(layout: Layout, name: str, size: int, fill: Fill) -> tuple[bytes, Hello]:
    """A ClientHello of `size` bytes, and what it offers.

    Args:
        size: of the handshake message: that of `hello_size`, or at least 4 more for the padding extension.
    """
    grease = 0x0A0A + 0x1010 * fill.number(0, 16)
    value = grease.to_bytes(2, "big")
    ciphers = _numbers(layout.ciphers).replace(b"\x0a\x0a", value, 1)
    kinds, bodies, first = [], [], True
    for kind in layout.extensions:
        body = _extension(kind, layout, name, fill)
        number = kind
        if kind == GREASE:
            number = grease if first else (grease + 0x1010) & 0xFFFF if grease != 0xFAFA else 0x0A0A
            body, first = (b"" if first else b"\x00"), False
        kinds.append(number)
        bodies.append(number.to_bytes(2, "big") + block(body))
    head = b"\x03\x03" + fill.raw(32) + block(fill.raw(layout.session), 1) + block(ciphers) + b"\x01\x00"
    lacking = size - 4 - len(head) - 2 - sum(map(len, bodies))
    if lacking:
        kinds.append(PADDING)
        bodies.append(PADDING.to_bytes(2, "big") + block(bytes(lacking - 4)))
    body = head + block(b"".join(bodies))
    number_of = {GREASE: grease}
    offered = Hello(
        max((version for version in layout.versions if version != GREASE), default=0x0303),
        tuple(number_of.get(cipher, cipher) for cipher in layout.ciphers),
        tuple(kinds),
        layout.signatures if 13 in layout.extensions else (),
        layout.alpn[0] if ALPN in layout.extensions and layout.alpn else b"",
    )
    return b"\x01" + block(body, 3), offered


def server_hello(layout: Layout, session: bytes, group: int, fill: Fill) -> bytes:
    """A ServerHello of TLS 1.3 that answers a client of a layout with a key share of a group."""
    cipher = next(number for number in layout.ciphers if number >> 8 == 0x13)
    share = group.to_bytes(2, "big") + block(fill.raw(ANSWERS[group]))
    extensions = b"\x00\x2b\x00\x02\x03\x04" + b"\x00\x33" + block(share)
    return _server(cipher, session, extensions, fill)


def ecdsa(layout: Layout) -> int | None:
    """The first cipher suite of a layout for certificates with keys of elliptic curves in TLS 1.2."""
    return next((number for number in layout.ciphers if number in (0xC02B, 0xC02C, 0xCCA9)), None)


def server_hello_12(layout: Layout, session: bytes, fill: Fill) -> bytes:
    """The same of TLS 1.2."""
    cipher = ecdsa(layout) or layout.ciphers[0]
    return _server(cipher, session, b"\xff\x01\x00\x01\x00\x00\x0b\x00\x02\x01\x00", fill)


def _server(cipher: int, session: bytes, extensions: bytes, fill: Fill) -> bytes:
    head = b"\x03\x03" + fill.raw(32) + block(session, 1) + cipher.to_bytes(2, "big") + b"\x00"
    return b"\x02" + block(head + block(extensions), 3)
