"""Capture files: what is written comes back, every variant is read, and damage costs no whole packet."""

import gzip
import hashlib
import io
import lzma
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.errors import InputError
from netdiffus.wire.files.reader import Packet, read_capture
from netdiffus.wire.files.writer import write_pcap
from netdiffus.wire.headers.packets import MAX_CAPTURED

TWO = [Packet(1_700_000_000_123_456_789, b"first packet", 12), Packet(1_700_000_000_123_456_790, b"second", 1514)]


def read(path: Path, block_bytes: int = 1 << 16) -> tuple[list[Packet], dict[str, int]]:
    capture = read_capture(path, block_bytes=block_bytes)
    packets = [packet for block in capture for packet in block.packets()]
    return packets, dict(capture.faults)


def pcap_bytes(packets: list[Packet] = TWO) -> bytes:
    file = io.BytesIO()
    write_pcap(file, packets)
    return file.getvalue()


@settings(max_examples=50, deadline=None)
@given(
    packets=st.lists(
        st.builds(
            lambda time_ns, data, more: Packet(time_ns, data, len(data) + more),
            st.integers(0, 2**32 * 10**9 - 1),
            st.binary(max_size=300),
            st.integers(0, 2**16),
        ),
        max_size=40,
    ),
    block_bytes=st.integers(1, 2000),
)
def test_what_is_written_comes_back(tmp_path_factory, packets, block_bytes):
    path = tmp_path_factory.mktemp("round") / "x.pcap"
    assert write_pcap(path, packets) == len(packets)
    assert read(path, block_bytes) == (packets, {})


def test_the_writer_cuts_data_and_keeps_the_length(tmp_path):
    path = tmp_path / "x.pcap"
    write_pcap(path, [Packet(5, b"0123456789", 10)], snap_bytes=4)
    assert read(path)[0] == [Packet(5, b"0123", 10)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("magic", "tick_ns", "extra"), [(0xA1B2C3D4, 1000, b""), (0xA1B23C4D, 1, b""), (0xA1B2CD34, 1000, b"\0" * 8)]
)
def test_every_variant_of_pcap(tmp_path, order, magic, tick_ns, extra):
    path = tmp_path / "x.pcap"
    header = struct.pack(
        order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 0x1400_0071
    )  # bits above the link type: a checksum
    path.write_bytes(header + struct.pack(order + "IIII", 7, 9, 3, 60) + extra + b"abc")
    blocks = list(read_capture(path))
    assert [packet for block in blocks for packet in block.packets()] == [Packet(7 * 10**9 + 9 * tick_ns, b"abc", 60)]
    assert blocks[0].link.tolist() == [113]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0x1C0001AB, 0x1C0001AC])
def test_lcap_has_four_more_bytes_before_its_records(tmp_path, order, magic):
    path = tmp_path / "x.pcap"
    header = struct.pack(order + "IHHiIIII", magic, 2, 4, 0, 0, 65535, 1, 19)
    path.write_bytes(header + struct.pack(order + "IIII", 7, 9, 3, 60) + b"abc")
    assert read(path) == ([Packet(7_000_009_000, b"abc", 60)], {})
    path.write_bytes(header[:26])
    assert read(path) == ([], {})


@pytest.mark.parametrize("magic", [0xA1B234CD, 0xA12B3C4D])  # reserved for formats that libpcap does not read either
def test_reserved_magic_numbers_are_refused(tmp_path, magic):
    path = tmp_path / "x.pcap"
    path.write_bytes(struct.pack("<IHHiIIII", magic, 2, 4, 0, 0, 65535, 1, 19) + bytes(40))
    with pytest.raises(InputError, match="expected a capture"):
        read_capture(path)


