"""Tables of labels: files, ends of flows in either order, times, wildcards, and rows that fit nothing."""

from pathlib import Path

import polars as pl
import pytest

from netdiffus.errors import InputError
from netdiffus.traffic.labels.table import MapLabels
from netdiffus.traffic.labels.times import TimeFormat

SECOND = 10**9
FLOWS = pl.DataFrame(
    {
        "protocol": ["tcp", "udp", "tcp", "tcp"],
        "client": ["10.0.0.1", "10.0.0.1", "2001:db8::1", "10.0.0.1"],
        "client_port": [40000, 5353, 40001, 40000],
        "server": ["10.0.0.2", "10.0.0.3", "2001:db8::2", "10.0.0.2"],
        "server_port": [443, 53, 443, 443],
        "start_ns": [100 * SECOND, 200 * SECOND, 300 * SECOND, 400 * SECOND],
    }
)
HEADER = "protocol,client,client_port,server,server_port,label\n"


@pytest.fixture
def labelled(tmp_path):
    """The labels of FLOWS in a capture web/one.pcap, by a table of this text."""

    def by(text: str, capture: str = "web/one.pcap.xz") -> list[str | None]:
        (tmp_path / "labels.csv").write_text(text)
        by.table = MapLabels.read(tmp_path / "labels.csv")
        return by.table(Path(capture), FLOWS).to_list()

    return by


def test_ends_may_stand_either_way_round(labelled) -> None:
    assert labelled(HEADER + "tcp,10.0.0.1,40000,10.0.0.2,443,web\n") == ["web", None, None, "web"]
    assert labelled(HEADER + "tcp,10.0.0.2,443,10.0.0.1,40000,web\n") == ["web", None, None, "web"]
    assert labelled(HEADER + "tcp,10.0.0.2,40000,10.0.0.1,443,web\n") == [None] * 4


def test_protocols_by_number_and_addresses_in_any_form(labelled) -> None:
    assert labelled(HEADER + "6,2001:DB8:0:0::1,40001,2001:db8:0::2,443,web\n") == [None, None, "web", None]
    assert labelled(HEADER + "UDP, 10.0.0.1 ,5353,10.0.0.3,53,dns\n") == [None, "dns", None, None]


def test_an_empty_cell_or_an_absent_column_fits_everything(labelled) -> None:
    assert labelled(HEADER + "tcp,,,,443,web\n,,,10.0.0.3,,dns\n") == ["web", "dns", "web", "web"]
    assert labelled("server_port,label\n53,dns\n443,web\n") == ["web", "dns", "web", "web"]
    assert labelled("protocol,label\ntcp,web\n") == ["web", None, "web", "web"]
    assert labelled(HEADER + ",,,,,rest\n") == ["rest"] * 4


def test_the_row_that_starts_latest_counts_and_then_the_first(labelled) -> None:
    assert labelled(HEADER + "tcp,10.0.0.1,,,,chat\ntcp,,,,443,web\n") == ["chat", None, "web", "chat"]
    rows = "tcp,10.0.0.1,40000,10.0.0.2,443,first,100000000000\ntcp,10.0.0.1,40000,10.0.0.2,443,later,400000000000\n"
    text = "protocol,client,client_port,server,server_port,label,start_ns\n" + rows
    assert labelled(text) == ["first", None, None, "later"]


@pytest.mark.parametrize(
    "rows",
    [
        "start,end,label\n150,300,mid\n",
        "start,end,label\n150.5,300.000,mid\n",
        "start,end,label\n1970-01-01T00:02:30,1970-01-01 00:05:00,mid\n",
        "start,end,label\n1970-01-01T02:02:30+02:00,1970-01-01T00:05:00Z,mid\n",
        "start_ns,end_ns,label\n150000000000,300000000000,mid\n",
    ],
)
def test_times(labelled, rows) -> None:
    assert labelled(rows) == [None, "mid", "mid", None]


def test_one_side_of_a_time_may_be_open(labelled) -> None:
    assert labelled("start,end,label\n,199.999999999,early\n300,,late\n") == ["early", None, "late", "late"]


@pytest.mark.parametrize("name", ["one.pcap.xz", "one", "web/one.pcap.xz"])
def test_files_by_name_bare_name_and_end_of_path(labelled, name) -> None:
    assert labelled(f"file,label\n{name},web\n") == ["web"] * 4
    assert labelled(f"file,label\n{name},web\n", "data/web/two.pcap") == [None] * 4
    assert labelled(f"file,server_port,label\n{name},443,web\n") == ["web", None, "web", "web"]


def test_rows_that_fit_nothing_are_counted(labelled) -> None:
    labelled("file,server_port,label\none,443,web\ntwo,443,web\n,99,odd\n,,rest\n")
    assert by_words(labelled.table) == {"names a file that no source has": 1, "fits no flow": 1}
    labelled("server_port,label\n443,web\n")
    assert labelled.table.unused() == {}


