"""nPrint's text files: what is written is spelled out by hand, comes back, and what is no such file says why."""

import contextlib
import lzma

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.errors import InputError
from netdiffus.wire.headers.addresses import address_number
from netdiffus.wire.nprint import text as nprint_text
from netdiffus.wire.nprint.bits import BitRows, pack, unpack
from netdiffus.wire.nprint.columns import HEADERS, layout
from netdiffus.wire.nprint.text import NO_LABELS, TextReader, TextWriter

UDP = layout(["udp"])
SECOND, SECONDS = 1_700_000_000 * 10**9, "1700000000"


def rows_of(columns, matrix, sources, time_ns=None) -> BitRows:
    numbers = np.array([address_number(text) for text in sources], np.uint64).reshape(-1, 2)
    times = None if time_ns is None else np.array(time_ns, np.int64)
    return BitRows(columns, *pack(np.array(matrix, np.int8)), numbers, times)


def read(path) -> tuple[list[BitRows], np.ndarray, list[tuple[int, ...]], list[int] | None]:
    blocks = list(TextReader(path))
    matrix = np.concatenate([unpack(rows.bits, rows.present) for rows in blocks])
    source = [tuple(pair) for rows in blocks for pair in rows.source.tolist()]
    times = None if blocks[0].time_ns is None else [t for rows in blocks for t in rows.time_ns.tolist()]
    return blocks, matrix, source, times


def write(path, *blocks: BitRows, timestamps="none"):
    writer = TextWriter(blocks[0].layout, timestamps)
    path.write_bytes(writer.header + b"".join(writer.lines(rows) for rows in blocks))
    return path


def test_the_text_letter_by_letter() -> None:
    matrix = [[1, 0, 1, 1, 0, 0, 0, 1, *[0] * 8, *[-1] * 32, -1, 1, 0, -1, -1, 1, 1, 0, *[1] * 8]]
    block = rows_of(UDP, matrix, ["192.0.2.7"])
    writer = TextWriter(UDP)
    names = [f"udp_{field}_{bit}" for field in ("sport", "dport", "len", "cksum") for bit in range(16)]
    assert writer.header.decode() == ",".join(["src_ip", *names]) + "\n"
    line = "192.0.2.7,1,0,1,1,0,0,0,1," + "0," * 8 + "-1," * 32 + "-1,1,0,-1,-1,1,1,0," + "1," * 7 + "1\n"
    assert bytes(writer.lines(block)).decode() == line


@pytest.mark.parametrize(
    ("timestamps", "names", "firsts"),
    [
        ("none", [], [[], [], [], []]),
        ("absolute", ["tv_sec", "tv_usec"], [[SECONDS, "0"], [SECONDS, "1"], ["1700000002", "999999"], ["0", "5"]]),
        ("relative", ["rts"], [["0"], ["1"], ["2999998"], ["-1700000002999994"]]),
    ],
)  # fmt: skip
def test_timestamps(timestamps, names, firsts) -> None:
    times = [SECOND + 999, SECOND + 1000, SECOND + 2_999_999_999, 5_000]
    parts = [[[1] * 64] * 2, [[0] * 64] * 2]
    writer = TextWriter(UDP, timestamps)
    assert writer.header.decode().split(",")[: 2 + len(names)] == ["src_ip", *names, "udp_sport_0"]
    text = b""
    for k, part in enumerate(parts):  # the state of relative times lives on from block to block
        text += bytes(writer.lines(rows_of(UDP, part, ["::1", "10.0.0.1"], times[2 * k : 2 * k + 2])))
    lines = [line.split(",") for line in text.decode().splitlines()]
    assert [line[1 : 1 + len(names)] for line in lines] == firsts
    assert [line[0] for line in lines] == ["::1", "10.0.0.1"] * 2


def test_relative_times_add_up(tmp_path) -> None:
    block = rows_of(UDP, [[1] * 64] * 3, ["::1"] * 3, [SECOND, SECOND + 7_000, SECOND + 4_000])
    *_, times = read(write(tmp_path / "x.nprint", block, timestamps="relative"))
    assert times == [0, 7_000, 4_000]


