"""Files that were made to break a reader: bombs, impossible lengths, floods, and damage at every place."""

import gzip
import io
import lzma
import struct
import sys
import tracemalloc
import zlib
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.errors import InputError
from netdiffus.wire.files.reader import Packet, read_capture, write_pcap
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.fields import faults
from netdiffus.wire.headers.packets import MAX_TIME_NS
from pcapng_blocks import BIG, LITTLE, Maker

MEMORY_BYTES = 16 << 20
ENDS_INSIDE = ("file ends inside a packet record", "file ends inside a block")


def read(data: bytes, block_bytes: int = 1 << 16) -> tuple[list[Packet], dict[str, int]]:
    """The packets of a capture in memory and its faults."""
    before, sys.stdin = sys.stdin, SimpleNamespace(buffer=io.BytesIO(data))
    try:
        capture = read_capture("-", block_bytes=block_bytes)
        packets = [packet for block in capture for packet in block.packets()]
    finally:
        sys.stdin = before
    return packets, dict(capture.faults)


def pcap_header(order: str = "<", magic: int = 0xA1B23C4D) -> bytes:
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)


GOOD = Packet(1_000_000_002, b"good", 60)
PCAP = pcap_header() + struct.pack("<IIII", 1, 2, 4, 60) + b"good"
PCAPNG = LITTLE.section() + LITTLE.interface(resolution=9) + LITTLE.enhanced(GOOD.time_ns, b"good")


@pytest.fixture(scope="module", autouse=True)
def compiled_before() -> None:
    """What compiling takes is not the reader's memory."""
    assert read(PCAP) == read(PCAPNG) == ([GOOD], {})


@pytest.mark.parametrize("block_bytes", [64, 1 << 20])
@pytest.mark.parametrize("claim", [0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_record_of_four_gigabytes_ends_the_file(claim, block_bytes):
    words = "packet record claims more than 262144 bytes; the rest of the file was not read"
    tracemalloc.start()
    try:
        assert read(PCAP + struct.pack("<IIII", 1, 2, claim, 60), block_bytes) == ([GOOD], {words: 1})
        assert tracemalloc.get_traced_memory()[1] < MEMORY_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("block_bytes", [64, 1 << 20])
@pytest.mark.parametrize("claim", [0, 1, 8, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFD, 0xFFFFFFFF])
@pytest.mark.parametrize("kind", [1, 3, 6, 0x0A0D0D0A])
def test_a_block_of_no_bytes_or_of_four_gigabytes_ends_the_file(kind, claim, block_bytes):
    words = "section header is broken" if kind == 0x0A0D0D0A else "block length is impossible"
    tail = struct.pack("<III", kind, claim, 0x1A2B3C4D) + bytes(40)
    tracemalloc.start()
    try:
        found = {f"{words}; the rest of the file was not read": 1}
        assert read(PCAPNG + tail, block_bytes) == ([GOOD], found)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: lzma.compress(data, preset=1)])
