"""Image folders: what is written is read again, in our layout and in those of others."""

import numpy as np
import pytest
from PIL import Image

from netdiffus.errors import InputError
from netdiffus.store.images import ImageCard, from_levels, read_images, to_levels, write_images

RNG = np.random.default_rng(0)


def card(*labels: str) -> ImageCard:
    return ImageCard(codec={}, labels=list(labels), made_by={})


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("form", ["npz", "png"])
def test_round_trip(channels, form, tmp_path) -> None:
    images = RNG.uniform(-1, 1, (5, channels, 4, 4))
    ids = np.array([1, 0, 1, 1, 0])
    write_images(tmp_path / "out", card("web/tls", "dns"), [(ids[:2], images[:2]), (ids[2:], images[2:])], (form,))
    read = list(read_images(tmp_path / "out"))
    assert [label for label, _ in read] == ["dns"] * 3 + ["web/tls"] * 2
    expected = images[[0, 2, 3, 1, 4]]
    error = np.abs(np.stack([image for _, image in read]) - expected).max()
    assert error == 0 if form == "npz" else error <= 1 / 255


def test_the_exact_file_is_preferred(tmp_path) -> None:
    images = RNG.uniform(-1, 1, (1, 1, 4, 4))
    write_images(tmp_path / "out", card("a"), [(np.array([0]), images)])
    assert {path.suffix for path in (tmp_path / "out" / "a").iterdir()} == {".npz", ".png"}
    ((_, image),) = read_images(tmp_path / "out")
    assert np.array_equal(image, images[0])


def test_levels() -> None:
    assert to_levels(np.array([-1.0, 0.0, 1.0, -1.2, 7.0])).tolist() == [0, 128, 255, 0, 255]
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_levels(from_levels(levels)), levels)


def test_the_layouts_of_others(tmp_path) -> None:
    """NetDiffus: VIDEO/VIDEO_1.png in RGB. NetDiffus 2.0: CLASS/NAME.npz with x (n, n). Samples: arr_0 (N, n, n, C)."""
    gray = RNG.integers(0, 256, (4, 4), dtype=np.uint8)
    for name in ("vid1", "class", "samples", "floats"):
        (tmp_path / name).mkdir()
    Image.fromarray(np.repeat(gray[..., None], 3, axis=2)).save(tmp_path / "vid1" / "vid1_1.png")
    x = RNG.uniform(-1, 1, (4, 4))
    np.savez(tmp_path / "class" / "row_7.npz", x=x)
    np.savez(tmp_path / "samples" / "samples_2x4x4x1.npz", np.stack([gray, gray])[..., None])
    np.savez(tmp_path / "floats" / "floats.npz", np.stack([x, x, x]))
    (tmp_path / "notes.txt").write_text("not an image")
    read = list(read_images(tmp_path))
    assert [label for label, _ in read] == ["class", "floats", "floats", "floats", "samples", "samples", "vid1"]
    assert np.array_equal(read[0][1][0], x)
    assert np.array_equal(read[1][1][0], x)
    assert np.abs(read[4][1][0] - from_levels(gray)).max() == 0
    assert np.abs(read[6][1][0] - from_levels(gray)).max() == 0


def test_what_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="in one folder per label"):
        list(read_images(tmp_path))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").write_text("Dear reader")
    with pytest.raises(InputError, match=r"a \.png picture"):
        list(read_images(tmp_path))
    (tmp_path / "a" / "x.png").unlink()
    (tmp_path / "a" / "x.npz").write_text("Dear reader")
    with pytest.raises(InputError, match=r"a \.npz file of images"):
        list(read_images(tmp_path))
    np.savez(tmp_path / "a" / "x.npz", y=np.zeros((4, 4)))
    with pytest.raises(InputError, match="an array 'x' or 'images' or 'arr_0' of images"):
        list(read_images(tmp_path))
    np.savez(tmp_path / "a" / "x.npz", x=np.zeros((4, 5)))
    with pytest.raises(InputError, match=r"square images .*; got .* of \(4, 5\)"):
        list(read_images(tmp_path))
