"""Builders of payload: asked for sizes before flows are compiled, and for bytes after it."""

from dataclasses import replace

import numpy as np
import pytest

from netdiffus.compiler.payload import POLICIES, Content
from netdiffus.compiler.payloads import PAYLOADS, Filler
from netdiffus.errors import InputError
from netdiffus.steps.outputs.capture import write_capture
from netdiffus.steps.outputs.capture_config import CaptureConfig
from netdiffus.steps.outputs.order import DrawnFlows
from netdiffus.wire.conformance.check import check_capture
from netdiffus.wire.files.reader import read_capture
from real_sessions import recorded


class Greeting(Filler):
    """Every packet with payload says hello, and is as long as that takes."""

    WORDS = b"hello, world"

    def propose(self, flows, rng):
        rows = flows.rows.copy()
        rows["size"] = np.where(rows["size"] > 0, len(self.WORDS), 0)
        return replace(flows, rows=rows)

    def content(self, packets, seed, known):
        sizes = packets.segments["size"].astype(np.int64)
        said = b"".join((self.WORDS * (size // len(self.WORDS) + 1))[:size] for size in sizes.tolist())
        return Content(np.frombuffer(said, np.uint8), np.cumsum(sizes) - sizes)


def test_a_builder_has_the_sizes_and_the_bytes(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(PAYLOADS, "greeting", Greeting("zero"))
    rows = recorded("mqtt")[0]
    rows = rows.select(np.arange(len(rows)) < 5)
    made_by = {"netdiffus": "0", "model": "ab"}
    gaps = np.array([10**6], np.int64)
    out = tmp_path / "x.pcap"
    write_capture(out, DrawnFlows(rows, {}), gaps, CaptureConfig.of(payload="greeting"), 0, made_by)
    packets = [packet for block in read_capture(out) for packet in block.packets()]
    spoken = [packet for packet in packets if packet.data.endswith(Greeting.WORDS)]
    assert len(spoken) > 5
    assert check_capture(out).clean  # checksums are over these bytes, sequence numbers count them


def test_every_builder_fills_by_a_policy() -> None:
    assert {builder.policy for builder in PAYLOADS.values()} == set(POLICIES)
    with pytest.raises(InputError, match="payload among random, zero, protocol; got 'poetry'"):
        CaptureConfig.of(payload="poetry")
