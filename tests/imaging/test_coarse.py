"""Coarse rows: averages over segments by hand, their codes, and what a manifest may hold."""

from __future__ import annotations

import numpy as np
import pytest

from netdiffus.errors import InputError
from netdiffus.imaging.coarse import CODES, CoarseCodebook, CoarseManifest, segment_ends, segment_means


def normal(count: int, channels: int = 2, length: int = 10) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, channels, length))


def test_averages_by_hand() -> None:
    z = np.array([[[1.0, 3.0, -2.0, 4.0], [0.0, 0.0, 8.0, 8.0]]])
    assert segment_means(z, 2).tolist() == [[[2.0, 1.0], [0.0, 8.0]]]
    assert segment_means(z, 4).tolist() == z.tolist()
    assert segment_means(z, 1).tolist() == [[[1.5], [4.0]]]


@pytest.mark.parametrize(
    ("length", "rows", "ends"), [(7, 3, [2, 4, 7]), (10, 4, [2, 5, 7, 10]), (5, 5, [1, 2, 3, 4, 5])]
)
def test_lengths_that_rows_do_not_divide(length: int, rows: int, ends: list[int]) -> None:
    assert segment_ends(length, rows).tolist() == ends
    sizes = np.diff([0, *ends])
    assert sizes.max() - sizes.min() <= 1
    z = normal(3, 2, length)
    begins = [0, *ends[:-1]]
    wanted = np.stack([z[:, :, a:b].mean(axis=2) for a, b in zip(begins, ends, strict=True)], axis=2)
    assert segment_means(z, rows) == pytest.approx(wanted)


def test_fewer_positions_than_rows_are_an_error() -> None:
    with pytest.raises(InputError, match=r"at least 5 positions for as many coarse rows; got 4; ask for fewer"):
        segment_means(normal(1, 1, 4), 5)


def test_few_averages_have_a_code_each() -> None:
    z = np.array([[[1.0, 1.0, 5.0, 5.0]], [[3.0, 3.0, 5.0, 5.0]], [[-1.0, 3.0, 1.0, 1.0]]])
    book = CoarseCodebook.fit(z, 2)
    assert book.centres[0].tolist() == [1.0, 3.0, 5.0]
    assert book.encode(z).tolist() == [[[0, 2]], [[1, 2]], [[0, 0]]]
    beyond = np.array([[[-9.0, -9.0, 9.0, 9.0]]])
    assert book.encode(beyond).tolist() == [[[0, 2]]], "averages that no training trace has take the outer codes"


def test_many_averages_share_codes_evenly_and_a_centre_has_its_own() -> None:
    z = normal(400)
    book = CoarseCodebook.fit(z, 4)
    codes, averages = book.encode(z), segment_means(z, 4)
    for k in range(2):
        assert len(book.centres[k]) == CODES
        assert len(book.edges[k]) == CODES - 1
        counts = np.bincount(codes[:, k].ravel(), minlength=CODES)
        assert counts.min() >= 1600 // CODES - 1
        assert counts.max() <= 1600 // CODES + 1
        assert np.searchsorted(book.edges[k], book.centres[k]).tolist() == list(range(CODES))
        for code in (0, 17, CODES - 1):
            assert book.centres[k][code] == pytest.approx(averages[:, k][codes[:, k] == code].mean())


def test_a_channel_that_says_nothing_has_one_code() -> None:
    z = normal(5)
    z[:, 1] = 2.0
    book = CoarseCodebook.fit(z, 2)
    assert book.edges[1].tolist() == []
    assert book.centres[1].tolist() == [2.0]
    assert book.encode(z)[:, 1].max() == 0


def test_sums_of_the_same_values_in_another_order_are_one_average() -> None:
    rng = np.random.default_rng(0)
    values = np.tile([0.1, 0.2, 0.3, -0.7, 1.1, 0.6], (500, 1))
    z = np.concatenate([rng.permuted(values, axis=1), rng.permuted(values + 0.1, axis=1)])[:, None]
    assert len(np.unique(np.add.reduceat(z, [0], axis=2))) > 2, "they differ in their last digits"
    book = CoarseCodebook.fit(z, 1)
    assert len(book.centres[0]) == 2
    assert np.bincount(book.encode(z).ravel()).tolist() == [500, 500]
    CoarseManifest.model_validate(book.to_json())


def test_what_a_beginning_settles() -> None:
    book = CoarseCodebook.fit(normal(5, 1, 7), 3)  # they end at 2, 4, 7
    assert [book.settled(known, 7) for known in range(8)] == [0, 0, 1, 1, 2, 2, 2, 3]


def test_the_manifest_is_exact() -> None:
    book = CoarseCodebook.fit(normal(50), 3)
    back = CoarseCodebook.of_manifest(CoarseManifest.of(book.to_json(), "coarse"))
    assert back.rows == 3
    for part in ("edges", "centres"):
        for ours, theirs in zip(getattr(book, part), getattr(back, part), strict=True):
            assert ours.tolist() == theirs.tolist()
    z = normal(9)
    assert np.array_equal(back.encode(z), book.encode(z))


GOOD = {"rows": 2, "edges": [[0.0, 1.0]], "centres": [[-1.0, 0.5, 2.0]]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"edges": [[1.0, 0.0]]}, "edges and centres that ascend"),
        ({"edges": [[0.0, 0.0]]}, "edges and centres that ascend"),
        ({"centres": [[-1.0, 2.0, 0.5]]}, "edges and centres that ascend"),
        ({"centres": [[-1.0, 0.5]]}, "a centre more than edges for each channel"),
        ({"centres": []}, "a centre more than edges for each channel"),
        ({"edges": [[0.0, float("nan")]]}, "finite number"),
        ({"rows": 0}, "greater than or equal to 1"),
        ({"rows": 65}, "less than or equal to 64"),
        ({"rows": "2"}, "a valid integer"),
        ({"edges": [], "centres": []}, "at least 1 item"),
        ({"edges": [[float(k) for k in range(CODES)]]}, "at most 63 items"),
        ({"other": 1}, "without unknown keys"),
    ],
)
def test_other_manifests_are_errors(change: dict[str, object], words: str) -> None:
    assert CoarseManifest.of(GOOD, "coarse").rows == 2
    with pytest.raises(InputError, match=words):
        CoarseManifest.of(GOOD | change, "coarse")
