"""A codec per label: each label's own scale, rows in any order."""

import json

import numpy as np
import pytest
from test_codec import CHANNELS, random_traces

from netdiffus.imaging.codec import GasfCodec
from netdiffus.imaging.label_codec import LabelCodec

IDS = np.random.default_rng(9).permutation(np.repeat([0, 1, 2], [30, 5, 12]))


@pytest.fixture
def series() -> np.ndarray:
    made = random_traces(len(IDS), 12, seed=3)
    made[:, 0] += 7 * IDS[:, None]  # every label has sizes of its own
    return made


def test_round_trip_is_exact_in_the_order_that_came(series) -> None:
    codec = LabelCodec.fit(series, CHANNELS, IDS)
    images = codec.encode(series, IDS, np.random.default_rng(0))
    assert images.shape == (47, 2, 12, 12)
    assert np.array_equal(codec.decode(images, IDS), series, equal_nan=True)
    some = np.array([40, 3, 17])
    assert np.array_equal(codec.decode(images[some], IDS[some]), series[some], equal_nan=True)


def test_a_label_draws_only_its_own_values(series) -> None:
    codec = LabelCodec.fit(series, CHANNELS, IDS)
    z = np.random.default_rng(1).normal(0, 1, (300, 2, 12))
    for label in range(3):
        drawn = codec.from_quantiles(z, np.full(300, label))
        own = series[label == IDS]
        for channel in range(3):
            assert set(drawn[:, channel][~np.isnan(drawn[:, channel])]) <= set(own[:, channel].ravel())


def test_a_rare_label_has_wider_intervals_than_in_a_scale_for_all(series) -> None:
    rare = series[IDS == 1]
    apart = LabelCodec.fit(series, CHANNELS, IDS).intervals(rare, np.full(len(rare), 1))
    together = GasfCodec.fit(series, CHANNELS).intervals(rare)
    sent = ~np.isnan(rare[:, 0])
    assert (apart[1] - apart[0])[:, 0][sent].mean() > 3 * (together[1] - together[0])[:, 0][sent].mean()


def test_json_keeps_all_of_it(series) -> None:
    codec = LabelCodec.fit(series, CHANNELS, IDS)
    again = LabelCodec.from_json(json.loads(json.dumps(codec.to_json())))
    images = codec.encode(series, IDS)
    assert np.array_equal(again.encode(series, IDS), images)
    assert np.array_equal(again.decode(images, IDS), series, equal_nan=True)
    assert (again.channels, again.length, again.image_channels) == (codec.channels, 12, codec.image_channels)


def test_ranges_are_the_same_for_all_labels(series) -> None:
    codec = LabelCodec.fit(series, CHANNELS, IDS, "minmax", "direct")
    assert len(codec.codecs) == 3
    assert len({scale.high for part in codec.codecs for scale in part.scales[:1]}) == 1
    again = LabelCodec.from_json(json.loads(json.dumps(codec.to_json())))
    assert np.array_equal(again.encode(series, IDS), codec.encode(series, IDS))


def test_what_older_models_do_not_name_is_as_it_was(series) -> None:
    codec = LabelCodec.fit(series, CHANNELS, IDS)
    data = codec.to_json()
    del data["angle"], data["empty_up"]
    assert np.array_equal(LabelCodec.from_json(data).encode(series, IDS), codec.encode(series, IDS))
