"""Tables of labels: files, ends of flows in either order, times, wildcards, and rows that fit nothing."""

from pathlib import Path

import polars as pl
import pytest

from netdiffus.errors import InputError
from netdiffus.traffic.labelmap import MapLabels

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
