"""Records of TLS over the rest of a stream: headers where messages begin, random bodies between (RFC 8446 5)."""

from __future__ import annotations

from struct import pack_into

from netdiffus.traffic.payload.talk import Message, Talk

HEADER, LARGEST = 5, 16384
SMALLEST = HEADER + 1 + 16
"""A record of one byte of content: its type and the tag of the AEAD come with it."""
APPLICATION = 23


def lay_records(
    talk: Talk, messages: list[Message], begin: int, content: int = APPLICATION, overhead: int = 17
) -> None:
    """Headers of records from place `begin` to the end of one side's stream; they end where messages do.

    A message that is too small for a record shares one with the next. What is left at the end of a stream that was cut
    is the beginning of a record.

    Args:
        messages: of one side, in order; those before `begin` are skipped.
        overhead: bytes that encryption adds to the content.
    """
    if not messages:
        return
    end = messages[-1].at + messages[-1].size
    at, most = begin, HEADER + LARGEST + overhead
    for message in messages:
        cut = message.at + message.size
        while cut - at >= SMALLEST and (cut == end or cut - at > 0):
            rest = cut - at
            if end - cut and end - cut < SMALLEST:
                rest = end - at
            size = rest if rest <= most else min(most, rest - SMALLEST)
            _header(talk, at, end, content, size - HEADER)
            at += size
    if at < end:
        _header(talk, at, end, content, SMALLEST - HEADER)


def _header(talk: Talk, at: int, end: int, content: int, size: int) -> None:
    if at + HEADER <= end:
        pack_into(">BHH", talk.out, at, content, 0x0303, size)
    else:
        talk.put(at, bytes([content, 3, 3, size >> 8])[: end - at])