def by_words(table: MapLabels) -> dict[str, int]:
    return {words.removeprefix("row of the labels "): count for words, count in table.unused().items()}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,class\na,b\n", "the columns file,label or protocol,client,.*; got name,class; add the header"),
        ("label\nweb\n", "the columns file,label or"),
        ("file,label\na,\nb,x\n", "a label in every row .*; got 1 rows without"),
        (HEADER + "tcp,10.0.0.1,66000,,,x\n", "a port from 0 to 65535 in the column client_port .*; got '66000'"),
        (HEADER + "tcp,10.0.0,1,,,x\n", "an IPv4 or IPv6 address in the column client .*; got '10.0.0'"),
        ("start,label\nyesterday,x\n", "a time .ISO 8601 or seconds since 1970. in .*; got 'yesterday'"),
        ("start_ns,label\n1.5,x\n", "a time .whole nanoseconds. in .*; got '1.5'"),
        ("end,label\n1e30,x\n", "a time .* got '1e30'"),
        ("end,label\nnan,x\n", "a time .* got 'nan'"),
        ("", "a CSV table in"),
    ],
)
def test_what_is_refused(labelled, text, words) -> None:
    with pytest.raises(InputError, match=words):
        labelled(text)


CIC = (
    " Source IP, Source Port, Destination IP, Destination Port, Protocol, Timestamp, Flow Duration, Label\r\n"
    "10.0.0.2,443,10.0.0.1,40000,6,{0},5,BENIGN\r\n"
    ",,,,,,,\r\n"
    " Source IP, Source Port, Destination IP, Destination Port, Protocol, Timestamp, Flow Duration, Label\r\n"
    "10.0.0.1,5353,10.0.0.3,53,17,{1},Infinity,Bot\r\n"
)


def test_columns_of_cicflowmeter_with_empty_rows_and_header_lines(tmp_path) -> None:
    (tmp_path / "cic.csv").write_text(CIC.format("1970-01-01T00:01:40", "200"))
    rule = MapLabels.read(tmp_path / "cic.csv")
    assert rule(Path("one.pcap"), FLOWS).to_list() == ["BENIGN", "Bot", None, "BENIGN"]
    assert rule.notes == ["cic.csv: 2 rows are empty or repeat the header line"]


@pytest.mark.parametrize(
    ("format", "offset", "first", "second"),
    [
        ("%d/%m/%Y %H:%M", None, "1/1/1970 0:01", "01/01/1970 00:03"),
        ("%d/%m/%Y %H:%M", "-03:00", "31/12/1969 21:01", "31/12/1969 21:03"),
        ("%d/%m/%Y %I:%M:%S %p", "+5:30", "1/1/1970 5:31:40 AM", "01/01/1970 05:33:20 am"),
        ("%m-%d-%y %H:%M %z", "+9", "01-01-70 02:01 +0200", "01-01-70 00:03 +0000"),
        (None, "2", "1970-01-01 02:01:40", "1970-01-01T00:03:20Z"),
    ],
)
def test_formats_and_offsets_of_times(format, offset, first, second, tmp_path) -> None:
    (tmp_path / "cic.csv").write_text(CIC.format(first, second))
    rule = MapLabels.read(tmp_path / "cic.csv", TimeFormat.of(format, offset))
    assert rule(Path("one.pcap"), FLOWS).to_list() == ["BENIGN", "Bot", None, "BENIGN"]
    late = FLOWS.with_columns(pl.lit(59 * SECOND).alias("start_ns"))
    assert rule(Path("one.pcap"), late).to_list() == [None] * 4


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (
            "3/7/2017 9:00",
            r"'3/7/2017 9:00' in line 2; pass --time-format '%d/%m/%Y %H:%M' .day first.* or '%m/%d/%Y %H:%M'",
        ),
        ("13/7/2017 9:00:05", r"in line 2; pass --time-format '%d/%m/%Y %H:%M:%S', and --utc-offset"),
        ("07.31.2017 9:00 PM", r"pass --time-format '%m.%d.%Y %I:%M %p'"),
        ("noon", "got 'noon' in line 2; correct it, leave it empty, or name its format with --time-format"),
        ("1e999999999", "a time .ISO 8601 or seconds since 1970."),
    ],
)
def test_times_of_other_formats_are_named_with_the_option(cell, words, tmp_path) -> None:
    (tmp_path / "cic.csv").write_text(CIC.format(cell, "200"))
    with pytest.raises(InputError, match=words):
        MapLabels.read(tmp_path / "cic.csv")


@pytest.mark.parametrize(
    ("format", "offset", "words"),
    [
        ("%Q", None, "a format of times .* got '%Q'"),
        ("noon", None, "a format of times .* got 'noon'"),
        (None, "15", r"--utc-offset from -14:00 to \+14:00; got 15"),
        (None, "east", "got east; write it as -03:00"),
    ],
)
def test_options_of_times_are_checked(format, offset, words) -> None:
    with pytest.raises(InputError, match=words):
        TimeFormat.of(format, offset)


def test_labels_of_a_table_lose_their_blanks_with_a_note(labelled) -> None:
    assert labelled("protocol,label\ntcp,web \nudp,dns\n") == ["web", "dns", "web", "web"]
    assert labelled.table.notes == ["labels.csv: label 'web ' has blanks at its ends; it is taken as 'web', in 1 rows"]


def test_cells_that_cannot_be_read_are_named_with_their_line(labelled) -> None:
    with pytest.raises(
        InputError, match=r"a port from 0 to 65535 in the column server_port .* got 'x' in line 3; correct it"
    ):
        labelled("server_port,label\n53,a\nx,b\n")
    with pytest.raises(InputError, match=r"a label in every row .*; got 1 rows without, the first in line 3; add it"):
        labelled("server_port,label\n53,a\n80,\n")
