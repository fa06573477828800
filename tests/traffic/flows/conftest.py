"""The flows of packets made by hand."""

import pytest

from netdiffus.traffic.flows.reader import CaptureFlows, flows_of_capture
from netdiffus.wire.files.reader import Packet
from netdiffus.wire.files.writer import write_pcap
from small_flows import RAW, SECOND


@pytest.fixture
def flows_of(tmp_path):
    def run(*packets: tuple[float, bytes], **options: float) -> CaptureFlows:
        path = tmp_path / "x.pcap"
        write_pcap(path, [Packet(round(t * SECOND) + SECOND, data, len(data)) for t, data in packets], RAW)
        return flows_of_capture(path, **options)

    return run
