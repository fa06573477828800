"""Damaged captures read in segments: rows, faults and refusals are those of reading them from end to end."""

import struct
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random

import pytest

from fuzz import pcap, pcapng
from fuzz.mutation import Native
from netdiffus.errors import InputError
from netdiffus.spread import one_by_one
from netdiffus.steps.prepare import prepare
from netdiffus.steps.sources import segmented
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.traffic.flows.reader import FlowReader
from netdiffus.wire.files import segments
from pcapng_blocks import LITTLE
from wire_packets import udp

SEGMENT, FILES, PACKETS, MOST = 1024, 14, 32, 1 << 14


def native(random: Random) -> Native:
    """Some bytes overwritten, cut off or added, in place of libFuzzer's own mutation."""

    def mutate(data: bytes, most: int) -> bytes:
        found = bytearray(data)
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(found) + 1)
            found[at : at + random.randint(0, 4)] = random.choice((b"", b"\0", b"\xff" * 4, random.randbytes(3)))
        return bytes(found[:most])

    return mutate


def whole_file(form: str) -> bytes:
    packets = [(10**18 + k * 40_000_000, udp(bytes(k), k % 2, ports=(1000 + k % 9, 53))) for k in range(PACKETS)]
    if form == "pcap":
        records = [struct.pack("<IIII", *divmod(ns, 10**9), len(data), len(data)) + data for ns, data in packets]
        return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1) + b"".join(records)
    blocks = [LITTLE.enhanced(ns, data, length=len(data)) for ns, data in packets]
    return LITTLE.section() + LITTLE.interface(link=1, resolution=9) + b"".join(blocks)


def damaged(form: str, seed: int) -> list[bytes]:
    random, target = Random(seed), {"pcap": pcap, "pcapng": pcapng}[form]
    found = []
    for _ in range(FILES):
        data = whole_file(form)
        for _ in range(random.randint(1, 2)):
            data = target.mutate(data, MOST, native(random), random)
        found.append(data[: len(data) - random.choice((0, 0, random.randrange(90)))])
    return found


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often segments were joined, "", or why they were not; a segment looks back a few records only."""
    monkeypatch.setattr(segmented, "SEGMENT_BYTES", SEGMENT)
    monkeypatch.setattr("netdiffus.steps.sources.captures.FlowReader", partial(FlowReader, batch_bytes=SEGMENT))
    for name, size in (("MAX_CAPTURED", 512), ("BACK_BYTES", 1536), ("TRIED_BYTES", 1024), ("AHEAD_RECORDS", 3)):
        monkeypatch.setattr(segments, name, size)
    found, finish = Counter[str](), segmented.SegmentedSource.finish
    monkeypatch.setattr(
        segmented.SegmentedSource, "finish", lambda source: bool(found.update([source.why])) or finish(source)
    )
    return found


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_damaged_captures_in_segments(tmp_path: Path, joined: Counter[str], form: str) -> None:
    folder, said = tmp_path / "captures", []
    folder.mkdir()
    for number, data in enumerate(damaged(form, seed=len(form))):
        (folder / f"{number:02}.{form}").write_bytes(data)
    for name, spread in (("whole", None), ("parts", one_by_one)):
        list(prepare([folder], tmp_path / name, PrepareConfig(packets=4), spread))
        card, traces = read_dataset(tmp_path / name)
        said.append((card.model_dump(exclude={"hash"}), traces, read_packets(tmp_path / name)))
    (card, traces, packets), (other, of_parts, packets_of_parts) = said
    assert card == other
    assert traces.equals(of_parts)
    assert packets.equals(packets_of_parts)
    assert joined[""] >= FILES // 5  # that many are joined in spite of their damage
    assert joined.total() > joined[""]  # and some are not
    refused = [source["file"] for source in card["sources"] if not source["sha256"]]
    for name in refused[:2]:
        errors = set()
        for spread in (None, one_by_one):
            with pytest.raises(InputError) as error:
                list(prepare([folder / name], tmp_path / "none", PrepareConfig(packets=4), spread))
            errors.add(str(error.value))
        assert len(errors) == 1
