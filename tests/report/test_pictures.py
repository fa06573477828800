"""Bars, panels and PNGs show what is in the arrays."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from matplotlib.image import imread

from netdiffus.metrics import Traces
from netdiffus.report import overview_png
from netdiffus.report.gallery import png
from netdiffus.report.overview import fullest
from netdiffus.report.timelines import bars, largest

NAN = np.nan


def test_bars_go_up_from_the_client_and_down_from_the_server() -> None:
    up, down = bars(np.array([[500.0, 1000, 0, NAN], [0, 1, 1, NAN]]), ["size", "direction"], 30)
    assert up.tolist() == [500, 0, 0, 0]
    assert down.tolist() == [0, 1000, 30, 0]  # an empty packet is still seen


def test_bars_of_binned_traces_and_of_traces_without_sizes() -> None:
    up, down = bars(np.array([[5.0, NAN], [7.0, NAN]]), ["up_bytes", "down_bytes"])
    assert (up.tolist(), down.tolist()) == ([5, 0], [7, 0])
    up, down = bars(np.array([[0.0, 1, NAN]]), ["direction"])
    assert (up.tolist(), down.tolist()) == ([1, 0, 0], [0, 1, 0])


def test_the_largest_bar_sets_the_scale() -> None:
    traces = Traces(np.array([[[10.0, 20]], [[5, NAN]]]), np.array(["a", "a"]))
    assert largest(traces, ["size"]) == 20
    assert largest(traces.of("z"), ["size"]) == 1


def test_an_image_becomes_one_pixel_a_cell() -> None:
    picture = imread(BytesIO(png(np.array([[-1.0, 0, 1], [1, 0, -1]]))))
    assert picture.shape[:2] == (2, 3)
    np.testing.assert_array_equal(picture[0, 0], picture[1, 2])
    assert (picture[0, 0] != picture[0, 2]).any()


def test_overview_is_a_png_that_can_be_made_again() -> None:
    rng = np.random.default_rng(0)
    real = Traces(rng.random((8, 1, 6)), np.array(["a", "b"] * 4))
    images = {"a": (np.eye(6)[None], np.eye(6)[None])}
    one, two = (overview_png(real, real, ["size"], images=images) for _ in range(2))
    assert one == two
    picture = imread(BytesIO(one))
    assert picture.shape[1] == 1200
    assert picture.std() > 0.05


def test_overview_shows_the_labels_with_the_fullest_flows() -> None:
    series = np.array([[[9.0, 9]], [[9, 0]], [[9, 8]], [[9, NAN]]])
    traces = Traces(series, np.array(["a", "b", "c", "d"]))
    assert fullest(traces, traces.take(np.arange(3)), ["size"], 2) == ["a", "c"]
