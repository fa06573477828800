"""Rotated captures: the files of a tap give what they gave before they were cut."""

from pathlib import Path

import pytest

from netdiffus import prepare, recordings
from netdiffus.errors import InputError
from netdiffus.spread import one_by_one
from netdiffus.steps.prepare import prepare as step
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.rotation import first_time_ns
from netdiffus.wire.files.writer import write_pcap


def cut(folder: Path, label: str, names: list[str]) -> Path:
    """A recording in files of a folder of its label, in order of time; names are not in that order."""
    packets = [
        packet for path in recordings.captures()[label] for block in read_capture(path) for packet in block.packets()
    ]
    packets.sort(key=lambda packet: packet.time_ns)
    (folder / label).mkdir(parents=True)
    for number, name in enumerate(names):
        begin, end = (len(packets) * k // len(names) for k in (number, number + 1))
        with (folder / label / name).open("wb") as file:
            write_pcap(file, packets[begin:end])
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return cut(cut(tmp_path_factory.mktemp("whole"), "ssh", ["s.pcap"]), "dns", ["d.pcap"])


@pytest.fixture(scope="module")
def rotated(tmp_path_factory) -> Path:
    return cut(
        cut(tmp_path_factory.mktemp("cut"), "ssh", ["s9.pcap", "s1.pcap", "s5.pcap"]), "dns", ["b.pcap", "a.pcap"]
    )


@pytest.mark.parametrize("options", [{"packets": "all"}, {"bins": 100.0}, {"payload_shapes": True, "packets": 8}])
def test_flows_go_on_in_the_next_file(whole, rotated, tmp_path, options) -> None:
    prepare(whole, tmp_path / "whole", **options)
    prepare(rotated, tmp_path / "joined", rotated=True, **options)
    prepare(rotated, tmp_path / "apart", **options)
    config = PrepareConfig.of(rotated=True, **options)
    list(step([rotated], tmp_path / "parts", config, one_by_one))  # the way of a cluster: each tap is read apart
    (card, traces), (joined, of_joined), (_, of_parts), (_, of_apart) = (
        read_dataset(tmp_path / name) for name in ("whole", "joined", "parts", "apart")
    )
    assert traces.drop("source").equals(of_joined.drop("source"))
    assert of_parts.equals(of_joined)
    assert len(of_apart) > len(of_joined)
    if "bins" not in options:
        assert read_packets(tmp_path / "joined").equals(read_packets(tmp_path / "whole"))
    assert [source.file for source in joined.sources] == ["b.pcap and 1 more", "s9.pcap and 2 more"]
    assert [source.packets for source in joined.sources] == [source.packets for source in card.sources]
    assert joined.payload == card.payload


def test_a_file_in_a_folder_that_is_no_capture_is_left_out_and_counted(rotated, tmp_path) -> None:
    (rotated / "ssh" / "bad.pcap").write_text("no capture")
    try:
        prepare(rotated, tmp_path / "set", rotated=True)
        card, _ = read_dataset(tmp_path / "set")
        assert {source.file: list(source.faults) for source in card.sources}["bad.pcap"] == [
            "file is no capture or cannot be read, left out"
        ]
        with pytest.raises(InputError, match=r"a capture .*bad\.pcap"):
            prepare([rotated / "ssh" / "bad.pcap"], tmp_path / "other", rotated=True)
    finally:
        (rotated / "ssh" / "bad.pcap").unlink()


def test_what_has_no_rotation(small_table, rotated, tmp_path) -> None:
    with pytest.raises(InputError, match="files of a tap for --rotated; got standard input"):
        prepare("-", tmp_path / "x", rotated=True, unlabelled=True)
    with pytest.raises(InputError, match="captures for --rotated; got none among the sources"):
        prepare(small_table, tmp_path / "x", rotated=True)
    with pytest.raises(InputError, match="--rotated with labels of folders or of a table; got --labels file"):
        prepare(rotated, tmp_path / "x", rotated=True, labels="file")
    with pytest.raises(InputError, match="each file once"):
        prepare([rotated, rotated / "dns" / "a.pcap"], tmp_path / "x", rotated=True)


def test_the_first_packet_s_time(rotated, tmp_path) -> None:
    times = [first_time_ns(rotated / "ssh" / name) for name in ("s9.pcap", "s1.pcap", "s5.pcap")]
    assert times == sorted(times)
    with (tmp_path / "empty.pcap").open("wb") as file:
        write_pcap(file, [])
    assert first_time_ns(tmp_path / "empty.pcap") is None
