"""The counted prior by hand: counts, smoothing, the pooled row, and traces that are not in their own prior."""

from __future__ import annotations

import math

import pytest
import torch

from netdiffus.diffusion.prior import FEWEST, POOLED, Smoothing, _kernel, count_priors

NONE = Smoothing(codes=0.0, positions=0.0)
CODES = torch.tensor([[[0, 1]], [[0, 2]], [[0, 2]], [[2, 2]]])  # 4 traces of 2 positions
LABEL = torch.tensor([0, 0, 0, 1])


def count(smoothing: Smoothing, end: bool = False, codes: torch.Tensor = CODES, size: int = 3) -> torch.Tensor:
    return count_priors(codes, LABEL[: len(codes)], 2, [size], [smoothing], [end])[0].exp()


def test_counts_blended_with_the_pooled_ones_by_hand() -> None:
    found = count(NONE)
    assert found.shape == (3, 2, 3)
    pooled = torch.tensor([[3.01, 0.01, 1.01], [0.01, 1.01, 3.01]]) / 4.03
    counts = torch.tensor([[[3, 0, 0], [0, 1, 2]], [[0, 0, 1], [0, 0, 1]]])
    wanted = (counts + POOLED * pooled) / (counts.sum(dim=-1, keepdim=True) + POOLED)
    assert torch.allclose(found[:2], wanted)
    assert torch.allclose(found[2], pooled), "the last row is that of all labels"


def test_a_label_without_traces_has_the_pooled_prior() -> None:
    found = count(NONE, codes=CODES[:3])
    assert torch.allclose(found[1], found[2])


def test_channels_are_counted_apart() -> None:
    both = torch.cat([CODES, 2 - CODES], dim=1)
    first, second = count_priors(both, LABEL, 2, [3, 3], [NONE, NONE], [False, False])
    assert torch.allclose(first, count(NONE).log())
    assert torch.allclose(second, first.flip(-1))


@pytest.mark.parametrize("end", [False, True])
def test_what_a_count_gives_to_its_neighbours_sums_to_one(end: bool) -> None:
    kernel = _kernel(5, 2.0, end)
    assert torch.allclose(kernel.sum(dim=1), torch.ones(5, dtype=torch.float64))
    assert float(kernel[1, 2] / kernel[1, 1]) == pytest.approx(math.exp(-1 / 8))
    assert (kernel[-1, :-1] > 0).all() == (not end)


def test_near_codes_and_near_positions_share_their_counts() -> None:
    one = torch.zeros(1, 1, 5, dtype=torch.int64)
    one[0, 0, 2] = 2
    plain = count(NONE, codes=one, size=4)[0]
    codes = count(Smoothing(codes=1.0, positions=0.0), codes=one, size=4)[0]
    positions = count(Smoothing(codes=0.0, positions=1.0), codes=one, size=4)[0]
    assert codes[2, 1] == pytest.approx(float(codes[2, 3])), "neighbours alike"
    assert codes[2, 1] > 20 * plain[2, 1]
    assert positions[1, 2] > 20 * plain[1, 2]
    assert positions[2, 1] == pytest.approx(float(positions[2, 3])), "no neighbour of codes"
    for table in (plain, codes, positions):
        assert torch.allclose(table.sum(dim=-1), torch.ones(5))


def test_the_end_code_is_no_neighbour_of_others() -> None:
    smooth = Smoothing(codes=1.0, positions=0.0)
    ended = torch.full((1, 1, 2), 3)
    given, kept = (count(smooth, end, codes=ended, size=4)[0, 0] for end in (False, True))
    assert given[2] > 0.1 > 0.02 > kept[2]
    assert kept[2] == pytest.approx(float(kept[0])), "and what is last before it gains no more than the others"
    last = torch.full((1, 1, 2), 2)
    assert count(smooth, True, codes=last, size=4)[0, 0, 3] < 0.01 < count(smooth, codes=last, size=4)[0, 0, 3]


def test_no_code_is_impossible() -> None:
    many = torch.zeros(200_000, 1, 1, dtype=torch.int64)
    found = count_priors(many, torch.zeros(200_000, dtype=torch.int64), 1, [2], [NONE], [False])[0]
    assert float(found[0, 0, 1].exp()) == pytest.approx(FEWEST, rel=1e-5)


def test_a_trace_that_is_left_out_does_not_find_itself() -> None:
    """Its code is as likely as that of no trace, whereas the whole prior knows it."""
    only = LABEL == 0
    whole, without = (
        count_priors(CODES[rows], LABEL[rows], 2, [3], [NONE], [False])[0].exp()
        for rows in (torch.ones(4, dtype=torch.bool), only)
    )
    assert whole[1, 0, 2] > 0.4
    assert without[1, 0, 2] < 0.01
