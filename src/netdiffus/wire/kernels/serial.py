"""Numbers of 32 bits that go round, as TCP counts bytes and ticks (RFC 9293 section 3.4, RFC 7323 section 5.2)."""

from __future__ import annotations

from netdiffus.wire.kernels.compiled import compiled

# Kernels of other files call this one: touch those when it changes (wire/kernels/compiled.py).


@compiled
def signed(difference: int) -> int:
    """The difference of two such numbers as the nearer way round, from -2^31 to 2^31 - 1."""
    return ((difference + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
