"""Many packets at a time into pcap and pcapng, read again by this project and by dpkt."""

import io

import dpkt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.errors import InputError
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.records import RecordWriter

PACKETS = st.lists(st.tuples(st.binary(max_size=70), st.integers(0, 2**32 * 10**9 - 1)), max_size=9)


def write(form: str, packets, comment=None, comments=("label: web", "é" * 3, "")) -> bytes:
    file = io.BytesIO()
    writer = RecordWriter(file, form, 1, comment="synthetic, of a test", comments=comments)
    size = np.array([len(data) for data, _ in packets], np.int64)
    data = np.frombuffer(b"".join(data for data, _ in packets) or b"\0", np.uint8)
    times = np.array([time for _, time in packets], np.int64)
    writer.write(data, np.cumsum(size) - size, size, times, None if comment is None else np.array(comment, np.int64))
    return file.getvalue()


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


@pytest.mark.parametrize(("time", "words"), [(-1, "times from 1970 to 2106"), (2**32 * 10**9, "start the capture")])
def test_times_that_do_not_fit(time, words) -> None:
    with pytest.raises(InputError, match=words):
        write(".pcap", [(b"", time)])
    if time > 0:
        assert write(".pcapng", [(b"", time)])


def test_forms_that_are_not_known() -> None:
    with pytest.raises(InputError, match=r"suffix \.pcap or \.pcapng; got '\.erf'; name such a file"):
        RecordWriter(io.BytesIO(), ".erf", 1)