@pytest.mark.parametrize(
    ("version", "sizes"), [((2, 2), (60, 3)), ((2, 3), (60, 3)), ((2, 3), (3, 60)), ((543, 0), (60, 3))]
)
def test_lengths_of_early_versions_are_swapped(tmp_path, version, sizes):
    path = tmp_path / "x.pcap"
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, *version, 0, 0, 65535, 1)
    path.write_bytes(header + struct.pack("<IIII", 7, 9, *sizes) + b"abc")
    assert read(path)[0] == [Packet(7_000_009_000, b"abc", 60)]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_compressed(tmp_path, pack):
    path = tmp_path / "x"
    many = [Packet(i, bytes([i % 251]) * 100, 100) for i in range(3000)]
    data = pcap_bytes(many)
    path.write_bytes(pack(data[:1000]) + pack(data[1000:]))  # two streams one after the other, as cat makes them
    assert read(path) == (many, {})
    whole = pack(data)
    path.write_bytes(whole[:-20])
    packets, faults = read(path)
    assert packets == many[: len(packets)]
    assert "compressed file ends early" in faults
    path.write_bytes(pack(data) + b"rubbish after it")
    assert read(path) == (many, {"bytes after the end of the compressed data were not read": 1})


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_corrupt_compression_is_a_fault(tmp_path, pack):
    path = tmp_path / "x"
    data = bytearray(pack(pcap_bytes([Packet(i, hashlib.sha256(b"%d" % i).digest() * 30, 960) for i in range(1000)])))
    data[len(data) // 2] ^= 0x55
    path.write_bytes(data)
    packets, faults = read(path)
    assert len(packets) < 1000
    assert "compressed data is corrupt; the rest was not read" in faults
    path.write_bytes(data[:10])
    with pytest.raises(InputError, match="compressed file ends early"):
        read_capture(path)


def test_zstd_is_read_or_the_way_is_named(tmp_path):
    path = tmp_path / "x.zst"
    content = pcap_bytes()
    # One zstd frame with one raw block (RFC 8878 section 3.1.1), single segment, content size in one byte.
    block = (len(content) << 3 | 1).to_bytes(3, "little")
    path.write_bytes(b"\x28\xb5\x2f\xfd\x20" + bytes([len(content)]) + block + content)
    assert read(path) == (TWO, {})
    path.write_bytes(path.read_bytes()[:-1])
    assert read(path)[1] == {"compressed file ends early": 1, "file ends inside a packet record": 1}


@pytest.mark.parametrize(
    ("magic", "absent", "words"),
    [
        (
            b"\x28\xb5\x2f\xfd",
            ("compression.zstd", "backports.zstd"),
            r"zstd -d FILE\), or: pip install backports\.zstd",
        ),
        (b"\x04\x22\x4d\x18", ("lz4.frame",), r"lz4 -d FILE\), or: pip install lz4"),
    ],
)
def test_a_decompressor_that_is_missing_is_named(tmp_path, monkeypatch, magic, absent, words):
    for module in absent:
        monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "x"
    path.write_bytes(magic + bytes(40))
    with pytest.raises(InputError, match=words):
        read_capture(path)


def test_lz4(tmp_path):
    frame = pytest.importorskip("lz4.frame")
    path = tmp_path / "x.lz4"
    many = [Packet(i, bytes([i % 251]) * 100, 100) for i in range(3000)]
    whole = frame.compress(pcap_bytes(many))
    path.write_bytes(whole)
    assert read(path) == (many, {})
    path.write_bytes(whole[:-20])
    assert "compressed file ends early" in read(path)[1]
    data = pcap_bytes([Packet(i, hashlib.sha256(b"%d" % i).digest() * 30, 960) for i in range(1000)])
    packed = bytearray(frame.compress(data, block_size=frame.BLOCKSIZE_MAX64KB, block_checksum=True))
    packed[len(packed) // 2] ^= 0x55
    path.write_bytes(packed)
    packets, faults = read(path)
    assert 0 < len(packets) < 1000
    assert "compressed data is corrupt; the rest was not read" in faults


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pcap_bytes())))
    capture = read_capture("-")
    assert [packet for block in capture for packet in block.packets()] == TWO
    assert (capture.name, capture.n_bytes) == ("-", len(pcap_bytes()))
    assert capture.sha256 == hashlib.sha256(pcap_bytes()).hexdigest()


@pytest.mark.parametrize("block_bytes", [16, 1 << 16])
def test_a_cut_file_gives_its_whole_packets(tmp_path, block_bytes):
    path = tmp_path / "x.pcap"
    data = pcap_bytes()
    for size in range(24, len(data)):
        path.write_bytes(data[:size])
        whole = (size >= 24 + 16 + 12) * 1
        cut = size not in (24, 24 + 16 + 12)
        assert read(path, block_bytes) == (TWO[:whole], {"file ends inside a packet record": 1} if cut else {})


def test_a_record_that_is_too_long_ends_the_file(tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap_bytes() + struct.pack("<IIII", 1, 2, MAX_CAPTURED + 1, 60) + b"x" * 100)
    words = "packet record claims more than 262144 bytes; the rest of the file was not read"
    capture = read_capture(path)
    assert sum(len(block) for block in capture) == 2
    assert dict(capture.faults) == {words: 1}
    assert capture.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()  # of the whole file all the same


def test_the_largest_record_is_read_through_a_small_buffer(tmp_path):
    path = tmp_path / "x.pcap"
    big = [Packet(1, b"x" * MAX_CAPTURED, MAX_CAPTURED), *TWO]
    write_pcap(path, big)
    assert read(path, block_bytes=64) == (big, {})


@settings(max_examples=300, deadline=None)
@given(
    start=st.sampled_from(
        [pcap_bytes(), pcap_bytes()[:24], gzip.compress(pcap_bytes()), lzma.compress(pcap_bytes()), b""]
    ),
    tail=st.binary(max_size=200),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4),
)
def test_no_file_breaks_the_reader(tmp_path_factory, start, tail, changes):
    data = bytearray(start + tail)
    for place, value in changes:
        if data:
            data[place % len(data)] = value
    path = tmp_path_factory.mktemp("fuzz") / "x.pcap"
    path.write_bytes(data)
    try:
        packets, _ = read(path, block_bytes=128)
    except InputError:
        return
    assert all(len(packet.data) <= len(data) * 1100 for packet in packets)
