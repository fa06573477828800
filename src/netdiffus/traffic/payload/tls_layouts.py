"""Layouts of ClientHellos: which cipher suites and extensions a TLS library offers, and in which order.

They are what the libraries send to everyone (public defaults, as their sources and RFC 8446 number them): nothing of
a connection is in them. A hello of a layout has a smallest size; the padding extension (RFC 7685) makes it larger.
"""

from __future__ import annotations

from dataclasses import dataclass

GREASE, X25519, MLKEM = 0x0A0A, 0x001D, 0x11EC
"""Any GREASE value, and groups of key shares: X25519 (32 bytes) and X25519MLKEM768 (1216 bytes)."""
PADDING, ECH = 21, 0xFE0D
RSA_ECDSA = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)
OPENSSL_SIGNATURES = (
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080A, 0x080B, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601,
    0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602,
)  # fmt: skip
OPENSSL_CIPHERS = (
    0x1302, 0x1303, 0x1301, 0xC02C, 0xC030, 0x009F, 0xCCA9, 0xCCA8, 0xCCAA, 0xC02B, 0xC02F, 0x009E, 0xC024, 0xC028,
    0x006B, 0xC023, 0xC027, 0x0067, 0xC00A, 0xC014, 0x0039, 0xC009, 0xC013, 0x0033, 0x009D, 0x009C, 0x003D, 0x003C,
    0x0035, 0x002F, 0x00FF,
)  # fmt: skip
OPENSSL_GROUPS = (X25519, 0x0017, 0x001E, 0x0019, 0x0018, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104)
CHROME_CIPHERS = (
    GREASE, 0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D,
    0x002F, 0x0035,
)  # fmt: skip
CHROME_EXTENSIONS = (GREASE, 0, 23, 0xFF01, 10, 11, 35, 16, 5, 13, 18, 51, 45, 43, 27, 17613, ECH, GREASE)
FIREFOX_CIPHERS = (
    0x1301, 0x1303, 0x1302, 0xC02B, 0xC02F, 0xCCA9, 0xCCA8, 0xC02C, 0xC030, 0xC00A, 0xC009, 0xC013, 0xC014, 0x009C,
    0x009D, 0x002F, 0x0035,
)  # fmt: skip
FIREFOX_SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201)
GO_CIPHERS = (
    0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC009, 0xC013, 0xC00A, 0xC014, 0x1301, 0x1302, 0x1303,
)  # fmt: skip
H2 = (b"h2", b"http/1.1")


@dataclass(frozen=True, eq=False)
class Layout:
    """What a client offers. Numbers are those of the IANA registries; GREASE stands for any value of RFC 8701.

    Attributes:
        shares: groups that a key share is sent for. versions: highest first; none: the extension is not sent.
        session: bytes of the session identifier. bodies: of extensions whose bodies are other than usual.
    """

    ciphers: tuple[int, ...]
    extensions: tuple[int, ...]
    groups: tuple[int, ...] = (X25519, 0x0017, 0x0018)
    signatures: tuple[int, ...] = RSA_ECDSA
    alpn: tuple[bytes, ...] = ()
    shares: tuple[int, ...] = (X25519,)
    versions: tuple[int, ...] = (0x0304, 0x0303)
    session: int = 32
    bodies: tuple[tuple[int, bytes], ...] = ()


OPENSSL = Layout(
    OPENSSL_CIPHERS, (0, 11, 10, 35, 22, 23, 13, 43, 45, 51), OPENSSL_GROUPS, OPENSSL_SIGNATURES
)  # fmt: skip
CURL = Layout(
    OPENSSL_CIPHERS, (0, 11, 10, 16, 22, 23, 49, 13, 43, 45, 51), OPENSSL_GROUPS, OPENSSL_SIGNATURES, H2
)  # fmt: skip
CHROME = Layout(
    CHROME_CIPHERS, CHROME_EXTENSIONS, (GREASE, MLKEM, X25519, 0x0017, 0x0018), RSA_ECDSA, H2, (GREASE, MLKEM, X25519),
    (GREASE, 0x0304, 0x0303),
)  # fmt: skip
CHROME_2020 = Layout(
    CHROME_CIPHERS, tuple(kind for kind in CHROME_EXTENSIONS if kind != ECH), (GREASE, X25519, 0x0017, 0x0018),
    RSA_ECDSA, H2, (GREASE, X25519), (GREASE, 0x0304, 0x0303),
)  # fmt: skip
FIREFOX = Layout(
    FIREFOX_CIPHERS, (0, 23, 0xFF01, 10, 11, 35, 16, 5, 34, 51, 43, 13, 45, 28), (X25519, 0x0017, 0x0018, 0x0019),
    FIREFOX_SIGNATURES, H2, (X25519, 0x0017),
)  # fmt: skip
GO = Layout(
    GO_CIPHERS, (0, 5, 10, 11, 13, 0xFF01, 18, 43, 51), (X25519, 0x0017, 0x0018, 0x0019), RSA_ECDSA
)  # fmt: skip
SMALL = Layout((0x1301, 0x1303, 0x1302), (0, 10, 13, 43, 45, 51), (X25519, 0x0017), RSA_ECDSA, session=0)
OLD = Layout(
    (0xC02F, 0xC030, 0xC02B, 0xC02C, 0x009C, 0x009D, 0xC013, 0xC014, 0x002F, 0x0035, 0x00FF), (0, 11, 10, 35, 13),
    versions=(), session=0,
)  # fmt: skip
BARE = Layout((0xC02F, 0x009C, 0x002F, 0x0035), (10, 13), (0x0017,), (0x0401, 0x0201), versions=(), session=0)
TINY = Layout((0xC02F, 0x002F), (), (), (), versions=(), session=0)
HTTP3 = Layout(
    (0x1302, 0x1301, 0x1303), (51, 43, 13, 10, 45, 0, 16, 57), (0x0017, X25519), (0x0804, 0x0403, 0x0401, 0x0201),
    (b"h3",), (0x0017, X25519), (0x0304,), 0,
)  # fmt: skip
LAYOUTS = (OPENSSL, CURL, CHROME, CHROME_2020, FIREFOX, GO, SMALL)
"""Of clients that offer TLS 1.3."""
LAYOUTS_12 = (OLD, BARE, TINY)
"""Of clients that offer TLS 1.2 at most."""
