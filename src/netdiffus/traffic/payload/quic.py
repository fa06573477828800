"""QUIC version 1: Initial packets with hellos under the keys of RFC 9001, and packets that nobody can read."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.ja4 import ja4
from netdiffus.traffic.payload.talk import CLIENT, SERVER, Message, Misfit, Talk
from netdiffus.traffic.payload.tls_hello import block, client_hello, hello_size, server_hello
from netdiffus.traffic.payload.tls_layouts import HTTP3, X25519

SALT = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
VERSION = b"\x00\x00\x00\x01"
TAG, SAMPLE, IDENTIFIER = 16, 16, 8
LONG = 1 + 4 + 1 + IDENTIFIER + 1 + IDENTIFIER
"""Bytes of a long header up to the identifiers."""
INITIAL, HANDSHAKE = 0xC0, 0xE0
ACK = b"\x02\x00\x00\x00\x00"
LEAST_PROTECTED = 24
LEAST_SHORT = 1 + IDENTIFIER + 4 + SAMPLE


def _hmac(key: bytes, data: bytes) -> bytes:
    found = hmac.HMAC(key, hashes.SHA256())
    found.update(data)
    return found.finalize()


def _expand(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446 section 7.1) up to 32 bytes."""
    info = size.to_bytes(2, "big") + block(b"tls13 " + label, 1) + b"\x00"
    return _hmac(secret, info + b"\x01")[:size]


def initial_keys(identifier: bytes, side: int) -> tuple[bytes, bytes, bytes]:
    """Key, initialisation vector and header key of a side's Initial packets (RFC 9001 section 5.2)."""
    secret = _expand(_hmac(SALT, identifier), b"client in" if side == CLIENT else b"server in", 32)
    return _expand(secret, b"quic key", 16), _expand(secret, b"quic iv", 12), _expand(secret, b"quic hp", 16)


def protect(header: bytes, number: int, frames: bytes, keys: tuple[bytes, bytes, bytes]) -> bytes:
    """A packet under its keys; the header ends with a packet number of 2 bytes (RFC 9001 section 5.3, 5.4)."""
    key, vector, mask_key = keys
    nonce = (int.from_bytes(vector, "big") ^ number).to_bytes(12, "big")
    sealed = AESGCM(key).encrypt(nonce, frames, header)
    encryptor = Cipher(algorithms.AES(mask_key), modes.ECB()).encryptor()
    mask = encryptor.update(sealed[2 : 2 + SAMPLE])
    out = bytearray(header)
    out[0] ^= mask[0] & 0x0F
    out[-2] ^= mask[1]
    out[-1] ^= mask[2]
    return bytes(out) + sealed


def long_header(kind: int, to: bytes, sender: bytes, size: int) -> bytes:
    """A long header (RFC 9000 section 17.2) up to the length; `size` bytes follow: packet number, frames and tag."""
    token = b"\x00" if kind == INITIAL else b""
    return bytes([kind | 1]) + VERSION + block(to, 1) + block(sender, 1) + token + (0x4000 | size).to_bytes(2, "big")


def initial(to: bytes, sender: bytes, frames: bytes, size: int, keys: tuple[bytes, bytes, bytes], number: int) -> bytes:
    """An Initial packet of `size` bytes; padding follows the frames."""
    rest = size - LONG - 1 - 2
    header = long_header(INITIAL, to, sender, rest) + number.to_bytes(2, "big")
    return protect(header, number, frames.ljust(rest - 2 - TAG, b"\x00"), keys)


def crypto(data: bytes, offset: int = 0) -> bytes:
    """A CRYPTO frame (RFC 9000 section 19.6)."""
    return b"\x06" + (0x4000 | offset).to_bytes(2, "big") + (0x4000 | len(data)).to_bytes(2, "big") + data


LEAST = LONG + 1 + 2 + 2 + TAG + len(crypto(b""))
"""Bytes of an Initial packet around what its CRYPTO frame says."""
LARGEST = 1500


def build_quic(talk: Talk, fill: Fill) -> None:
    """A connection: Initial packets of both sides that can be read, Handshake packets, then short headers."""
    first = talk.messages[0]
    if first.side != CLIENT:
        raise Misfit("QUIC: the client does not send first")
    name = talk.facts.name
    smallest = hello_size(HTTP3, len(name))
    if not smallest + LEAST <= first.size <= LARGEST:
        raise Misfit("QUIC: the client's first datagram has no size of an Initial packet with a hello")
    original, mine, theirs = fill.raw(IDENTIFIER), fill.raw(IDENTIFIER), fill.raw(IDENTIFIER)
    hello, offered = client_hello(HTTP3, name, smallest, fill)
    talk.drawn["ja4"] = ja4(offered, "q")
    talk.put(first.at, initial(original, mine, crypto(hello), first.size, initial_keys(original, CLIENT), 0))
    seen = [1, 0]
    for message in talk.messages[1:]:
        to, sender = (theirs, mine) if message.side == CLIENT else (mine, theirs)
        number = seen[message.side]
        seen[message.side] += 1
        if message.side == SERVER and number == 0:
            data = _answer(message.size, (to, sender, original), fill)
        elif not seen[SERVER]:
            data = _again(message, (original, mine), fill)
        elif number <= 2 and message.size >= LONG + 2 + LEAST_PROTECTED:
            data = _unreadable(to, sender, message.size, fill)
        else:
            data = _short(to, message.size, fill)
        talk.put(message.at, data)


def _again(message: Message, identifiers: tuple[bytes, bytes], fill: Fill) -> bytes:
    """Another Initial packet before there is an answer: a probe."""
    if message.size < LEAST:
        return _short(identifiers[0], message.size, fill)
    to, sender = identifiers
    return initial(to, sender, b"\x01", message.size, initial_keys(to, CLIENT), fill.number(1, 200))


def _answer(size: int, identifiers: tuple[bytes, bytes, bytes], fill: Fill) -> bytes:
    """The server's first datagram: its hello, and a Handshake packet behind it if there is room."""
    to, sender, original = identifiers
    frames = ACK + crypto(server_hello(HTTP3, b"", X25519, fill))
    whole = len(frames) + LONG + 1 + 2 + 2 + TAG
    if size < whole:
        return _unreadable(to, sender, size, fill) if size >= LONG + 2 + LEAST_PROTECTED else _short(to, size, fill)
    keys = initial_keys(original, SERVER)
    if size < whole + LONG + 2 + LEAST_PROTECTED:
        return initial(to, sender, frames, size, keys, 0)
    return initial(to, sender, frames, whole, keys, 0) + _unreadable(to, sender, size - whole, fill)


def _unreadable(to: bytes, sender: bytes, size: int, fill: Fill) -> bytes:
    """A Handshake packet, whose keys nobody can know."""
    return long_header(HANDSHAKE, to, sender, size - LONG - 2) + fill.raw(size - LONG - 2)


def _short(to: bytes, size: int, fill: Fill) -> bytes:
    """The head of a packet with a short header (RFC 9000 section 17.3)."""
    return (bytes([0x40 | fill.number(0, 64)]) + to)[:size]
