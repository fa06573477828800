"""Writing captures: what is written is read back by this project, by dpkt and, where it is installed, by capinfos."""

import hashlib
import io
import shutil
import struct
import subprocess

import dpkt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.errors import InputError
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.writer import PCAP_END_NS, CaptureWriter, Origin, write_pcap
from netdiffus.wire.headers.packets import Packet, PacketBlock

PACKETS = st.lists(st.tuples(st.binary(max_size=70), st.integers(0, 2**32 * 10**9 - 1)), max_size=9)
MIXED = [(1, Packet(5, b"\2" * 61, 70)), (101, Packet(PCAP_END_NS + 3, b"\x45", 20)), (1, Packet(0, b"", 0))]


def write(form: str, packets, comment=None, comments=("label: web", "é" * 3, "")) -> bytes:
    file = io.BytesIO()
    writer = CaptureWriter(file, form, link=1, origin=Origin("synthetic, of a test"), comments=comments)
    block = PacketBlock.of([Packet(time, data, len(data)) for data, time in packets], 1)
    writer.write(block, None if comment is None else np.array(comment, np.int64))
    return file.getvalue()


def mixed(packets: list[tuple[int, Packet]]) -> PacketBlock:
    block = PacketBlock.of([packet for _, packet in packets], 0)
    block.link[:] = [link for link, _ in packets]
    return block


def read(path) -> list[tuple[int, Packet]]:
    return [pair for b in read_capture(path) for pair in zip(b.link.tolist(), b.packets(), strict=True)]


@settings(deadline=None)  # the first example compiles
@given(PACKETS, st.sampled_from([".pcap", ".pcapng"]), st.integers(0, 2**32 - 1))
def test_what_is_written_is_read(tmp_path_factory, packets, form, seed) -> None:
    comment = np.random.default_rng(seed).integers(-1, 3, len(packets))
    path = tmp_path_factory.mktemp("records") / f"x{form}"
    path.write_bytes(write(form, packets, comment))
    capture = read_capture(path)
    found = [(packet.data, packet.time_ns) for block in capture for packet in block.packets()]
    assert found == packets
    assert not capture.faults


def test_dpkt_reads_the_comments() -> None:
    packets = [(b"abc", 1_700_000_000 * 10**9), (b"defgh", 1_700_000_001 * 10**9)]
    raw = write(".pcapng", packets, [0, -1])
    reader = dpkt.pcapng.Reader(io.BytesIO(raw))
    assert [data for _, data in reader] == [b"abc", b"defgh"]
    assert raw.count(b"label: web") == 1
    assert b"synthetic, of a test" in raw
    assert raw.count(b"netdiffus") == 1


def test_comments_stay_out_of_pcap() -> None:
    assert b"label" not in write(".pcap", [(b"abc", 5)], [0])


@pytest.mark.parametrize("time", [-1, PCAP_END_NS])
def test_times_that_do_not_fit(time) -> None:
    words = (
        r"expected times from 1970 to 2106 and lengths below 2\^31, all that a pcap file can hold; "
        rf"got packet 2 at {time} ns, 0 bytes long; start the capture at another time, or leave the packet out, or name"
    )
    with pytest.raises(InputError, match=words):
        write(".pcap", [(b"", 5), (b"", time)])
    if time > 0:
        assert write(".pcapng", [(b"", time)])
    else:
        with pytest.raises(InputError, match=r"expected times since 1970 .* pcapng .* leave the packet out$"):
            write(".pcapng", [(b"", time)])


def test_forms_that_are_not_known() -> None:
    with pytest.raises(InputError, match=r"suffix \.pcap or \.pcapng; got '\.erf'; name such a file"):
        CaptureWriter(io.BytesIO(), ".erf", link=1)


