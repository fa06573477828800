"""The counted prior by hand: back-off, kernels, the row of all labels, traces that are not in their own prior."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from netdiffus.diffusion.leak import OF_QUANTITIES, OF_VALUES
from netdiffus.diffusion.prior import FEWEST, FLOOR, ChannelCodes, PriorSpec, _kernel, log_prior
from netdiffus.diffusion.prior_fit import PARTS, _Trial, fit_prior

NONE = PriorSpec(strength=1.0)
CODES = torch.tensor([[0, 1], [0, 2], [0, 2], [2, 2]])  # 4 traces of 2 positions
LABEL = torch.tensor([0, 0, 0, 1])


def channel(
    codes: torch.Tensor, label: torch.Tensor, size: int, *, end: bool = False, ordered: bool = False
) -> ChannelCodes:
    fold = torch.arange(len(codes)) % 16
    return ChannelCodes(codes, label, fold, int(label.max()) + 1, size, end, ordered)


def count(spec: PriorSpec, end: bool = False, codes: torch.Tensor = CODES, size: int = 3) -> torch.Tensor:
    return log_prior(channel(codes, LABEL[: len(codes)], size).counts, spec, end).exp()


def blended(counts: Sequence[float], shorter: Sequence[float]) -> list[float]:
    """Witten and Bell's back-off of strength 1, in plain Python."""
    back_off = sum(n > 0 for n in counts) + FLOOR
    return [(n + back_off * p) / (sum(counts) + back_off) for n, p in zip(counts, shorter, strict=True)]


@pytest.mark.parametrize("product", [False, True])
def test_shares_by_hand(product: bool) -> None:
    found = count(PriorSpec(strength=1.0, product=product))
    assert found.shape == (3, 2, 3)
    anywhere = blended([3, 1, 4], [1 / 3] * 3)
    labels = blended([3, 1, 2], anywhere), blended([0, 0, 2], anywhere)
    places = blended([3, 0, 1], anywhere), blended([0, 1, 3], anywhere)
    counts = [[[3, 0, 0], [0, 1, 2]], [[0, 0, 1], [0, 0, 1]]]
    for label in range(2):
        for place in range(2):
            both = [a * b / c for a, b, c in zip(labels[label], places[place], anywhere, strict=True)]
            shorter = [p / sum(both) for p in both] if product else labels[label]
            assert found[label, place].tolist() == pytest.approx(blended(counts[label][place], shorter), rel=1e-5)
    assert torch.allclose(found[2], torch.tensor(places)), "the last row is that of all labels"


def test_a_label_without_traces_has_the_prior_of_all() -> None:
    one = ChannelCodes(CODES, torch.zeros(4, dtype=torch.int64), LABEL, 2, 3, False, False)
    found = log_prior(one.counts, PriorSpec(product=True), False)
    assert torch.allclose(found[1], found[2])


def test_several_counts_are_several_priors() -> None:
    counts = channel(CODES, LABEL, 3).counts
    found = log_prior(torch.stack([counts, 2 * counts]), NONE, False)
    assert torch.equal(found[0], log_prior(counts, NONE, False))
    assert torch.equal(found[1], log_prior(2 * counts, NONE, False))


@pytest.mark.parametrize("end", [False, True])
def test_what_a_count_gives_to_its_neighbours_sums_to_one(end: bool) -> None:
    kernel = _kernel(5, 2.0, end)
    assert torch.allclose(kernel.sum(dim=1), torch.ones(5, dtype=torch.float64))
    assert float(kernel[1, 2] / kernel[1, 1]) == pytest.approx(math.exp(-1 / 8))
    assert (kernel[-1, :-1] > 0).all() == (not end)


def test_near_codes_and_near_positions_share_their_counts() -> None:
    one = torch.zeros(1, 5, dtype=torch.int64)
    one[0, 2] = 2
    plain = count(NONE, codes=one, size=4)[0]
    codes = count(PriorSpec(codes=1.0, strength=1.0), codes=one, size=4)[0]
    positions = count(PriorSpec(positions=1.0, strength=1.0), codes=one, size=4)[0]
    assert codes[2, 3] > 1.5 * plain[2, 3]
    assert positions[1, 2] > 1.5 * plain[1, 2]
    assert positions[2, 1] == pytest.approx(float(positions[2, 3])), "no neighbour of codes"
    for table in (plain, codes, positions):
        assert torch.allclose(table.sum(dim=-1), torch.ones(5))


