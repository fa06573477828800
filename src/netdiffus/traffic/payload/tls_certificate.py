"""Certificates of a given size (RFC 5280) for the name of a server, in the message that carries them (RFC 5246 7.4.2).

Keys and signatures are random numbers: nobody signed them, and what checks signatures says so.
"""

from __future__ import annotations

import datetime

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.tls_hello import block

FIRST_CERTIFICATE = 700
"""Bytes of the smallest message that is made: one certificate with a key and a signature of elliptic curves."""
LONGEST_NAME = 64
"""Characters of a common name (X.520); the alternative name has all."""
FINE = 24
"""Characters by which the search for a size goes back."""
LEAF = 1500
"""A larger message has a second certificate."""
SHA256_RSA = bytes.fromhex("300d06092a864886f70d01010b0500")
EC_KEY = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
COMMON_NAME, ALT_NAMES, CRL = bytes.fromhex("0603550403"), bytes.fromhex("0603551d11"), bytes.fromhex("0603551d1f")
BASIC = bytes.fromhex("300c0603551d130101ff04023000")
DAY_NS = 86_400 * 10**9


def der(tag: int, data: bytes) -> bytes:
    """A value of DER (X.690)."""
    n = len(data)
    if n < 128:
        return bytes([tag, n]) + data
    size = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + data


def _named(name: str) -> bytes:
    name = name[-LONGEST_NAME:].lstrip(".")
    return der(0x30, der(0x31, der(0x30, COMMON_NAME + der(0x0C, name.encode()))))


def _time(time_ns: int) -> bytes:
    moment = datetime.datetime.fromtimestamp(time_ns // 10**9, datetime.UTC)
    return der(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())


def _certificate(parts: tuple[bytes, ...], place: bytes, serial: bytes, signature: bytes) -> bytes:
    """A certificate whose list of revoked ones is at `place`, which may have any length."""
    issuer, validity, subject, key, alt = parts
    uri = der(0x30, der(0x30, der(0xA0, der(0xA0, der(0x86, place)))))
    extensions = der(0xA3, der(0x30, alt + BASIC + der(0x30, CRL + der(0x04, uri))))
    number = b"\xa0\x03\x02\x01\x02" + der(0x02, b"\x01" + serial)
    body = der(0x30, number + SHA256_RSA + issuer + validity + subject + key + extensions)
    return der(0x30, body + SHA256_RSA + der(0x03, b"\x00" + signature))


def certificate(name: str, issuer: str, size: int, start_ns: int, fill: Fill) -> bytes:
    """A certificate of `size` bytes, from FIRST_CERTIFICATE and twice the name's characters on.

    Raises:
        ValueError: there is none of this size.
    """
    names = der(0x30, der(0x82, name.encode()))
    parts = (
        _named(issuer),
        der(0x30, _time(start_ns - 30 * DAY_NS) + _time(start_ns + 60 * DAY_NS)),
        _named(name),
        EC_KEY + b"\x04" + fill.raw(64),
        der(0x30, ALT_NAMES + der(0x04, names)),
    )
    prefix, serial, signature = b"http://crl.example.com/", fill.raw(19), fill.raw(256)
    most = max(size - len(_certificate(parts, prefix, serial[:7], signature)), 0)
    for length in range(most, max(most - FINE, 0) - 1, -1):
        lacking = size - len(_certificate(parts, prefix + bytes(length), serial[:7], signature))
        if 0 <= lacking <= len(serial) - 7:  # where lengths take a byte more, a longer serial number makes up for it
            found = _certificate(parts, prefix + fill.letters(length), serial[: 7 + lacking], signature)
            if len(found) == size:
                return found
    raise ValueError(f"no certificate of {size} bytes")


def certificate_message(name: str, size: int, start_ns: int, fill: Fill) -> bytes:
    """The handshake message with the certificate of a server, `size` bytes, and that of its issuer if there is room."""
    issuer = "ca.example.com"
    room, chain = size - 4 - 3 - 3, []
    least, most = FIRST_CERTIFICATE + 2 * len(name), room - 3 - FIRST_CERTIFICATE - 2 * len(issuer)
    if room > LEAF and most >= least:
        leaf = min(least + fill.number(0, 300), most)
        chain = [block(certificate(name, issuer, leaf, start_ns, fill), 3)]
        room -= leaf + 3
        name = issuer
    chain.append(block(certificate(name, issuer, room, start_ns, fill), 3))
    return b"\x0b" + block(block(b"".join(chain), 3), 3)
