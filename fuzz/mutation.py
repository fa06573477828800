"""Changes to inputs that consist of parts: records, blocks, packets."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Native = Callable[[bytes, int], bytes]
"""libFuzzer's own mutation of some bytes, to at most so many."""


def changed(parts: list[bytes], native: Native, random: Random, *, keep: int = 0) -> list[bytes]:
    """The parts with one dropped, repeated, moved or mutated; the first `keep` may be mutated only."""
    parts = list(parts)
    if not parts:
        return [native(b"", 64)]
    free = range(keep, len(parts))
    choice = random.randrange(6) if len(free) else 5
    if choice == 0:
        del parts[random.choice(free)]
    elif choice in (1, 2):
        parts.insert(random.randint(keep, len(parts)), parts[random.choice(free)])
    elif choice == 3:
        i, j = random.choice(free), random.choice(free)
        parts[i], parts[j] = parts[j], parts[i]
    else:
        i = random.randrange(len(parts))
        parts[i] = native(parts[i], len(parts[i]) + 32)
    return parts


def joined(parts: list[bytes], size: int) -> bytes:
    """The first parts, as many as fit whole."""
    result = b""
    for part in parts:
        if len(result) + len(part) > size:
            break
        result += part
    return result
