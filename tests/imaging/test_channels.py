"""Folding size and direction into one signed size, and back."""

import numpy as np

from netdiffus.imaging.channels import fold, image_channels, unfold

NAN = float("nan")


def test_names() -> None:
    assert image_channels(["size", "direction", "gap_ns"]) == ["signed_size", "gap_ns"]
    assert image_channels(["size"]) == ["size"]
    assert image_channels(["up_bytes", "down_bytes"]) == ["up_bytes", "down_bytes"]


def test_empty_packets_keep_their_direction() -> None:
    series = np.array([[[0, 0, 517, 1448, NAN], [0, 1, 0, 1, NAN]]])
    folded = fold(series, ["size", "direction"])
    assert np.array_equal(folded, [[[-1, 0, -518, 1448, NAN]]], equal_nan=True)
    assert np.array_equal(unfold(folded, ["size", "direction"]), series, equal_nan=True)


def test_order_of_the_channels_is_kept() -> None:
    series = np.array([[[3.0, NAN], [1, NAN], [40, NAN]]])
    names = ["gap_ns", "direction", "size"]
    assert np.array_equal(unfold(fold(series, names), names), series, equal_nan=True)


def test_the_published_fold_takes_empty_packets_as_downward() -> None:
    series = np.array([[[0, 0, 517, 1448, NAN], [0, 1, 0, 1, NAN]]])
    folded = fold(series, ["size", "direction"], empty_up=False)
    assert np.array_equal(folded, [[[0, 0, -517, 1448, NAN]]], equal_nan=True)
    back = unfold(folded, ["size", "direction"], empty_up=False)
    assert np.array_equal(back[0], [[0, 0, 517, 1448, NAN], [1, 1, 0, 1, NAN]], equal_nan=True)
