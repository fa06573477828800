"""Files of a few kilobytes that would unpack to gigabytes, and arrays and pictures that are not what they say."""

import io
import resource
import struct
import zipfile
import zlib

import numpy as np
import pytest

from netdiffus.errors import InputError
from netdiffus.steps.sources.gasf_images import read_gasf
from netdiffus.store.bitimages import read_bit_images
from netdiffus.store.images import read_images
from netdiffus.wire.files.npz import read_arrays
from netdiffus.wire.nprint.packed import PackedReader

MOST_KIB = 400_000


@pytest.fixture(autouse=True)
def memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KIB


def npz(path, name: str, shape: tuple[int, ...], data: bytes = b"", dtype: str = "<f8") -> None:
    """An .npz file whose array says it is of some shape."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": dtype, "fortran_order": False, "shape": shape})
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file,
        file.open(f"{name}.npy", "w", force_zip64=True) as part,
    ):
        part.write(head.getvalue())
        part.write(data)


def zeros(path, name: str, count: int) -> None:
    """An .npz file with so many megabytes of zeros, some thousand times smaller."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|u1", "fortran_order": False, "shape": (count, 1 << 10, 1 << 10)}
    )
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file,
        file.open(f"{name}.npy", "w", force_zip64=True) as part,
    ):
        part.write(head.getvalue())
        for _ in range(count):
            part.write(bytes(1 << 20))


def test_an_array_that_unpacks_to_far_more_than_it_is_stored_in(tmp_path) -> None:
    (tmp_path / "web").mkdir()
    zeros(tmp_path / "web" / "a.npz", "images", 300)
    assert (tmp_path / "web" / "a.npz").stat().st_size < 1 << 20
    with pytest.raises(InputError, match=r"at most 67,108,864 bytes, or 64 times .*; got images of 314,572,800 bytes"):
        list(read_images(tmp_path))
    with pytest.raises(InputError, match="with --max-values 320000000"):
        read_gasf(tmp_path / "web", (0.0, 1.0), None, strip_padding=False)
    zeros(tmp_path / "web" / "a.npz", "bits", 300)
    with pytest.raises(InputError, match="got bits of 314,572,800 bytes"):
        list(read_bit_images(tmp_path))


def test_arrays_that_lie_about_their_shape(tmp_path) -> None:
    path = tmp_path / "a.npz"
    for shape in ((10**12, 10), (10**30,), (2**62, 2**62), (5, 5)):
        npz(path, "x", shape, b"abc")
        with pytest.raises(InputError, match=r"a whole array; got x of .*, which is shorter"):
            read_arrays(path, ["x"], "images")
    npz(path, "x", (0, 0))
    assert read_arrays(path, ["x"], "images")["x"].shape == (0, 0)


def test_large_arrays_that_are_stored_as_they_are_can_be_read(tmp_path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", x=rng.random((9, 1 << 20)))
    assert read_arrays(tmp_path / "a.npz", ["x"], "images")["x"].nbytes > 1 << 26


def test_arrays_of_other_things(tmp_path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="arrays of numbers; got x of object"):
        read_arrays(path, ["x"], "images")
    (tmp_path / "web").mkdir()
    inside = tmp_path / "web" / "a.npz"
    for array, words in [
        (np.full((2, 2), "no"), "images of numbers; got .* of text"),
        (np.full((2, 2), np.nan), "images of finite numbers"),
        (np.ones((2, 2), complex), "arrays of numbers; got x of complex128"),
        (np.zeros((0, 0)), "square images"),
        (np.float64(1), "square images"),
    ]:
        np.savez(inside, x=array)
        with pytest.raises(InputError, match=words):
            list(read_images(tmp_path))
    for arrays, words in [
        ({"bits": np.zeros((2, 3)) + 5}, "an array 'bits' .*of -1, 0 and 1"),
        ({"start_ns": np.int64(1)}, "an array 'bits'"),
        ({"bits": np.zeros((2, 3)), "start_ns": np.zeros(3)}, "start_ns, a time in nanoseconds"),
        ({"bits": np.zeros((2, 3)), "start_ns": np.int64(-1)}, "start_ns, a time in nanoseconds; got .* with -1"),
    ]:
        np.savez(inside, **arrays)
        with pytest.raises(InputError, match=words):
            list(read_bit_images(tmp_path))


def test_packed_rows_whose_small_arrays_are_large(tmp_path) -> None:
    path = tmp_path / "a.nprint.npz"
    npz(path, "headers", (10**12,), b"", "<U4")
    with pytest.raises(InputError, match="packed nPrint rows"):
        PackedReader(path)


def png(width: int, height: int, data: bytes = b"", *more: tuple[bytes, bytes]) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack("!I", len(body)) + kind + body + struct.pack("!I", zlib.crc32(kind + body))

    head = struct.pack("!IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), *more, (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in chunks)


PICTURES = {
    (100_000, 100_000): "a picture of at most 16,777,216 pixels; got .* of far more",
    (2**31 - 1, 2**31 - 1): "a picture of at most 16,777,216 pixels",
    (15_000, 8_000): "a picture of at most 16,777,216 pixels; got .* of far more",
    (5000, 4000): "a picture of at most 16,777,216 pixels; got .* of 5,000 x 4,000",
    (4, 4): r"a \.png picture",
    (0, 0): r"a \.png picture|square pictures",
    (4, 3, bytes(15)): "square pictures of one size",
}
"""Arguments of `png`, and what is said of the file."""


def refused(folder, raw: bytes, words: str) -> None:
    (folder / "web").mkdir()
    (folder / "web" / "a.png").write_bytes(raw)
    with pytest.raises(InputError, match=words):
        list(read_images(folder))


@pytest.mark.parametrize(("of", "words"), PICTURES.items())
def test_pictures(of, words, tmp_path) -> None:
    refused(tmp_path, png(*of), words)


def test_a_picture_whose_text_unpacks_to_far_more(tmp_path) -> None:
    text = b"start_ns\0\0" + zlib.compress(bytes(1 << 27), 1)
    refused(tmp_path, png(4, 4, bytes(20), (b"zTXt", text)), r"a \.png picture")


def test_a_picture_of_another_form(tmp_path) -> None:
    refused(tmp_path, b"GIF89a" + bytes(50), r"a \.png picture")


def test_channels_of_other_sizes_and_odd_names(tmp_path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "a.0.png").write_bytes(png(4, 4, bytes(20)))
    (tmp_path / "web" / "a.².png").write_bytes(png(5, 5, bytes(30)))
    with pytest.raises(InputError, match="square pictures of one size"):
        list(read_images(tmp_path))