@settings(max_examples=50, deadline=None)
@given(
    headers=st.sets(st.sampled_from(list(HEADERS)), min_size=1),
    payload_bytes=st.integers(0, 3),
    n=st.integers(1, 30),
    seed=st.integers(0, 2**32 - 1),
    chunk=st.sampled_from([1, 5000, 1 << 20]),
)
def test_what_is_written_comes_back(tmp_path_factory, headers, payload_bytes, n, seed, chunk) -> None:
    columns = layout(headers, payload_bytes)
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-1, 2, (n, len(columns.columns)))
    sources = [["192.0.2.1", "2001:db8::5", "::ffff:0:0"][k] for k in rng.integers(0, 3, n)]
    block = rows_of(columns, matrix, sources, rng.integers(0, 2**61, n) // 1000 * 1000)
    path = write(tmp_path_factory.mktemp("round") / "x.nprint", block, timestamps="absolute")
    before = nprint_text.CHUNK_BYTES
    nprint_text.CHUNK_BYTES = chunk
    try:
        blocks, again, source, times = read(path)
    finally:
        nprint_text.CHUNK_BYTES = before
    assert blocks[0].layout == columns
    assert again.tolist() == matrix.tolist()
    assert source == [tuple(pair) for pair in block.source.tolist()]
    assert times == block.time_ns.tolist()


def test_files_as_other_tools_leave_them(tmp_path) -> None:
    names, line = UDP.columns, ["1"] * 63 + ["-1"]
    cases = {
        "windows": ("\r\n", ["src_ip", *names], ["1.2.3.4", *line]),
        "pandas": ("\n", ["", *names], ["0", *line]),
        "old": ("\n", ["ip", *names], ["1.2.3.4", *line]),
        "flow": ("\n", ["flow", *names], ["1.2.3.4_5.6.7.8_1_2_UDP", *line]),
        "other order": ("\n", ["src_ip", *names[::-1]], ["1.2.3.4", *line[::-1]]),
    }
    for name, (end, head, values) in cases.items():
        (tmp_path / name).write_text(end.join([",".join(head), ",".join(values), ",".join(values)]), newline="")
        _, matrix, source, times = read(tmp_path / name)
        assert matrix.tolist() == [[1] * 63 + [-1]] * 2, name
        assert times is None
        assert source == [(0, 0xFFFF01020304) if head[0] in ("src_ip", "ip") else (0, 0)] * 2, name
    (tmp_path / "x.nprint.xz").write_bytes(lzma.compress((tmp_path / "windows").read_bytes() + b"\n\n"))
    assert len(read(tmp_path / "x.nprint.xz")[1]) == 2


def test_columns_that_are_missing_are_absent(tmp_path) -> None:
    """NetDiffusion's files lack the addresses."""
    full = layout(["ipv4", "udp"])
    kept = [name for name in full.columns if not name.startswith(("ipv4_src", "ipv4_dst"))]
    (tmp_path / "x.nprint").write_text(f",{','.join(kept)}\n0,{','.join('1' for _ in kept)}\n")
    blocks, matrix, _, _ = read(tmp_path / "x.nprint")
    assert blocks[0].layout == full
    expected = np.ones(len(full.columns), int)
    expected[full.fields["ipv4_src"]] = expected[full.fields["ipv4_dst"]] = -1
    assert matrix[0].tolist() == expected.tolist()


def test_payload_under_both_of_its_names(tmp_path) -> None:
    for name in ("payload_bit", "payload"):
        head = ",".join(f"{name}_{bit}" for bit in range(12))
        (tmp_path / "x.nprint").write_text(f"src_ip,{head}\n1.1.1.1,{','.join('1' * 12)}\n")
        blocks, matrix, _, _ = read(tmp_path / "x.nprint")
        assert blocks[0].layout == layout([], 2)
        assert matrix.tolist() == [[1] * 12 + [-1] * 4]


HEAD = ",".join(["src_ip", *UDP.columns])
GOOD = "1.2.3.4" + ",0" * 64


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "got no column of a header; name a file that nprint or"),
        (f"{GOOD}\n{GOOD}\n", r"expected a header line of nPrint columns .* got '1.2.3.4'"),
        (f"{HEAD},tcp_sprt_16\n", "got 'tcp_sprt_16'"),
        (f"{HEAD},wlan_fc_0\n", "got 'wlan_fc_0'"),
        ("src_ip,tv_sec\n1.2.3.4,5\n", "got no column of a header"),
        (f"{HEAD},udp_len_3\n", "expected each column once in x.nprint; got udp_len_3 several times"),
        ("src_ip,payload_bit_999999\n", "expected up to 65535 bytes of payload in x.nprint; got 125000"),
        (f"{HEAD}\n{GOOD}\n{GOOD[:-1]}2\n", "-1, 0 or 1 in every column of a header of x.nprint; got '2' in row 2"),
        (f"{HEAD}\n{GOOD[:-1]}-2\n", "got '-2' in row 1"),
        (f"{HEAD}\n{GOOD[:-1]}-1\n{GOOD[:-1]}1.5\n", "got '1.5' in row 2"),
        (f"{HEAD}\n{GOOD[:-2]},\n", "got '' in row 1"),
        (f"{HEAD}\n{GOOD}\n{GOOD[:-2]}\n", "expected 65 values in every row of x.nprint; got 64 in row 2"),
        (f"{HEAD}\n{GOOD},0\n", "expected 65 values in every row of x.nprint; got 66 in row 1"),
        (f"{HEAD}\n{GOOD}\n1.2.3.4,0,1", "got 3 in row 2; make the file again; it may be cut"),
        (f"{HEAD}\n{GOOD}\n\n{GOOD}\n", "got 1 in row 2"),
        (f"{HEAD.replace('ip,', 'ip,rts,')}\n{GOOD.replace('4,', '4,0.5,', 1)}\n", "whole numbers as timestamps"),
        ("\0" * 5000, "expected a header line"),
    ],
)  # fmt: skip
def test_what_is_no_nprint_file(tmp_path, text, said) -> None:
    (tmp_path / "x.nprint").write_text(text)
    with pytest.raises(InputError, match=said):
        list(TextReader(tmp_path / "x.nprint"))