@pytest.mark.parametrize(
    ("start", "filler"),
    [(PCAP, bytes(16)), (PCAPNG, LITTLE.interface()), (PCAPNG, LITTLE.section()), (b"", bytes(16))],
    ids=["empty records", "interfaces", "sections", "no capture"],
)
def test_a_bomb_takes_no_memory(pack, start, filler):
    bomb = pack(start + filler * ((8 << 20) // len(filler)))
    assert len(bomb) < 100_000
    before, sys.stdin = sys.stdin, SimpleNamespace(buffer=io.BytesIO(bomb))
    tracemalloc.start()
    try:
        if not start:
            with pytest.raises(InputError, match="which begins with"):
                read_capture("-")
        else:
            assert sum(len(block) for block in read_capture("-")) == (1 if start is PCAPNG else (8 << 20) // 16 + 1)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_BYTES
    finally:
        tracemalloc.stop()
        sys.stdin = before


def test_interfaces_without_end_are_counted_and_not_kept():
    content = LITTLE.section() + LITTLE.interface(link=7) * (2**16 + 3)
    content += LITTLE.enhanced(1, b"last", interface=2**16 - 1) + LITTLE.enhanced(1, b"beyond", interface=2**16)
    assert read(content) == (
        [Packet(1000, b"last", 60)],
        {
            "interface after the first 65536 of its section, left out": 3,
            "packet of an interface that the file does not declare, left out": 1,
        },
    )


def test_an_interface_without_a_link_type_is_a_fault():
    content = LITTLE.section() + LITTLE.block(1, b"\1\0") + LITTLE.enhanced(1, b"x")
    words = "interface description is too short to name a link layer"
    assert read(content) == ([Packet(1000, b"x", 60)], {words: 1})


def test_a_decompressor_that_asks_for_too_much_memory_is_refused():
    data = bytearray(lzma.compress(PCAP, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 4096}]))
    # The block header (xz file format, section 3.1): its size, flags, filter LZMA2, one byte that says how large the
    # dictionary is (40: 4 GiB), padding, CRC32.
    assert data[12:17] == bytes([2, 0, 0x21, 1, 0])
    data[16] = 40
    data[20:24] = zlib.crc32(data[12:20]).to_bytes(4, "little")
    with pytest.raises(InputError, match="decompressing takes more memory than is allowed; the rest was not read"):
        read(bytes(data))


@pytest.mark.parametrize("block_bytes", [64, 1 << 20])
def test_corrupt_gzip_gives_all_packets_before_the_damage(block_bytes):
    packets = [Packet(i, bytes([i % 251]) * 50, 50) for i in range(1000)]
    file = io.BytesIO()
    write_pcap(file, packets)
    stored = zlib.compressobj(0, zlib.DEFLATED, 31)  # stored as it is: a byte in the file is a byte in the data
    data = bytearray(stored.compress(file.getvalue()) + stored.flush())
    data[-4:] = b"junk"  # the length that a gzip file ends with
    assert read(bytes(data), block_bytes) == (packets, {"compressed data is corrupt; the rest was not read": 1})


@settings(max_examples=300, deadline=None)
@given(
    binary=st.booleans(),
    exponent=st.integers(0, 127),
    ticks=st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 2**34)),
    offset_s=st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-(2**33), 2**33)),
    order=st.sampled_from([LITTLE, BIG]),
)
def test_every_clock_is_exact_or_moved_and_counted(binary, exponent, ticks, offset_s, order):
    content = order.section() + order.interface(resolution=binary << 7 | exponent, offset=offset_s)
    ((packet,), found) = read(content + order.enhanced(ticks, b"x"))
    alone_ns = ticks * 10**9 // (2 if binary else 10) ** exponent
    exact_ns = alone_ns + (offset_s or 0) * 10**9
    words = "time before 1970 or after 2116, moved to the nearer end"
    if alone_ns <= MAX_TIME_NS:
        assert packet.time_ns == min(max(exact_ns, 0), MAX_TIME_NS)
        assert found == ({} if 0 <= exact_ns <= MAX_TIME_NS else {words: 1})
    else:  # a clock that is past its end before its offset is taken is moved there
        assert (packet.time_ns, found) == (MAX_TIME_NS, {words: 1})


@pytest.mark.parametrize(("ticks", "offset_s"), [(0, 2**62), (0, 4_611_686_019), (2**63, -1), (0, -1), (0, -(2**63))])
def test_times_beyond_what_is_kept_are_always_counted(ticks, offset_s):
    content = LITTLE.section() + LITTLE.interface(resolution=9, offset=offset_s) + LITTLE.enhanced(ticks, b"x")
    assert list(read(content)[1].values()) == [1]


@pytest.mark.parametrize(("time_ns", "length"), [(-1, 1), (2**32 * 10**9, 1), (0, 2**32), (0, -1)])
def test_what_does_not_fit_a_pcap_is_refused(time_ns, length):
    words = rf"times from 1970 to 2106 .* packet 2 at {time_ns} ns, {length} bytes long; leave it out, or move its time"
    with pytest.raises(InputError, match=words):
        write_pcap(io.BytesIO(), [GOOD, Packet(time_ns, b"x", length)])


def test_standard_input_that_is_closed(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="got a closed standard input; pipe a capture in"):
        read_capture("-")


def test_a_file_of_the_name_of_standard_input(tmp_path):
    (tmp_path / "-").write_bytes(PCAP)
    assert [packet for block in read_capture(tmp_path / "-") for packet in block.packets()] == [GOOD]


# A capture as pieces, each with the packet that it brings, or None.
Pieces = list[tuple[bytes, Packet | None]]
DATA = st.binary(max_size=40)


