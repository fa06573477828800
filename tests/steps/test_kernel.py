"""A real kernel takes part in the connections that are made, and refuses those that are wrong."""

from pathlib import Path

import pytest
from test_capture import drawn, write

from bench import kernel
from netdiffus.wire.files.pcap import write_pcap
from netdiffus.wire.files.reader import read_capture


def asked(path: Path, most: int = 10) -> kernel.Tally:
    answer = kernel.ask(path, most)
    if isinstance(answer, str):
        pytest.skip(answer)
    return answer


@pytest.fixture(scope="module")
def capture(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("made") / "made.pcap"
    write(out, drawn(("ssh", "web", "mqtt")))
    return out


def test_the_kernel_takes_what_is_made(capture) -> None:
    found = asked(capture, 60)
    assert found.flows == 60
    assert found.handshakes == found.flows
    assert found.with_data > 40
    assert found.data_whole >= 0.95 * found.with_data
    assert not found.resets


def test_a_wrong_checksum_and_a_wrong_acknowledgement_are_refused(capture, tmp_path) -> None:
    """The faults of nprint's and NetDiffusion's files: checksums, and ISN acknowledged instead of ISN + 1."""
    packets = [packet for block in read_capture(capture) for packet in block.packets()]
    wrong = []
    for packet in packets:
        data = bytearray(packet.data)
        at = 14 + (20 if data[14] >> 4 == 4 else 40)
        data[at + 16] ^= 0x55
        wrong.append(packet._replace(data=bytes(data)))
    write_pcap(tmp_path / "sums.pcap", wrong)
    assert asked(tmp_path / "sums.pcap").handshakes == 0
    wrong = []
    for packet in packets:
        one = kernel.segment(packet.data[14:])
        if one is not None and one.flags & 0x12 == 0x10:
            one.put(one.at + 8, one.word(8) - 1)
        wrong.append(packet if one is None else packet._replace(data=packet.data[:14] + bytes(one.packet)))
    write_pcap(tmp_path / "acks.pcap", wrong)
    found = asked(tmp_path / "acks.pcap")
    assert found.handshakes < found.flows
    assert found.refused