def test_a_row_without_end(tmp_path) -> None:
    (tmp_path / "x.nprint").write_text(HEAD + "\n" + "1" * (nprint_text.CHUNK_BYTES + 100))
    with pytest.raises(InputError, match=r"expected 65 values in every row of x\.nprint; got 1 in row 1"):
        list(TextReader(tmp_path / "x.nprint"))


def test_times_that_the_rows_do_not_have() -> None:
    with pytest.raises(InputError, match="expected rows with timestamps; got a file that has none"):
        TextWriter(UDP, "absolute").lines(rows_of(UDP, [[1] * 64], ["::1"]))
    with pytest.raises(InputError, match="expected timestamps among none, absolute, relative; got both"):
        TextWriter(UDP, "both")


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 2000), value=st.binary(min_size=1, max_size=3), cut=st.integers(0, 400))
def test_no_damage_breaks_the_reader(tmp_path_factory, place, value, cut) -> None:
    text = (HEAD + "\n" + f"{GOOD}\n" * 3).encode()
    place %= len(text)
    path = tmp_path_factory.mktemp("damage") / "x.nprint"
    path.write_bytes((text[:place] + value + text[place + len(value) :])[: len(text) - cut])
    with contextlib.suppress(InputError):
        for rows in TextReader(path):
            assert rows.bits.shape == rows.present.shape
            assert not (rows.bits & ~rows.present).any()


def test_rows_without_an_index_with_a_label_and_values_as_floats(tmp_path) -> None:
    """As NetDiffusion's script writes them."""
    values = ["1", "0", "-1"] * 21 + ["1"]
    expected = [int(value) for value in values]
    forms = {
        "no index": (UDP.columns, values, {}),
        "label": (["src_ip", *UDP.columns, "label"], ["1.2.3.4", *values, "web"], {NO_LABELS: 1}),
        "class, no index": ([*UDP.columns, "Class"], [*values, ""], {NO_LABELS: 1}),
        "floats": (UDP.columns, [f"{value}.0" for value in values], {}),
        "floats with label": (
            ["Unnamed: 0", *UDP.columns, "label"],
            ["0", *(f"{v}.00" for v in values), "x"],
            {NO_LABELS: 1},
        ),
        "floats of time": (["src_ip", "tv_sec", "tv_usec", *UDP.columns], ["1.2.3.4", "7.0", "5.0", *values], {}),
    }
    for name, (head, row, faults) in forms.items():
        for end in ("\n", "\r\n", ""):
            (tmp_path / "x.nprint").write_text(
                "\n".join([",".join(head), ",".join(row), ",".join(row)]) + end, newline=""
            )
            reader = TextReader(tmp_path / "x.nprint")
            blocks = list(reader)
            assert np.concatenate([unpack(rows.bits, rows.present) for rows in blocks]).tolist() == [expected] * 2, name
            assert dict(reader.source.faults) == faults, name
            assert "time" not in name or blocks[0].time_ns.tolist() == [7_000_005_000] * 2


@pytest.mark.parametrize("value", ["1.5", "0.01", "1..0", "0.0.0", "-1.1", "1e0", ".0"])
def test_values_that_are_no_bits_as_floats(value, tmp_path) -> None:
    (tmp_path / "x.nprint").write_text(f"{','.join(UDP.columns)}\n{value}{',0' * 63}\n")
    with pytest.raises(InputError, match=f"-1, 0 or 1 in every column .*; got '{value}' in row 1"):
        list(TextReader(tmp_path / "x.nprint"))
