"""The mixture that a denoiser begins with: exact posteriors, sub-kinds found, smoothing, and folds that saw nothing."""

import itertools

import pytest
import torch
from netdiffus.diffusion.components import (
    COARSE,
    FINE,
    OF_COPIES,
    count_mixture,
    ending_channels,
    find_groups,
    fit_mixtures,
)
from netdiffus.diffusion.mixture import Mixture
from netdiffus.diffusion.smoothing import FIRST_SMOOTHING, SPREADS, Smoothing, band_prior, bands, nearness

CENTRES = [torch.linspace(-2, 2, 6), torch.tensor([-1.0, 1.0])]


def two_kinds(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Classes (2 count, 2, 5): label 0 is all low or all high, half of each; label 1 is high alone."""
    generator = torch.Generator().manual_seed(0)
    high = torch.rand(2 * count, 1, generator=generator) < 0.5
    label = torch.arange(2).repeat_interleave(count)
    high |= label[:, None] == 1
    size = torch.randint(2, (2 * count, 5), generator=generator) + 4 * high
    return torch.stack([size, high.long().expand(-1, 5)], dim=1), label


def random_tables(M: int, n: int, sizes, ending: list[int], generator: torch.Generator) -> list[torch.Tensor]:
    """ln p (M, n, K) of each channel; where it ends with the trace, of what is present, and 0 for absence."""
    tables = []
    for k, size in enumerate(sizes):
        table = torch.randn(M, n, size, generator=generator)
        table[..., -1] = -torch.inf if k in ending else table[..., -1]
        tables.append(table.log_softmax(-1))
        tables[k][..., -1] = 0.0 if k in ending else tables[k][..., -1]
    return tables


@pytest.mark.parametrize("M", [1, 3])
@pytest.mark.parametrize("ending", [[], [0], [0, 1]])
def test_what_is_known_elsewhere_is_exact(ending, M) -> None:
    """Against the sum over all traces; where a channel ends, its last class is absence."""
    generator = torch.Generator().manual_seed(1)
    n, sizes = 3, (3, 2)
    weight = torch.rand(M, generator=generator).log_softmax(0)
    of_length = torch.randn(M, n + 1, generator=generator).log_softmax(-1)
    tables = random_tables(M, n, sizes, ending, generator)
    mixture = Mixture(weight, tables, of_length, torch.tensor([0, M]), torch.tensor(ending, dtype=torch.int64))
    likelihood = [3 * torch.randn(2, n, size, generator=generator) for size in sizes]
    found = mixture(likelihood, torch.zeros(2, dtype=torch.int64))
    posterior = [(part + prior).softmax(-1) for part, prior in zip(likelihood, found, strict=True)]
    wanted = [torch.zeros_like(part) for part in posterior]
    for trace in itertools.product(*[range(sizes[k // n]) for k in range(2 * n)]):
        places = [(k // n, k % n, c) for k, c in enumerate(trace)]
        lengths = {k: [c < sizes[k] - 1 for j, _, c in places if j == k] for k in ending}
        length = sum(lengths[ending[0]]) if ending else n
        if any(present != [i < length for i in range(n)] for present in lengths.values()):
            continue
        of_components = weight + sum(tables[k][:, i, c] for k, i, c in places)
        of_components += of_length[:, length] if ending else 0.0
        joint = of_components.logsumexp(0) + sum(likelihood[k][:, i, c] for k, i, c in places)
        for k, i, c in places:
            wanted[k][:, i, c] += joint.exp()
    for part, sums in zip(posterior, wanted, strict=True):
        assert (part - sums / sums.sum(-1, keepdim=True)).abs().max() < 2e-3  # tables are kept in half precision


@pytest.mark.parametrize("ending", [[], [0], [0, 1]])
def test_draws_come_as_often_as_they_are_likely(ending) -> None:
    """Every possible trace of two groups, of one component and of two, whose labels come in any order."""
    generator = torch.Generator().manual_seed(3)
    n, sizes, count = 2, (3, 2), 60_000
    weight = torch.cat([torch.zeros(1), torch.rand(2, generator=generator).log_softmax(0)])
    of_length = torch.randn(3, n + 1, generator=generator)
    of_length = (of_length if ending else torch.tensor([-torch.inf, -torch.inf, 0.0]).expand(3, -1)).log_softmax(-1)
    tables = random_tables(3, n, sizes, ending, generator)
    mixture = Mixture(weight, tables, of_length, torch.tensor([0, 1, 3]), torch.tensor(ending, dtype=torch.int64))
    group = torch.randint(2, (count,), generator=generator)
    drawn = mixture.sample(group, generator)
    assert drawn.shape == (count, 2, n)
    every = torch.tensor(list(itertools.product(range(3), range(3), range(2), range(2)))).view(-1, 2, n)
    gone = [every[:, k] == sizes[k] - 1 for k in ending]
    ends_once = torch.ones(len(every), dtype=torch.bool)
    for part in gone:
        ends_once &= (part == gone[0]).all(dim=1) & ~(part[:, 0] & ~part[:, 1])
    number = every.flatten(1) @ torch.tensor([12, 4, 2, 1])
    for g in range(2):
        wanted = torch.zeros(36)
        wanted[number] = mixture.log_likelihood(every, torch.full((len(every),), g)).exp() * ends_once
        assert wanted.sum() == pytest.approx(1, abs=2e-3)
        mine = drawn[group == g].flatten(1) @ torch.tensor([12, 4, 2, 1])
        assert (torch.bincount(mine, minlength=36) / len(mine) - wanted).abs().max() < 0.01


def test_the_order_of_the_traces_does_not_matter() -> None:
    classes, label = two_kinds(40)
    mixture, _ = fit_mixtures(classes, label, 2, CENTRES, torch.arange(80) % 2)
    generator = torch.Generator().manual_seed(2)
    likelihood = [torch.randn(80, 5, len(z), generator=generator) for z in CENTRES]
    order = torch.randperm(80, generator=generator)
    mixed = mixture([part[order] for part in likelihood], label[order])
    for part, other in zip(mixture(likelihood, label), mixed, strict=True):
        assert torch.allclose(part[order], other, atol=1e-5)


def test_a_trace_ends_once() -> None:
    """Lengths 2 and 4 alone: one position that is seen to be absent says where the trace ends."""
    generator = torch.Generator().manual_seed(0)
    length = 2 + 2 * (torch.arange(80) % 2)
    classes = torch.randint(5, (80, 1, 6), generator=generator)
    classes[torch.arange(6) >= length[:, None, None]] = 5
    known = classes, torch.zeros(80, dtype=torch.int64), 1, CENTRES[:1], torch.arange(80) // 2 % 4
    assert ending_channels(classes, [6], [True]) == [0]
    mixture, crossed = fit_mixtures(*known, [True])
    hidden = torch.zeros(2, 6, 6)
    hidden[0, 3, 5], hidden[1, 3, :5] = 30.0, 30.0  # absent, and present
    gone = mixture([hidden], torch.zeros(2, dtype=torch.int64))[0].softmax(-1)[..., 5]
    assert gone[0, [2, 4, 5]].min() > 0.95
    assert gone[1, :3].max() < 0.05
    assert gone[:, 3].tolist() == pytest.approx([0.5, 0.5], abs=0.1)  # what is seen there itself is left out
    assert gone[1, 5] > 0.95
    whole = mixture.log_likelihood(classes, known[1])
    broken = classes.clone()
    broken[:, 0, 4] = torch.where(length == 4, 0, 5)  # one longer
    assert (whole[length == 4] > mixture.log_likelihood(broken, known[1])[length == 4]).all()
    assert torch.isfinite(crossed.log_likelihood(classes, known[4])).all()


def test_channels_that_end_otherwise_do_not_share_the_length() -> None:
    classes = torch.zeros(4, 4, 3, dtype=torch.int64)
    classes[0, [0, 1], 2] = 1
    classes[1, 2, 1] = 1  # a hole
    classes[2, 3, 2] = 1  # another length
    assert ending_channels(classes, [2, 2, 2, 2], [True, True, True, True]) == [0, 1]
    assert ending_channels(classes, [2, 2, 2, 2], [False, True, True, True]) == [1]
    assert ending_channels(classes, [2, 2, 2, 2], []) == []


def test_kinds_inside_a_label_are_found() -> None:
    """One position that is seen tells all others what the trace is."""
    classes, label = two_kinds(100)
    mixture = count_mixture(find_groups(classes, label, 2, CENTRES), FIRST_SMOOTHING)
    hidden = [torch.zeros(2, 5, len(z)) for z in CENTRES]
    alone = mixture(hidden, torch.tensor([0, 1]))[0].softmax(-1)
    assert alone[0, 3, :2].sum() == pytest.approx(0.5, abs=0.1)
    assert alone[1, 3, :2].sum() < 0.1
    hidden[0][:, 0] = torch.nn.functional.one_hot(torch.tensor([0, 5]), 6) * 20.0  # low, then high
    seen = mixture(hidden, torch.tensor([0, 0]))[0].softmax(-1)
    assert seen[0, 3, :2].sum() > 0.8
    assert seen[1, 3, 4:].sum() > 0.8


def test_tables_are_probabilities_and_nothing_is_impossible() -> None:
    classes, label = two_kinds(40)
    mixture = count_mixture(find_groups(classes, label, 2, CENTRES, hidden=True), FIRST_SMOOTHING)
    assert len(mixture) == 3  # two labels, and no label
    for k in range(2):
        table = mixture.get_buffer(f"table{k}")
        assert (table.sum(-1) - 1).abs().max() < 0.01
        assert table.min() > 0
    ends = mixture.get_buffer("ends")
    shares = [mixture.log_weight[a:b].exp().sum().item() for a, b in itertools.pairwise(ends.tolist())]
    assert shares == pytest.approx([1, 1, 1])


def test_components_pull_towards_classes_near_those_they_saw() -> None:
    centres = [torch.linspace(-2, 2, 64)]
    generator = torch.Generator().manual_seed(0)
    classes = torch.randint(64, (64, 1, 3), generator=generator)
    classes[:4] = 20
    few = torch.tensor([1] * 4 + [0] * 60)
    groups = find_groups(classes, few, 2, centres)
    table = count_mixture(groups, FIRST_SMOOTHING).get_buffer("table0")[-1, 1]
    assert table[20] == table.max()
    assert table[18:23].sum() > 1.5 * table[40:45].sum()


def test_no_number_is_so_small_that_it_slows_everything() -> None:
    """Products with numbers below 1e-38 take ten times as long."""
    for near, _ in SPREADS:
        kernel = nearness(512, near, torch.device("cpu"))
        assert not ((kernel > 0) & (kernel < 1e-30)).any()
        assert (kernel.sum(dim=-1) - 1).abs().max() < 1e-5


def test_folds_do_not_count_themselves() -> None:
    classes, label = two_kinds(40)
    fold = torch.arange(80) % 4
    _, crossed = fit_mixtures(classes, label, 2, CENTRES, fold, hidden=True)
    assert len(crossed) == 4 * 3
    assert not crossed.state_dict()
    groups = find_groups(classes[fold != 2], label[fold != 2], 2, CENTRES, hidden=True)
    hidden = [torch.randn(3, 5, len(z), generator=torch.Generator().manual_seed(0)) for z in CENTRES]
    here = crossed(hidden, torch.tensor([6, 7, 8]))[0]
    alone = [count_mixture(groups, Smoothing(trust, *spread)) for trust in COARSE.trusts for spread in SPREADS]
    assert any(torch.equal(here, one(hidden, torch.tensor([0, 1, 2]))[0]) for one in alone)


def test_a_label_that_a_fold_lacks_is_as_all_labels() -> None:
    classes, label = two_kinds(20)
    label[-1] = 2
    _, crossed = fit_mixtures(classes, label, 3, CENTRES, (torch.arange(40) == 39).long())
    assert torch.isfinite(crossed.log_weight).all()
    assert (crossed.get_buffer("table0").sum(-1) - 1).abs().max() < 0.01


def test_counts_are_smoothed_by_label_and_by_all() -> None:
    classes = torch.tensor([[0, 1], [0, 1], [0, 0], [2, 2]])
    prior = band_prior(classes, torch.tensor([0, 0, 0, 1]), 2, 3, trust=5.0)
    assert prior.shape == (3, 2, 3)
    assert torch.allclose(prior.sum(-1), torch.ones(3, 2))
    assert (prior[0, 0].argmax(), prior[1, 0].argmax()) == (0, 2)
    assert prior[0, 1, 1] > prior[0, 0, 1] > prior[1, 0, 1] > 0  # counted, smoothed by the label, smoothed by all
    assert prior[0, 0, 0] > prior[0, 1, 0] > prior[1, 1, 0] > 0
    assert prior[2, 0, 0] > prior[2, 0, 2] > prior[2, 0, 1]  # no label: all together


def test_bands_are_eight_an_octave() -> None:
    band = bands(200).tolist()
    assert band[:17] == list(range(17))
    assert band[17] == 16  # 16 and 17 share one, 32 to 34 another
    assert (band[31], band[32], band[34], band[35], band[128]) == (23, 24, 24, 25, 40)


@pytest.mark.parametrize("few", [True, False])
def test_smoothing_is_chosen_by_traces_that_were_not_counted(few) -> None:
    """Few values of many at chance need it; a few fixed values do not."""
    generator = torch.Generator().manual_seed(0)
    centres = [torch.linspace(-2, 2, 64)]
    chance = torch.randint(64, (60, 1, 12), generator=generator)
    fixed = torch.arange(12).expand(60, 1, 12) * (1 + torch.arange(60) % 2)[:, None, None]
    label, fold = torch.zeros(60, dtype=torch.int64), torch.arange(60) // 2 % 4
    classes = chance if few else fixed
    mixture, crossed = fit_mixtures(classes, label, 1, centres, fold)
    apart = [group for f in range(4) for group in find_groups(classes[fold != f], label[fold != f], 1, centres)]
    tried = [count_mixture(apart, Smoothing(trust, *SPREADS[-few])) for trust in COARSE.trusts]
    best = max(range(len(COARSE.trusts)), key=lambda k: tried[k].log_likelihood(classes, fold).mean())
    assert COARSE.trusts[best] == (200.0 if few else 5.0)
    assert torch.equal(crossed.get_buffer("table0"), tried[best].get_buffer("table0"))
    whole = count_mixture(find_groups(classes, label, 1, centres), Smoothing(COARSE.trusts[best], *SPREADS[-few]))
    assert torch.equal(mixture.get_buffer("table0"), whole.get_buffer("table0"))


def test_likelihood_of_whole_traces() -> None:
    tables = [torch.tensor([[[0.9, 0.1]], [[0.2, 0.8]]]).log()]
    ends, plain = torch.tensor([0, 2]), torch.zeros(0, dtype=torch.int64)
    mixture = Mixture(torch.tensor([0.25, 0.75]).log(), tables, torch.zeros(2, 2), ends, plain)
    found = mixture.log_likelihood(torch.tensor([[[0]], [[1]]]), torch.zeros(2, dtype=torch.int64)).exp()
    assert found.tolist() == pytest.approx([0.25 * 0.9 + 0.75 * 0.2, 0.25 * 0.1 + 0.75 * 0.8], rel=2e-3)


@pytest.mark.parametrize("grain", [COARSE, FINE, OF_COPIES])
def test_no_trace_has_a_component_of_its_own(grain) -> None:
    """An outlier among alike traces; its values are possible, but it does not come back as a whole."""
    generator = torch.Generator().manual_seed(0)
    classes = torch.randint(3, (60, 1, 12), generator=generator)
    classes[7] = 63
    centres = [torch.linspace(-2, 2, 64)]
    (group,) = find_groups(classes, torch.zeros(60, dtype=torch.int64), 1, centres, grain=grain)
    assert 1 < group.share.shape[1] <= 60 // grain.traces
    assert group.share.sum(dim=0).min() >= grain.fewest > 2
    assert (group.share.sum(dim=1) - 1).abs().max() < 1e-5
    mixture = count_mixture([group], Smoothing(5.0, *SPREADS[0]))
    whole = mixture.log_likelihood(classes[7:8], torch.zeros(1, dtype=torch.int64)).exp()
    assert whole < 1e-6
    assert mixture.get_buffer("table0")[..., 63].max() > 0.01


def test_components_stay_with_few_traces() -> None:
    classes = torch.arange(24).view(4, 1, 6)
    (group,) = find_groups(classes, torch.zeros(4, dtype=torch.int64), 1, [torch.linspace(-2, 2, 24)])
    assert group.share.shape == (4, 1)


def test_with_many_traces_a_label_has_one_component() -> None:
    classes, label = two_kinds(100)
    fold = torch.arange(200) % 4
    known = classes[..., :4], label, 2, CENTRES, fold
    mixture, crossed = fit_mixtures(*known)
    assert len(mixture.log_weight) == 2
    assert len(crossed) == 8
    prior = band_prior(classes[:, 0, :4], label, 2, 6)
    assert (mixture.get_buffer("table0") - prior[:2]).abs().max() < 1e-3
    assert torch.equal(mixture.get_buffer("table0"), crossed.get_buffer("table0")[4:6])
    fewer = torch.arange(200) % 100 < 70
    few = classes[fewer, :, :4], label[fewer], 2, CENTRES, fold[fewer]
    assert len(fit_mixtures(*few)[0].log_weight) > 2
