"""The shipped recordings: complete headers, enough flows, both families."""

import re
import struct
from collections import Counter
from itertools import chain

import pytest

from netdiffus import recordings
from shipped_records import ETHERNET_MTU, SIX, FlowKey, flow, headers, records, transport

LABELS = recordings.labels()
FEWEST_FLOWS = 150
LONGEST_FLOW = 400
LARGEST_PACKAGE = 14_000_000


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


def test_all_recordings_stay_within_their_size() -> None:
    paths = [path for path in recordings.folder().parent.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert any(path.suffix == ".xz" for path in paths)
    assert sum(path.stat().st_size for path in paths) <= LARGEST_PACKAGE


def test_the_readme_describes_every_label_and_the_licence_is_there() -> None:
    readme = (recordings.folder().parent / "README.md").read_text()
    assert all(f"| {label} |" in readme for label in LABELS)
    assert "CC0 1.0" in (recordings.folder().parent / "LICENSE").read_text()


@pytest.mark.parametrize("label", LABELS)
def test_a_label_is_what_its_readme_promises(label: str) -> None:
    packets: Counter[FlowKey] = Counter()
    directions: dict[FlowKey, set[bytes]] = {}
    families: Counter[bytes] = Counter()
    before = 0
    for number, (time_ns, length, frame) in enumerate(chain.from_iterable(map(records, recordings.captures()[label]))):
        assert time_ns >= before, "packets in order of time"
        before = time_ns
        assert len(frame) <= length <= ETHERNET_MTU
        protocol, at = transport(frame)
        assert protocol in (6, 17)
        assert headers(frame) <= len(frame) <= headers(frame) + 8, "all headers, and at most 8 bytes of payload"
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