def test_the_end_code_is_no_neighbour_of_others() -> None:
    smooth = PriorSpec(codes=1.0)
    ended = torch.full((1, 2), 3)
    given, kept = (count(smooth, end, codes=ended, size=4)[0, 0] for end in (False, True))
    assert given[2] > kept[2]
    assert kept[2] == pytest.approx(float(kept[0])), "and what is last before it gains no more than the others"
    last = torch.full((1, 2), 2)
    assert count(smooth, True, codes=last, size=4)[0, 0, 3] < count(smooth, codes=last, size=4)[0, 0, 3]


def test_no_code_is_impossible() -> None:
    many = channel(torch.zeros(1 << 24, 1, dtype=torch.int64), torch.zeros(1 << 24, dtype=torch.int64), 2)
    found = log_prior(many.counts, PriorSpec(strength=0.5), False).exp()
    assert float(found[0, 0, 1]) == pytest.approx(FEWEST, rel=1e-5)


def test_a_trace_that_is_left_out_does_not_find_itself() -> None:
    """Its code is less likely than under the prior that knows it."""
    known = channel(CODES, LABEL, 3)
    whole, without = (log_prior(part.counts, NONE, False).exp() for part in (known, known.of(torch.arange(3))))
    assert whole[1, 0, 2] > 0.6 > without[-1, 0, 2]


def traces(kind: str, ordered: bool) -> ChannelCodes:
    """2,000 traces of 12 positions and 20 codes: by position, by label alone, or near a value that moves slowly."""
    g = torch.Generator().manual_seed(0)
    label, row = torch.randint(2, (2000,), generator=g), torch.arange(12)
    noise = torch.randint(20, (2000, 12), generator=g)
    if kind == "near":
        middle = 5 + row // 2 + 4 * label[:, None]
        noise = (middle + torch.randn(2000, 12, generator=g)).round().long().clamp(0, 19)
        return channel(noise, label, 20, ordered=ordered)
    fixed = (7 * row + 3 * label[:, None]) % 20 if kind == "position" else 10 * label[:, None].expand(-1, 12)
    often = torch.rand(2000, 12, generator=g) < 0.8
    return channel(torch.where(often, fixed, noise), label, 20, ordered=ordered)


def test_exact_values_by_position_are_not_smoothed() -> None:
    found = fit_prior(traces("position", ordered=False))
    assert found.positions == found.codes == 0


def test_values_alike_at_all_positions_are_smoothed_far() -> None:
    assert fit_prior(traces("label", ordered=False)).positions >= 4


def test_few_quantities_share_their_counts_with_near_codes() -> None:
    near = traces("near", ordered=True)
    assert fit_prior(near.of(torch.arange(100))).codes > 0
    assert fit_prior(traces("near", ordered=False).of(torch.arange(100))).codes == 0


def test_judged_by_traces_that_are_not_counted() -> None:
    known = traces("position", ordered=False)
    spec = PriorSpec(positions=1.0, strength=4.0)
    losses = torch.zeros(())
    for part in range(PARTS):
        left_out = known.fold % PARTS == part
        table = log_prior(known.of(~left_out).counts, spec, False)
        rest = known.of(left_out)
        losses -= table[rest.label[:, None], torch.arange(12), rest.codes].sum()
    assert _Trial(known).judge(spec) == (False, pytest.approx(float(losses) / known.codes.numel(), rel=1e-5))


def test_what_tells_its_traces_from_others_is_not_chosen() -> None:
    """Traces of values that no other has: the likeliest prior would know each by its values."""
    g = torch.Generator().manual_seed(0)
    alone = channel(torch.randint(400, (64, 20), generator=g), torch.zeros(64, dtype=torch.int64), 400, ordered=True)
    trial = _Trial(alone)
    sharp, chosen = PriorSpec(strength=0.5), fit_prior(alone)
    leaks, told = trial.judge(sharp)
    assert leaks
    assert told > 0.9
    leaks, value = trial.judge(chosen)
    assert not leaks or OF_QUANTITIES < value < told


def test_values_that_recur_are_counted_more_closely_than_quantities() -> None:
    """The same traces are judged by another bound where their codes are ordered quantities."""
    known = traces("position", ordered=False).of(torch.arange(60))
    assert _Trial(known).most == OF_VALUES
    assert _Trial(replace(known, ordered=True)).most == OF_QUANTITIES
