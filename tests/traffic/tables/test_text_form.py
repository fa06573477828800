"""Tables and tables of labels as others write them: encodings, separators, decimal commas."""

import pytest

from netdiffus.errors import InputError
from netdiffus.traffic.labels.table import MapLabels
from netdiffus.traffic.tables import text_form
from netdiffus.traffic.tables.columns import parse_columns
from netdiffus.traffic.tables.files import read_table_file
from netdiffus.traffic.tables.traces import traces_of_table

TEXT = "flow,app,when,bytes\r\n1,Web – Übung,0.25,517\r\n1,Web – Übung,0.50,1448\r\n2,dns,1.00,40\r\n"
COLUMNS = parse_columns("trace_id=flow,label=app,time_s=when,size=bytes")


@pytest.mark.parametrize(
    ("encoding", "separator", "note"),
    [
        ("utf-8", ",", ""),
        ("utf-8-sig", ",", ""),
        ("cp1252", ",", "t.csv: read as Windows-1252"),
        ("utf-16", ",", "t.csv: read as UTF-16"),
        ("utf-16-le", ",", "t.csv: read as UTF-16"),
        ("utf-16-be", "\t", "t.csv: read as UTF-16, cells separated by tabs"),
        ("utf-32", ",", "t.csv: read as UTF-32"),
        ("utf-8", ";", "t.csv: read as cells separated by semicolons"),
        ("cp1252", ";", "t.csv: read as Windows-1252, cells separated by semicolons"),
        ("utf-8-sig", "\t", "t.csv: read as cells separated by tabs"),
    ],
)
def test_every_form_gives_the_same_table(encoding, separator, note, tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(TEXT.replace(",", separator).encode(encoding))
    file = read_table_file(path)
    traces = traces_of_table(file.frame, COLUMNS).traces
    assert traces["label"].to_list() == ["Web – Übung", "dns"]
    assert traces["size"].to_list() == [[517, 1448], [40]]
    assert file.note == note
    (tmp_path / "labels.csv").write_bytes("file,label\none.pcap,Web – Übung\n".replace(",", separator).encode(encoding))
    labels = MapLabels.read(tmp_path / "labels.csv")
    assert labels.table["label"].to_list() == ["Web – Übung"]
    assert labels.notes == ([note.replace("t.csv", "labels.csv")] if note else [])


def test_text_that_is_windows_1252_far_behind_the_beginning(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(text_form, "CHUNK_BYTES", 7)  # pieces that end inside lines
    rows = "".join(f"{n},web,{n},1\n" for n in range(20_000))
    (tmp_path / "t.csv").write_bytes(f"flow,app,when,bytes\n{rows}7,Web – x,1,2\n".encode("cp1252"))
    file = read_table_file(tmp_path / "t.csv")
    assert file.note == "t.csv: read as Windows-1252"
    assert file.frame["app"].to_list()[-1] == "Web – x"


def test_decimal_commas_where_semicolons_separate(tmp_path) -> None:
    text = "flow;app;when;bytes\n1;web;0,25;517\n1;web;0,5;1448\n"
    (tmp_path / "t.csv").write_text(text)
    file = read_table_file(tmp_path / "t.csv")
    assert traces_of_table(file.frame, COLUMNS).traces["gap_ns"].to_list() == [[0, 250_000_000]]
    assert file.note.endswith("cells separated by semicolons, decimal commas")
    (tmp_path / "t.csv").write_text("label;size\nweb;1,2,3\nweb;4,5\n")
    assert traces_of_table(read_table_file(tmp_path / "t.csv").frame, {}).traces["size"].to_list() == [
        [1, 2, 3],
        [4, 5],
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            b"label,size\nw,1\nx\x81y,2\n",
            "text in UTF-8 or Windows-1252; got 0x81 in line 3 of .*t.csv; save the table as",
        ),
        (
            "label,size\nwéb,1\n".encode() + b"x\x96y,2\n",
            "one encoding throughout .*; got UTF-8 in line 2 and something e",
        ),
        ("label,size\nweb,1\nx,2\n".encode("utf-16")[:-1], "text in UTF-8 or UTF-16; got 0x0a in line 3 of .*t.csv"),
        (b"\x1f\x8b\x08\0\0\0", "a table of text; got .*t.csv, which is compressed; decompress it first"),
        (
            b"label,size\nweb,1\nx,2,3\n",
            r"2 cells in every row of t.csv, .*; got 3 in line 3; put cells that hold the sep",
        ),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(data, words, tmp_path) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(InputError, match=words):
        read_table_file(tmp_path / "t.csv")


def test_a_row_is_found_behind_cells_of_several_lines(tmp_path) -> None:
    (tmp_path / "t.csv").write_text('label,size\nweb,"[1\n 2]"\nweb,"[3,\n4]"\ndns,[x]\n')
    file = read_table_file(tmp_path / "t.csv")
    read = traces_of_table(file.frame, {}, place=file.place)
    assert read.notes == ["the first cell that cannot be used is in line 6: size is '[x]'"]
    assert read.traces["size"].to_list() == [[1, 2], [3, 4]]


def test_json_lines_in_utf_16(tmp_path) -> None:
    (tmp_path / "t.jsonl").write_bytes('{"label": "wéb", "size": [1, 2]}\n'.encode("utf-16"))
    file = read_table_file(tmp_path / "t.jsonl")
    assert file.frame.to_dicts() == [{"label": "wéb", "size": [1, 2]}]
    assert (file.note, file.place(0)) == ("t.jsonl: read as UTF-16", "line 1")
