"""Crypto-PAn: addresses mapped one to one so that two that share a prefix share one of the same length afterwards.

Source: Xu, Fan, Ammar and Moon, "Prefix-preserving IP address anonymization", ICNP 2002, section 4, with AES as in
the authors' program. Bit i of the result is bit i of the address, flipped by the first bit of AES over the i bits
before it, filled up with a secret pad. IPv6 addresses take the same construction with 128 bits.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from netdiffus.errors import InputError

KEY_BYTES = 32
_BLOCK = 16
_BUFFER = 1 << 26
"""Bytes that are enciphered at a time."""


def read_key(path: Path) -> bytes:
    """The key in a file: 32 bytes as they are, or as 64 hexadecimal digits.

    Raises:
        InputError: no such file, or something else is in it.
    """
    if not path.is_file():
        raise InputError(
            f"a key file of {KEY_BYTES} bytes",
            f"{path}, which does not exist",
            f"make one: head -c {KEY_BYTES} /dev/urandom > {path}",
        )
    with path.open("rb") as file:
        raw = file.read(4 * KEY_BYTES)
    if len(raw) == KEY_BYTES:
        return raw
    try:
        key = bytes.fromhex(raw.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise InputError(
            f"{KEY_BYTES} bytes or {2 * KEY_BYTES} hexadecimal digits in {path}",
            f"{path.stat().st_size} bytes that are neither",
            f"make a key: head -c {KEY_BYTES} /dev/urandom > FILE",
        )
    return key


def crypto_pan(addresses: NDArray[np.uint8], key: bytes) -> NDArray[np.uint8]:
    """The addresses (N, 4), (N, 6) or (N, 16), first byte first, under a key of 32 bytes: 16 for AES, 16 and a pad."""
    encryptor = Cipher(algorithms.AES(key[:_BLOCK]), modes.ECB()).encryptor()
    pad = np.frombuffer(encryptor.update(key[_BLOCK:]), np.uint8)
    width = addresses.shape[1]
    bits = 8 * width
    before = np.packbits(np.tri(bits, bits, -1, dtype=np.uint8), axis=1)  # row i: the i bits before bit i
    flips = np.empty((len(addresses), width), np.uint8)
    step = _BUFFER // (bits * _BLOCK)
    for first in range(0, len(addresses), step):
        some = addresses[first : first + step]
        blocks = np.broadcast_to(pad, (len(some), bits, _BLOCK)).copy()
        blocks[:, :, :width] = (some[:, None, :] & before) | (pad[:width] & ~before)
        cipher = np.frombuffer(encryptor.update(blocks.data.cast("B")), np.uint8).reshape(len(some), bits, _BLOCK)
        flips[first : first + step] = np.packbits(cipher[:, :, 0] >> 7, axis=1)
    return addresses ^ flips
