"""Points for traces that are drawn together."""

import torch

from netdiffus.diffusion.stratified import Stratified

B, K = 600, 8


def points(seed: int = 0, labels: int = 3) -> Stratified:
    return Stratified(torch.arange(B) % labels, torch.Generator().manual_seed(seed))


def test_points_of_any_trace_are_uniform() -> None:
    found = torch.stack([points(seed).next()[17] for seed in range(2000)])
    assert float(found.min()) >= 0
    assert float(found.max()) < 1
    assert abs(float((found < 0.25).float().mean()) - 0.25) < 0.04


def test_those_of_a_label_are_spread_evenly() -> None:
    found = points().next()
    for label in range(3):
        mine = found[torch.arange(B) % 3 == label].sort().values
        assert float((mine - (torch.arange(len(mine)) + 0.5) / len(mine)).abs().max()) < 3 / len(mine)


def test_those_of_traces_that_begin_alike_are_spread_evenly() -> None:
    strata = points(labels=1)
    first = (strata.next() * K).long()
    strata.split(first, K)
    second = strata.next()
    for code in range(K):
        mine = second[first == code].sort().values
        assert float((mine - (torch.arange(len(mine)) + 0.5) / len(mine)).abs().max()) < 3 / len(mine)


def test_codes_of_a_label_occur_as_often_as_they_are_likely() -> None:
    ends = torch.tensor([0.1, 0.5, 0.8, 1.0])
    codes = torch.searchsorted(ends, points(labels=1).next(), right=True)
    assert (torch.bincount(codes, minlength=4) - B * torch.tensor([0.1, 0.4, 0.3, 0.2])).abs().max() <= 2


def test_points_of_a_trace_do_not_foretell_its_next_ones() -> None:
    """Whether traces have begun alike or each on its own."""
    for alike in (True, False):
        strata = points(labels=1)
        if not alike:
            strata.split(torch.arange(B), B)
        before, after = strata.next(), strata.next()
        assert abs(float(torch.corrcoef(torch.stack([before, after]))[0, 1])) < 0.15
        apart = (after - before) % 1  # with a fixed order this is the same for all
        assert float(apart.std()) > 0.25


def test_the_same_seed_gives_the_same_points() -> None:
    assert torch.equal(points(5).next(), points(5).next())
    assert not torch.equal(points(5).next(), points(6).next())
