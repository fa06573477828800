"""A dataset → bit images (.npz, .png) → a capture and a table: the same packets, to the last bit and nanosecond."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from netdiffus import recordings
from netdiffus.errors import InputError
from netdiffus.steps.images.bits import from_bit_images, to_bit_images
from netdiffus.steps.images.config import BitImageConfig
from netdiffus.steps.prepare import prepare
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.store.bitimages import COLOURS, read_picture, write_picture
from netdiffus.store.dataset import read_packets
from netdiffus.store.images import kind_of_images
from netdiffus.traffic.flows.reader import flows_of_capture
from netdiffus.wire.files.reader import read_capture


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("data") / "dataset"
    captures = [recordings.captures()[label][0] for label in ("ntp", "upload", "quic")]
    list(prepare(captures, out, PrepareConfig.of(packets=12)))
    return out


def headers(packets: pl.DataFrame) -> list[tuple]:
    """When, header bytes and payload bytes of every packet, in order of time."""
    columns = ["time_ns", "network_header", "transport_header", "payload_bytes"]
    return sorted(packets.select(columns).iter_rows())


@pytest.mark.parametrize("form", ["npz", "png"])
def test_a_capture_comes_back(form, dataset, tmp_path) -> None:
    images = tmp_path / "images"
    written = to_bit_images(dataset, images, BitImageConfig.of(form=form))
    real = read_packets(dataset)
    assert written.images == real["trace_id"].n_unique()
    assert (written.length, written.columns) == (12, 1504)
    assert not written.left_out
    assert kind_of_images(images) == "bits"
    assert from_bit_images(images, tmp_path / "back.pcap") == written.images
    back = flows_of_capture(tmp_path / "back.pcap", packets=1000, timeout_s=2e7).packets
    assert headers(back) == headers(real)


def test_a_table_comes_back(dataset, tmp_path) -> None:
    to_bit_images(dataset, tmp_path / "images", BitImageConfig.of(form="png"))
    from_bit_images(tmp_path / "images", tmp_path / "back.parquet")
    real, back = (
        pl.read_parquet(path).sort("start_ns") for path in (dataset / "traces.parquet", tmp_path / "back.parquet")
    )
    for name in ("label", "start_ns", "size", "direction", "gap_ns"):
        assert back[name].to_list() == real[name].to_list(), name


def test_bare_pictures_of_published_work(dataset, tmp_path) -> None:
    """1,088 columns; direction and size follow from the headers, times are gone."""
    config = BitImageConfig.of(form="png", bare=True, headers=["ipv4", "tcp", "udp", "icmp"], length=4)
    written = to_bit_images(dataset, tmp_path / "images", config)
    assert written.columns == 1088
    assert written.left_out == {
        "a protocol without columns": read_packets(dataset)["trace_id"].n_unique() - written.images
    }
    pictures = sorted((tmp_path / "images").rglob("*.png"))
    assert len(pictures) == written.images
    values, _ = read_picture(pictures[0])
    assert values.shape == (4, 1088)
    from_bit_images(tmp_path / "images", tmp_path / "back.parquet")
    real = pl.read_parquet(dataset / "traces.parquet")
    back = pl.read_parquet(tmp_path / "back.parquet")
    kept = real.filter(pl.col("start_ns").is_in(back["start_ns"].implode())).sort("start_ns")
    for name in ("size", "direction"):
        assert back.sort("start_ns")[name].to_list() == kept[name].list.head(4).to_list(), name


def test_colours(tmp_path) -> None:
    from PIL import Image

    write_picture(tmp_path / "x.png", np.array([[-1, 0, 1]], np.int8), 77)
    with Image.open(tmp_path / "x.png") as picture:
        assert [picture.getpixel((x, 0)) for x in range(3)] == [(128, 128, 128), (0, 255, 0), (255, 0, 0)]
    values, start = read_picture(tmp_path / "x.png")
    assert values.tolist() == [[-1, 0, 1]]
    assert start == 77
    pixels = COLOURS[np.zeros((2, 2), int)]
    pixels[1, 0] = 9, 9, 9
    Image.fromarray(pixels).save(tmp_path / "y.png")
    with pytest.raises(InputError, match=r"red .*got .*y\.png with \(9, 9, 9\) in row 1, column 0; keep"):
        read_picture(tmp_path / "y.png")


def test_what_is_refused(dataset, tmp_path) -> None:
    with pytest.raises(InputError, match=r"--out with one of the suffixes .*\.pcapng; got .*x\.txt"):
        from_bit_images(tmp_path, tmp_path / "x.txt")
    with pytest.raises(InputError, match=r"images .* in one folder per label"):
        from_bit_images(tmp_path, tmp_path / "x.pcap")
    with pytest.raises(InputError, match=r"headers among .*; got eth"):
        to_bit_images(dataset, tmp_path / "images", BitImageConfig.of(headers=["eth"]))
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "a.npz").write_bytes(b"no")
    with pytest.raises(InputError, match=r"a \.npz file of bits; got .*a\.npz"):
        from_bit_images(tmp_path, tmp_path / "x.pcap")


def test_tables_have_no_packets(tmp_path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("label,size,direction\n" + '"a","[1, 2]","[0, 1]"\n' * 12)
    list(prepare([table], tmp_path / "d", PrepareConfig.of()))
    with pytest.raises(InputError, match=r"a dataset of packets \(packets\.parquet\); got .* prepare the dataset from"):
        to_bit_images(tmp_path / "d", tmp_path / "i", BitImageConfig.of())


def test_times_stay_in_the_capture(dataset, tmp_path) -> None:
    to_bit_images(dataset, tmp_path / "images", BitImageConfig.of(form="npz"))
    from_bit_images(tmp_path / "images", tmp_path / "back.pcapng")
    times = np.concatenate([block.time_ns for block in read_capture(tmp_path / "back.pcapng")])
    assert np.array_equal(times, np.sort(read_packets(dataset)["time_ns"].to_numpy()))
