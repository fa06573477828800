"""Parts of packets that break rules of conformance."""

import struct

from wire_packets import (
    ACK,
    MSS,
    NOP,
    PERMITTED,
    START_NS,
    Packet,
    Talk,
    alone,
    ip,
    ipv4,
    times,
    udp,
)  # fmt: skip

OTHER = 253  # a protocol number for experiments: nothing is judged inside


PLAIN = b"x" * 40


ALL = MSS + PERMITTED + times(100, 0)


ANSWER = MSS + PERMITTED + times(900, 100)


def v4(payload=PLAIN, protocol=OTHER, **other) -> bytes:
    return ip(4, payload, protocol, **other)


def v6(payload=PLAIN, following=OTHER, **other) -> bytes:
    return ip(6, payload, following, **other)


def stamp(value: int, echo: int) -> bytes:
    return NOP * 2 + times(value, echo)


def stamped() -> Talk:
    """A connection with timestamps and SACK, after its handshake."""
    return Talk().open(ALL, ANSWER, stamp(101, 900))


def wrong(frame: bytes, place: int) -> bytes:
    """A frame with two bytes that are not what they were."""
    return frame[:place] + bytes([frame[place] ^ 0x55, frame[place + 1] ^ 0x33]) + frame[place + 2 :]


def at_once(packets: list[Packet]) -> list[Packet]:
    return [packet._replace(time_ns=START_NS) for packet in packets]


def fragment(start: int, size: int, more: bool, number: int = 5) -> bytes:
    return v4(b"y" * size, place=(0x2000 if more else 0) | start // 8, number=number)


def fragment6(start: int, size: int, more: bool) -> bytes:
    return v6(struct.pack("!BBHI", OTHER, 0, start | more, 9) + b"y" * size, 44)


def talk8() -> list[Packet]:
    return (
        Talk().open().send(0, ACK, b"a").send(1, ACK, b"b").send(0, ACK, b"c").send(1, ACK).send(0, ACK, b"d").packets
    )


def later(packets: list[Packet], ns: int) -> list[Packet]:
    return [packet._replace(time_ns=packet.time_ns + ns) for packet in packets]


TWO = alone(udp(b"one"), udp(b"two"))


INNER = ipv4(b"\0" * 8, 17)


HOP_BY_HOP = struct.pack("!BB", 60, 0) + b"\1\4\0\0\0\0"


TO_END = struct.pack("!BB", OTHER, 0) + b"\1\4\0\0\0\0"


ND = b"\0" * 20
