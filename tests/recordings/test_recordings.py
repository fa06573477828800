"""The shipped recordings, read with nothing but lzma and struct: complete headers, enough flows, both families."""

import lzma
import re
import struct
from collections import Counter
from collections.abc import Iterator

import pytest

from netdiffus import recordings

LABELS = recordings.labels()
FEWEST_FLOWS = 150
ETHERNET_MTU = 1514  # 1500 and the Ethernet header
LONGEST_FLOW = 400
SIX = b"\x86\xdd"


def records(label: str) -> Iterator[tuple[int, int, bytes]]:
    """(time_ns, length on the wire, frame as kept) of every packet of a label."""
    for name in recordings.captures()[label]:
        data = lzma.decompress(name.read_bytes())
        magic, major, minor, link = struct.unpack_from("<IHH12xI", data)
        assert (magic, major, minor, link) == (0xA1B23C4D, 2, 4, 1), "nanosecond, little-endian, Ethernet"
        at = 24
        while at < len(data):
            seconds, nanoseconds, kept, length = struct.unpack_from("<IIII", data, at)
            assert nanoseconds < 10**9
            frame = data[at + 16 : at + 16 + kept]
            assert len(frame) == kept, "no record is cut off"
            yield seconds * 10**9 + nanoseconds, length, frame
            at += 16 + kept


def transport(frame: bytes) -> tuple[int, int]:
    """(protocol, offset of the transport header) of an Ethernet frame."""
    if frame[12:14] == SIX:
        return frame[20], 54
    assert frame[12:14] == b"\x08\x00", "IPv4 or IPv6"
    return frame[23], 14 + (frame[14] & 15) * 4


def flow(frame: bytes) -> tuple[int, frozenset[bytes]]:
    """The bidirectional 5-tuple of a frame."""
    protocol, at = transport(frame)
    source, destination = (frame[22:38], frame[38:54]) if frame[12:14] == SIX else (frame[26:30], frame[30:34])
    return protocol, frozenset((source + frame[at : at + 2], destination + frame[at + 2 : at + 4]))


def ones_complement_sum(header: bytes) -> int:
    """RFC 1071: 0xFFFF over a header whose checksum is right."""
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_there_are_enough_labels_and_the_package_stays_small() -> None:
    assert len(LABELS) >= 14
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", label) for label in LABELS)
    paths = [path for paths in recordings.captures().values() for path in paths]
    assert all(recordings.captures().values()), "no label is empty"
    assert sum(path.stat().st_size for path in paths) <= 10_000_000


def test_the_readme_describes_every_label_and_the_licence_is_there() -> None:
    readme = (recordings.folder().parent / "README.md").read_text()
    assert all(f"| {label} |" in readme for label in LABELS)
    assert "CC0 1.0" in (recordings.folder().parent / "LICENSE").read_text()


@pytest.mark.parametrize("label", LABELS)
def test_a_label_is_what_its_readme_promises(label: str) -> None:
    packets: Counter[tuple[int, frozenset[bytes]]] = Counter()
    directions: dict[tuple[int, frozenset[bytes]], set[bytes]] = {}
    families: Counter[bytes] = Counter()
    before = 0
    for number, (time_ns, length, frame) in enumerate(records(label)):
        assert time_ns >= before, "packets in order of time"
        before = time_ns
        assert len(frame) <= length <= ETHERNET_MTU
        protocol, at = transport(frame)
        assert protocol in (6, 17)
        headers = at + ((frame[at + 12] >> 4) * 4 if protocol == 6 else 8)
        assert headers <= len(frame) <= headers + 8, "all headers, and at most 8 bytes of payload"
        if frame[12:14] != SIX and number % 7 == 0:
            assert ones_complement_sum(frame[14:at]) == 0xFFFF, "IPv4 header checksum"
        key = flow(frame)
        packets[key] += 1
        directions.setdefault(key, set()).add(frame[6:12])
        if packets[key] == 1:
            families[frame[12:14]] += 1
    assert len(packets) >= FEWEST_FLOWS
    assert min(packets.values()) >= 2
    assert max(packets.values()) <= LONGEST_FLOW
    assert all(len(sides) == 2 for sides in directions.values()), "every flow goes both ways"
    assert min(families[b"\x08\x00"], families[SIX]) >= 0.1 * len(packets), "both families"
