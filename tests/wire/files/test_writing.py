"""Writing captures: what is written is read back, by us and, where it is installed, by capinfos."""

import shutil
import subprocess

import pytest

from netdiffus.errors import InputError
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.writer import PCAP_END_NS, PcapngWriter, PcapWriter
from netdiffus.wire.headers.packets import Packet

PACKETS = [(1, Packet(5, b"\2" * 61, 70)), (101, Packet(PCAP_END_NS + 3, b"\x45", 20)), (1, Packet(0, b"", 0))]


def read(path) -> list[tuple[int, Packet]]:
    return [pair for b in read_capture(path) for pair in zip(b.link.tolist(), b.packets(), strict=True)]


def test_pcapng_holds_any_link_types_and_times(tmp_path) -> None:
    with open(tmp_path / "x.pcapng", "wb") as file:
        writer = PcapngWriter(file)
        for link, packet in PACKETS:
            writer.write(link, packet)
        writer.finish()
    assert read(tmp_path / "x.pcapng") == PACKETS
    if not shutil.which("capinfos"):
        pytest.skip("capinfos is not installed")
    said = subprocess.run(["capinfos", "-c", "-M", tmp_path / "x.pcapng"], capture_output=True, text=True, check=True)
    assert said.stdout.split()[-1] == "3"


def test_pcap_holds_one_link_type_before_2106(tmp_path) -> None:
    with open(tmp_path / "x.pcap", "wb") as file:
        writer = PcapWriter(file)
        writer.write(*PACKETS[0])
        writer.write(*PACKETS[2])
        with pytest.raises(InputError, match=r"one link type before 2106.*got Ethernet and raw IP; name a \.pcapng"):
            writer.write(*PACKETS[1])
        with pytest.raises(InputError, match="got a later time"):
            writer.write(1, PACKETS[1][1])
        writer.finish()
    assert read(tmp_path / "x.pcap") == [PACKETS[0], PACKETS[2]]


def test_no_packets_make_a_file_too(tmp_path) -> None:
    for name, kind in (("x.pcap", PcapWriter), ("x.pcapng", PcapngWriter)):
        with open(tmp_path / name, "wb") as file:
            kind(file).finish()
        assert read(tmp_path / name) == []
