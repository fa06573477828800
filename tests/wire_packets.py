"""Packets made by hand, right unless told otherwise: frames of IPv4, IPv6, TCP, UDP and ICMP, and whole talks."""

import ipaddress
import struct

import numpy as np

from netdiffus.wire.headers.packets import Packet, PacketBlock

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
ENDS = {
    4: (ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("198.51.100.2")),
    6: (ipaddress.ip_address("2001:db8::1"), ipaddress.ip_address("2001:db8:1::2")),
}
MACS = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
MSS, PERMITTED, NOP, END = bytes.fromhex("020405b4"), b"\4\2", b"\1", b"\0"
SCALE = b"\3\3\7"
START_NS = 1_700_000_000_000_000_000


def times(value: int, echo: int) -> bytes:
    return struct.pack("!BBII", 8, 10, value, echo)


def sack(*blocks: tuple[int, int]) -> bytes:
    return struct.pack("!BB", 5, 2 + 8 * len(blocks)) + b"".join(struct.pack("!II", *block) for block in blocks)


def internet_sum(data: bytes) -> int:
    """The checksum of RFC 1071, written the slow way."""
    total = 0
    for k in range(0, len(data), 2):
        total += int.from_bytes(data[k : k + 2].ljust(2, b"\0"), "big")
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def ethernet(ip: bytes, side: int = 0, *, source: bytes | None = None, to: bytes | None = None, kind: int = 0) -> bytes:
    kind = kind or (0x0800 if ip[0] >> 4 == 4 else 0x86DD)
    return (to or MACS[1 - side]) + (source or MACS[side]) + struct.pack("!H", kind) + ip


def ipv4(
    payload: bytes, protocol: int, side: int = 0, *, source=None, to=None, options=b"", total=None, place=0x4000,
    ttl=64, words=None, version=4, number=77, checksum=None,
) -> bytes:  # fmt: skip
    size = 20 + len(options)
    words = size // 4 if words is None else words
    total = size + len(payload) if total is None else total
    source = ipaddress.ip_address(source or ENDS[4][side]).packed
    to = ipaddress.ip_address(to or ENDS[4][1 - side]).packed
    head = struct.pack("!BBHHHBBH", version << 4 | words, 0, total, number, place, ttl, protocol, 0) + source + to
    checksum = internet_sum(head + options) if checksum is None else checksum
    return head[:10] + struct.pack("!H", checksum) + head[12:] + options + payload


def ipv6(payload: bytes, following: int, side: int = 0, *, source=None, to=None, size=None, hops=64) -> bytes:
    source = ipaddress.ip_address(source or ENDS[6][side]).packed
    to = ipaddress.ip_address(to or ENDS[6][1 - side]).packed
    return (
        struct.pack("!IHBB", 6 << 28, len(payload) if size is None else size, following, hops) + source + to + payload
    )


def pseudo(version: int, side: int, protocol: int, size: int) -> bytes:
    source, to = ENDS[version][side].packed, ENDS[version][1 - side].packed
    return source + to + struct.pack("!II", size, protocol)


def ip(version: int, payload: bytes, protocol: int, side: int = 0, **of_ip) -> bytes:
    return ethernet((ipv4 if version == 4 else ipv6)(payload, protocol, side, **of_ip), side)


def summed(segment: bytes, place: int, before: bytes, checksum: int | None) -> bytes:
    """A segment with its checksum at `place`."""
    checksum = internet_sum(before + segment) if checksum is None else checksum
    return segment[:place] + struct.pack("!H", checksum) + segment[place + 2 :]


