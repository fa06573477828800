"""Labels of captures."""

from pathlib import Path

import polars as pl
import pytest

from netdiffus.errors import InputError
from netdiffus.traffic.labels.rules import (
    FileLabels,
    FolderLabels,
    MapLabels,
    bare_name,
    blank_names,
    is_capture_name,
    label_rule,
)

FLOWS = pl.DataFrame(
    {
        "protocol": ["tcp", "udp"],
        "client": ["10.0.0.1", "10.0.0.1"],
        "client_port": [40000, 5353],
        "server": ["10.0.0.2", "10.0.0.3"],
        "server_port": [443, 53],
    }
)


def test_names_of_captures() -> None:
    names = ["a.pcap", "a.pcapng.xz", "a.PCAP.gz", "a.cap", "a.csv", "a.xz", "pcap"]
    assert [is_capture_name(Path(name)) for name in names] == [True, True, True, True, False, False, False]
    assert bare_name(Path("x/monday.web.pcap.xz")) == "monday.web"


def test_folder_and_file() -> None:
    assert label_rule("folder")(Path("data/web/one.pcap"), FLOWS).to_list() == ["web", "web"]
    assert label_rule("file")(Path("data/web/one.pcap"), FLOWS).to_list() == ["one", "one"]


def test_table_of_files(tmp_path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("file,label\none.pcap,web\n")
    rule = label_rule(str(table))
    assert rule(Path("data/one.pcap"), FLOWS).to_list() == ["web", "web"]
    assert rule(Path("data/two.pcap"), FLOWS).to_list() == [None, None]


def test_table_of_5_tuples(tmp_path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("protocol,client,client_port,server,server_port,label\ntcp,10.0.0.1,40000,10.0.0.2,443,web\n")
    assert MapLabels.read(table)(Path("x.pcap"), FLOWS).to_list() == ["web", None]


def test_errors(tmp_path) -> None:
    with pytest.raises(InputError, match="'folder', 'file' or a CSV table"):
        label_rule("flie")
    (tmp_path / "bad.csv").write_text("name,class\na,b\n")
    with pytest.raises(InputError, match="the columns file,label or"):
        label_rule(str(tmp_path / "bad.csv"))


def test_blanks_at_the_ends_of_folders_and_names_do_not_count(tmp_path) -> None:
    flows = pl.DataFrame({"flow": [0, 1]})
    capture = tmp_path / "web " / " chat .pcap"
    assert FolderLabels()(capture, flows).to_list() == ["web"] * 2
    assert FileLabels()(capture, flows).to_list() == ["chat"] * 2
    assert blank_names(FolderLabels(), [capture, tmp_path / "dns" / "x.pcap"]) == [
        "label 'web ' has blanks at its ends; it is taken as 'web'"
    ]
    assert blank_names(FileLabels(), [capture]) == ["label ' chat ' has blanks at its ends; it is taken as 'chat'"]
    assert FolderLabels()(tmp_path / "  " / "x.pcap", flows).null_count() == 2