@st.composite
def pcaps(draw: st.DrawFn) -> Pieces:
    order = draw(st.sampled_from("<>"))
    magic, tick_ns, extra = draw(st.sampled_from([(0xA1B2C3D4, 1000, 0), (0xA1B23C4D, 1, 0), (0xA1B2CD34, 1000, 8)]))
    pieces: Pieces = [(pcap_header(order, magic), None)]
    for data in draw(st.lists(DATA, max_size=5)):
        seconds, ticks = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 2**32 - 1))
        length = draw(st.integers(0, 2**31 - 1))
        record = struct.pack(order + "IIII", seconds, ticks, len(data), length) + bytes(extra) + data
        pieces.append((record, Packet(seconds * 10**9 + ticks * tick_ns, data, length)))
    return pieces


@st.composite
def pcapngs(draw: st.DrawFn) -> Pieces:
    """Several sections of both byte orders with several interfaces, all kinds of blocks and options."""
    pieces: Pieces = []
    for _ in range(draw(st.integers(1, 3))):
        make: Maker = draw(st.sampled_from([LITTLE, BIG]))
        pieces.append((make.section(), None))
        clocks = draw(st.lists(st.sampled_from([None, 0, 3, 6, 9, 12, 0x80, 0x8A, 0xA0]), min_size=1, max_size=3))
        offsets = [draw(st.sampled_from([None, 0, 1_000_000])) for _ in clocks]
        pieces += [
            (make.interface(link=i, resolution=clock, offset=offset), None)
            for i, (clock, offset) in enumerate(zip(clocks, offsets, strict=True))
        ]
        for kind in draw(st.lists(st.sampled_from(["enhanced", "old", "statistics", "unknown"]), max_size=5)):
            if kind in ("statistics", "unknown"):
                pieces.append((make.block(5 if kind == "statistics" else 0x0BAD, draw(DATA)), None))
                continue
            i = draw(st.integers(0, len(clocks) - 1))
            clock = 6 if clocks[i] is None else clocks[i]
            units = (2 if clock & 0x80 else 10) ** (clock & 0x7F)
            ticks, data, length = draw(st.integers(0, 10**9 * units)), draw(DATA), draw(st.integers(0, 2**31 - 1))
            ticks %= 2**64
            time_ns = ticks * 10**9 // units + (offsets[i] or 0) * 10**9
            write = make.enhanced if kind == "enhanced" else make.old
            pieces.append((write(ticks, data, length, interface=i), Packet(time_ns, data, length)))
    return pieces


@settings(max_examples=40, deadline=None)
@given(pieces=st.one_of(pcaps(), pcapngs()), block_bytes=st.sampled_from([64, 1000, 1 << 16]))
def test_a_capture_cut_anywhere_keeps_its_whole_packets(pieces, block_bytes):
    data = b"".join(piece for piece, _ in pieces)
    ends = [sum(len(piece) for piece, _ in pieces[: i + 1]) for i in range(len(pieces))]
    for size in range(len(data) + 1):
        if size < (24 if data[0] != 0x0A else 12):
            with pytest.raises(InputError, match="expected a capture"):
                read(data[:size], block_bytes)
            continue
        packets, found = read(data[:size], block_bytes)
        assert packets == [packet for (_, packet), end in zip(pieces, ends, strict=True) if packet and end <= size]
        assert sum(found.values()) == (size not in ends)
        assert set(found) <= set(ENDS_INSIDE)


@settings(max_examples=200, deadline=None)
@given(
    pieces=st.one_of(pcaps(), pcapngs()),
    flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), min_size=1, max_size=8),
    pack=st.sampled_from([bytes, gzip.compress, lzma.compress]),
)
def test_flipped_bytes_never_raise(pieces, flips, pack):
    data = bytearray(pack(b"".join(piece for piece, _ in pieces)))
    for place, bits in flips:
        data[place % len(data)] ^= bits
    before, sys.stdin = sys.stdin, SimpleNamespace(buffer=io.BytesIO(bytes(data)))
    try:
        for block in read_capture("-", block_bytes=128):
            fields = dissect(block)
            assert sum(faults(fields).values()) >= (fields["status"] != 0).sum()
    except InputError:
        pass
    finally:
        sys.stdin = before