def crc32c(data: bytes) -> int:
    """CRC-32C bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sctp(chunks=b"\x0b\0\0\4", side=0, *, ports=(40000, 5000), checksum=None, version=4, **of_ip) -> bytes:
    head = struct.pack("!HHI", *(ports if side == 0 else ports[::-1]), 0x01020304)
    checksum = crc32c(head + bytes(4) + chunks) if checksum is None else checksum
    return ip(version, head + checksum.to_bytes(4, "little") + chunks, 132, side, **of_ip)


def udp_segment(payload=b"hello", side=0, *, ports=(40000, 53), size=None, checksum=None, version=4) -> bytes:
    size = 8 + len(payload) if size is None else size
    segment = struct.pack("!HHHH", *(ports if side == 0 else ports[::-1]), size, 0) + payload
    return summed(segment, 6, pseudo(version, side, 17, len(segment)), checksum)


def udp(payload=b"hello", side=0, *, ports=(40000, 53), size=None, checksum=None, version=4, **of_ip) -> bytes:
    segment = udp_segment(payload, side, ports=ports, size=size, checksum=checksum, version=version)
    return ip(version, segment, 17, side, **of_ip)


def icmp(kind=8, code=0, rest=b"\0\7\0\1hello!", *, checksum=None, **of_ip) -> bytes:
    return ip(4, summed(struct.pack("!BBH", kind, code, 0) + rest, 2, b"", checksum), 1, **of_ip)


def icmp6(kind=128, code=0, rest=b"\0\7\0\1hello!", *, checksum=None, **of_ip) -> bytes:
    segment = struct.pack("!BBH", kind, code, 0) + rest
    return ip(6, summed(segment, 2, pseudo(6, 0, 58, len(segment)), checksum), 58, **of_ip)


def tcp(
    seq, ack, flags, payload=b"", side=0, *, options=b"", window=8000, urgent=0, words=None, reserved=0, checksum=None,
    version=4, ports=(40000, 443), **of_ip,
) -> bytes:  # fmt: skip
    words = 5 + len(options) // 4 if words is None else words
    head = struct.pack(
        "!HHIIBBHHH", *(ports if side == 0 else ports[::-1]), seq % 2**32, ack % 2**32, words << 4 | reserved, flags,
        window, 0, urgent,
    )  # fmt: skip
    segment = head + options + payload
    return ip(version, summed(segment, 16, pseudo(version, side, 6, len(segment)), checksum), 6, side, **of_ip)


class Talk:
    """A TCP connection between side 0, the client, and side 1; what is sent is right unless told otherwise."""

    def __init__(self, *, version: int = 4, port: int = 40000, start_ns: int = START_NS, step_ns: int = 1_000_000):
        self.packets: list[Packet] = []
        self.next = [1000, 5000]
        self._version, self._ports, self._time_ns, self._step_ns = version, (port, 443), start_ns, step_ns
        self._number = port

    def send(self, side: int, flags: int, payload: bytes = b"", *, wait_ns: int | None = None, **other) -> "Talk":
        seq = other.pop("seq", self.next[side])
        ack = other.pop("ack", self.next[1 - side] if flags & ACK else 0)
        if self._version == 4:
            self._number += 1
            other.setdefault("number", self._number)
        data = tcp(seq, ack, flags, payload, side, version=self._version, ports=self._ports, **other)
        self.packets.append(Packet(self._time_ns, data, len(data)))
        self._time_ns += self._step_ns if wait_ns is None else wait_ns
        self.next[side] = (seq + len(payload) + bool(flags & SYN) + bool(flags & FIN)) % 2**32
        return self

    def open(self, offer: bytes = MSS, answer: bytes | None = None, then: bytes = b"", **answering) -> "Talk":
        self.send(0, SYN, options=offer)
        self.send(1, SYN | ACK, options=offer if answer is None else answer, **answering)
        return self.send(0, ACK, options=then)

    def skip(self, side: int, size: int) -> "Talk":
        """A segment that the capture misses."""
        self.next[side] += size
        return self


def alone(*frames: bytes, length: int | None = None) -> list[Packet]:
    """Frames a millisecond apart."""
    return [Packet(START_NS + k * 1_000_000, f, len(f) if length is None else length) for k, f in enumerate(frames)]


def block_of(packets: list[Packet], link: int = 1) -> PacketBlock:
    """Packets as a block."""
    sizes = [len(packet.data) for packet in packets]
    return PacketBlock(
        np.frombuffer(bytearray(b"".join(packet.data for packet in packets)), np.uint8),
        np.cumsum([0, *sizes[:-1]]),
        np.array(sizes, np.int32),
        np.array([packet.length for packet in packets], np.int32),
        np.array([packet.time_ns for packet in packets]),
        np.full(len(packets), link, np.int32),
    )