@pytest.mark.parametrize("pieces", [[3], [1, 1, 1], [1, 2]])
def test_pcapng_holds_any_link_types_and_times(pieces, tmp_path) -> None:
    with open(tmp_path / "x.pcapng", "wb") as file:
        writer, at = CaptureWriter(file, ".pcapng"), 0
        for size in pieces:
            writer.write(mixed(MIXED[at : at + size]))
            at += size
        writer.finish()
    assert read(tmp_path / "x.pcapng") == MIXED
    if not shutil.which("capinfos"):
        pytest.skip("capinfos is not installed")
    said = subprocess.run(["capinfos", "-c", "-M", tmp_path / "x.pcapng"], capture_output=True, text=True, check=True)
    assert said.stdout.split()[-1] == "3"


def test_pcap_holds_one_link_type_before_2106(tmp_path) -> None:
    with open(tmp_path / "x.pcap", "wb") as file:
        writer = CaptureWriter(file, ".pcap")
        writer.write(mixed([MIXED[0], MIXED[2]]))
        with pytest.raises(InputError, match=r"one link type, .* got Ethernet and raw IP; name a \.pcapng file"):
            writer.write(mixed([MIXED[1]]))
        with pytest.raises(InputError, match=r"got packet 3 at 4294967296000000003 ns.* or name a \.pcapng file"):
            writer.write_packets([MIXED[1][1]], 1)
        writer.finish()
    assert read(tmp_path / "x.pcap") == [MIXED[0], MIXED[2]]


@pytest.mark.parametrize("form", [".pcap", ".pcapng"])
def test_no_packets_make_a_file_too(form, tmp_path) -> None:
    with open(tmp_path / f"x{form}", "wb") as file:
        CaptureWriter(file, form).finish()
    assert read(tmp_path / f"x{form}") == []


GOLDEN = {
    "pcap": "2c3ff0b3023893dddbab33b0f2ad8f5aa9e2d91cfcdbe1a53b66211391468077",
    "snap": "7b4330929e7572e8cf487f3a070e33180b84072781de5a16c2a69bb5a2007da1",
    "micro big": "7c5c4abbaea658b4b384bf6c2f2836e03d8cdccf87f66da195cb423e6eb82daa",
    "nano little": "556e35c61317dc812324332be7b131de78ec2560b45d786f800811610cb1e497",
    "pcapng": "24edf24bfe344542d78b4d9f439630b4643445ab5b49fe31fbd34b085010a006",
    "empty": "731cf077aa2a3b3ce4bcfd11ad7ef947cb401df5f9c4dc120539d848694a39bf",
}
"""Hashes of files, from the writers that wrote packet by packet."""


def arbitrary_packets(rng: np.random.Generator, n: int = 3000) -> list[Packet]:
    packets = []
    for _ in range(n):
        size = int(rng.integers(0, 1600))
        time_ns, data = int(rng.integers(0, 2**32 * 10**9)), rng.bytes(size)
        packets.append(Packet(time_ns, data, int(size + rng.integers(0, 100) * rng.integers(0, 2))))
    return packets


def test_bytes_of_every_form() -> None:
    rng = np.random.default_rng(0)
    packets = arbitrary_packets(rng)
    links = rng.choice([1, 101, 113], len(packets), p=[0.98, 0.01, 0.01]).tolist()
    files = {name: io.BytesIO() for name in GOLDEN}
    write_pcap(files["pcap"], packets, 101)
    write_pcap(files["snap"], packets, 1, snap_bytes=100)
    for name, order, magic in (("micro big", ">", 0xA1B2C3D4), ("nano little", "<", 0xA1B23C4D)):
        header = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 113)
        CaptureWriter(files[name], ".pcap", header=header).write_packets(packets, 113)
    writer = CaptureWriter(files["pcapng"], ".pcapng")
    for begin in range(0, len(packets), 700):
        writer.write(mixed(list(zip(links, packets, strict=True))[begin : begin + 700]))
    CaptureWriter(files["empty"], ".pcap").finish()
    assert {name: hashlib.sha256(file.getvalue()).hexdigest() for name, file in files.items()} == GOLDEN
