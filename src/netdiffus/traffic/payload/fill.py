"""Text and numbers drawn in bulk, from a generator that is passed in: what fills a message up to its size."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

POOL = 1 << 16
ALPHABETS = {
    "consonants": b"bdfglmnprst",
    "vowels": b"aeio",
    "digits": string.digits.encode(),
    "hexes": b"0123456789abcdef",
    "base64": (string.ascii_letters + string.digits + "+/").encode(),
    "words": string.ascii_lowercase.encode() + b"etaoin" + b"     ",
    "raw": bytes(range(256)),
}

Choice = TypeVar("Choice")


class Fill:
    """A source of random text; each byte is handed out once."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._pools: dict[str, tuple[bytes, int]] = {}
        self._shares: list[float] = []

    def text(self, kind: str, size: int) -> bytes:
        """`size` characters of an alphabet of ALPHABETS, or "letters"."""
        if kind == "letters":
            return self.letters(size)
        pool, at = self._pools.get(kind, (b"", 0))
        if at + size > len(pool):
            alphabet = np.frombuffer(ALPHABETS[kind], np.uint8)
            pool, at = alphabet[self._rng.integers(0, len(alphabet), max(POOL, size))].tobytes(), 0
        self._pools[kind] = pool, at + size
        return pool[at : at + size]

    def letters(self, size: int) -> bytes:
        """Consonants and vowels in turn, so that they read like a word of some language."""
        half = (size + 1) // 2
        both = zip(self.text("consonants", half), self.text("vowels", half), strict=True)
        return bytes(letter for pair in both for letter in pair)[:size]

    def digits(self, size: int) -> bytes:
        """Digits, the first of which is not 0."""
        drawn = self.text("digits", size)
        return b"1" + drawn[1:] if drawn.startswith(b"0") else drawn

    def hexes(self, size: int) -> bytes:
        """Hexadecimal digits."""
        return self.text("hexes", size)

    def raw(self, size: int) -> bytes:
        """Any bytes."""
        return self.text("raw", size)

    def words(self, size: int) -> bytes:
        """Letters and single spaces, without one at either end."""
        drawn = self.text("words", size).replace(b"  ", b" e")
        if drawn[:1] == b" ":
            drawn = b"a" + drawn[1:]
        return drawn[:-1] + b"s" if drawn[-1:] == b" " else drawn

    def share(self) -> float:
        """A number in [0, 1)."""
        if not self._shares:
            self._shares = self._rng.random(1 << 12).tolist()
        return self._shares.pop()

    def number(self, low: int, high: int) -> int:
        """A whole number from low to below high."""
        return low + int(self.share() * (high - low))

    def one(self, choices: Sequence[Choice]) -> Choice:
        """One of them."""
        return choices[int(self.share() * len(choices))]
