"""CRC-32C: the value that everyone knows, dpkt's, and the packet without its checksum."""

import shutil
import subprocess

import dpkt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdiffus.wire.files.pcap import write_pcap
from netdiffus.wire.kernels.crc32c import TABLE, crc32c
from wire_packets import START_NS, Packet, sctp
from wire_packets import crc32c as bit_by_bit


def crc(data: bytes, zero: int = -1) -> int:
    return int(crc32c(np.frombuffer(data, np.uint8), 0, len(data), zero, TABLE))


def test_the_check_value() -> None:
    assert crc(b"123456789") == 0xE3069283
    assert crc(b"") == 0


@given(st.binary(max_size=80))
def test_another_implementation_agrees(data) -> None:
    assert crc(data) == bit_by_bit(data)
    assert crc(data).to_bytes(4, "little") == dpkt.crc32c.cksum(data).to_bytes(4, "big")


@given(st.binary(min_size=12, max_size=40), st.integers(0, 8))
def test_bytes_may_count_as_zero(data, at) -> None:
    assert crc(data, at) == crc(data[:at] + bytes(4) + data[at + 4 :])


def test_tshark_agrees(tmp_path) -> None:
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed")
    packets = [Packet(START_NS, frame, len(frame)) for frame in (sctp(), sctp(version=6), sctp(checksum=7))]
    write_pcap(tmp_path / "x.pcap", packets)
    command = ["tshark", "-r", tmp_path / "x.pcap", "-o", "sctp.checksum:CRC 32c", "-T", "fields", "-e"]
    said = subprocess.run([*command, "sctp.checksum.status"], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["1", "1", "0"]
