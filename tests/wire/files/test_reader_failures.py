"""Captures that cannot be read: refused at once, or read as far as they go, in little memory."""

import gzip
import tracemalloc

import pytest

from netdiffus.errors import InputError
from netdiffus.wire.files.reader import Packet, read_capture
from netdiffus.wire.files.writer import write_pcap


@pytest.mark.parametrize(
    "content", [b"", b"Dear reader", b"\xd4\xc3\xb2\xa1\x02\0", b"\n\r\r\n", gzip.compress(b"text", mtime=0)]
)
def test_what_is_no_capture_is_refused_at_once(tmp_path, content):
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    with pytest.raises(
        InputError, match=r"expected a capture \(pcap or pcapng.*got .*letter\.txt, which (is empty|begins)"
    ):
        read_capture(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no\.pcap: No such file"):
        read_capture(tmp_path / "no.pcap")
    with pytest.raises(InputError, match="Is a directory"):
        read_capture(tmp_path)


def test_a_disk_that_fails_on_the_way_costs_only_the_rest(tmp_path):
    path = tmp_path / "x.pcap"
    write_pcap(path, [Packet(i, b"x" * 1000, 1000) for i in range(100)])
    capture = read_capture(path, block_bytes=4096)
    source = capture._source

    class Failing:
        def __init__(self, file):
            self.file, self.left = file, 10_000
            self.close = file.close

        def readinto(self, view):
            if self.left <= 0:
                raise OSError(5, "Input/output error")
            n = self.file.readinto(view[: self.left])
            self.left -= n
            return n

    source._file = Failing(source._file)
    assert sum(len(block) for block in capture) == 9
    assert dict(capture.faults) == {
        "file cannot be read further (Input/output error)": 1,
        "file ends inside a packet record": 1,
    }


def test_an_iteration_that_is_left_closes_the_file(tmp_path):
    path = tmp_path / "x.pcap"
    write_pcap(path, [Packet(i, b"x" * 1000, 1000) for i in range(100)])
    capture = read_capture(path, block_bytes=4096)
    blocks = iter(capture)
    next(blocks)
    blocks.close()
    assert capture._source._file.closed


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "x.pcap"
    write_pcap(path, (Packet(i, b"x" * 1000, 1000) for i in range(40_000)))
    tracemalloc.start()
    try:
        assert sum(len(block) for block in read_capture(path)) == 40_000
        assert tracemalloc.get_traced_memory()[1] < 8 << 20  # of a file of 40 MB
    finally:
        tracemalloc.stop()
