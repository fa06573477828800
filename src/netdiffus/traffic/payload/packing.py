"""Packets of a protocol over one side's stream: each ends where a message ends, if there are packets of that size."""

from __future__ import annotations

from collections.abc import Callable

from netdiffus.traffic.payload.talk import Message, Talk


def pack_side(
    talk: Talk, messages: list[Message], begin: int, write: Callable[[int], bytes | None], largest: int
) -> None:
    """Write packets from place `begin` to the end of one side's stream.

    A message without a packet of its size shares one with the next. What is left at the end of a stream that was cut
    is the beginning of a packet.

    Args:
        messages: of one side, in order; those before `begin` are skipped.
        write: a packet of some bytes, or its head, what follows being left random; None: there is none.
        largest: bytes of a packet.
    """
    end = messages[-1].at + messages[-1].size
    at = begin
    for message in messages:
        cut = message.at + message.size
        while cut > at:
            size = min(cut - at, largest)
            data = write(size)
            if data is None and size > 40:
                size -= 4
                data = write(size)
            if data is None:
                break
            talk.put(at, data)
            at += size
    if at < end:
        data = next((found for size in range(end - at, end - at + 64) if (found := write(size)) is not None), b"")
        talk.put(at, data[: end - at])
