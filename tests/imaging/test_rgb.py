"""Bit images as pictures: padded, never resized, exact on the way back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.errors import InputError
from netdiffus.imaging.bits import BitsCodec
from netdiffus.imaging.rgb import COLOURS, RgbCodec, RgbManifest, nearest_colours, wrong_bits


def codec(columns: list[int], rows: int, multiple: int = 1, size: tuple[int, int] | None = None) -> RgbCodec:
    return RgbCodec(BitsCodec(), np.array(columns), rows, multiple, size)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 9), st.integers(1, 40), st.sampled_from([1, 2, 8, 64]), st.integers(0, 2**32 - 1), st.floats(0, 0.5)
)
def test_padding_and_the_nearest_colour_keep_every_bit(rows, columns, multiple, seed, noise) -> None:
    rng = np.random.default_rng(seed)
    pictures = codec(list(range(columns)), rows, multiple)
    shown = rng.integers(-1, 2, (3, rows, columns)).astype(np.int8)
    made = pictures.encode(shown)
    assert made.shape == (3, 3, pictures.height, pictures.width)
    assert made.shape[2] % multiple == made.shape[3] % multiple == 0
    # grey and green are 1.7 apart: half of that is never wrong
    away = rng.normal(size=made.shape)
    away *= noise / np.linalg.norm(away, axis=1, keepdims=True)
    assert np.array_equal(pictures.decode((made + away).astype(np.float32)), shown)


def test_pictures_show_the_columns_that_are_there_row_by_row() -> None:
    pictures = codec([3, 5], 2, 4)
    image = np.full((3, BitsCodec().columns), -1, np.int8)
    image[:, 3], image[:, 5] = (1, 0, 1), (0, 1, 1)
    shown = pictures.shown(image)
    assert shown.tolist() == [[1, 0], [0, 1]]
    made = pictures.encode(shown[None])[0]
    assert made[:, 0, 0].tolist() == [1, -1, -1]
    assert made[:, 0, 1].tolist() == [-1, 1, -1]
    assert (made[:, 2:] == 0).all()
    assert (made[:, :, 2:] == 0).all()
    assert np.array_equal(pictures.image(shown), np.where(np.isin(np.arange(image.shape[1]), (3, 5)), image[:2], -1))


def test_presence_is_where_a_bit_is() -> None:
    pictures = codec([0, 1, 2], 2, 4)
    maps = pictures.presence(np.array([[[1, 0, -1], [-1, -1, -1]]], np.int8))
    assert maps[0, :, 0].tolist() == [[1, 1, 0, 0]] * 3
    assert maps[0, :, 1:].sum() == 0


def test_a_size_of_ones_own_is_padding_too() -> None:
    pictures = codec([0, 1, 2], 2, 4, (8, 12))
    shown = np.array([[[1, 0, -1], [0, 0, 1]]], np.int8)
    assert pictures.encode(shown).shape == (1, 3, 8, 12)
    assert np.array_equal(pictures.decode(pictures.encode(shown)), shown)


def test_the_manifest_leads_back_and_is_checked() -> None:
    pictures = codec([0, 7, 900], 5, 8, (8, 16))
    plain = pictures.to_json().model_dump(mode="json")
    again = RgbCodec.of_manifest(RgbManifest.of(plain, "rgb"))
    assert again.to_json() == pictures.to_json()
    for change in (
        {"columns": [3, 2]},
        {"columns": [99999]},
        {"rows": 0},
        {"size": [2, 2]},
        {"headers": ["tcp", "eth"]},
    ):
        with pytest.raises(InputError):
            RgbCodec.of_manifest(RgbManifest.of(plain | change, "rgb"))


def test_colours_are_those_of_their_names() -> None:
    assert nearest_colours(COLOURS.T[None, :, None, :]).tolist() == [[[-1, 0, 1]]]
    assert wrong_bits(np.array([1, 0, -1, 1], np.int8), np.array([1, 0, -1, 0], np.int8)) == 0.25
