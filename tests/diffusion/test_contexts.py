"""Counted contexts against counting by hand."""

from collections import Counter

import pytest
import torch

from netdiffus.diffusion import context_fit
from netdiffus.diffusion.context_fit import CountedTraces, candidates, fit_contexts
from netdiffus.diffusion.contexts import Contexts, hashed
from netdiffus.diffusion.leak import OF_CONTEXTS, auc
from netdiffus.diffusion.prior import FLOOR

FOLDS, LABELS, K, N, ROWS = 4, 2, 5, 3000, 6


def traces(seed: int = 0, channels: int = 1) -> CountedTraces:
    """Traces whose code is that of two rows before, plus the label, nine times of ten."""
    g = torch.Generator().manual_seed(seed)
    label = torch.randint(LABELS, (N,), generator=g)
    codes = torch.randint(K, (N, channels, ROWS), generator=g)
    for row in range(2, ROWS):
        copied = torch.rand(N, generator=g) < 0.9
        codes[:, 0, row] = torch.where(copied, (codes[:, 0, row - 2] + label) % K, codes[:, 0, row])
    if channels > 1:
        codes[:, 1] = (codes[:, 0] + 1) % K
    return CountedTraces(codes, label, torch.arange(N) % FOLDS, FOLDS)


def flat(channels: int = 1) -> list[torch.Tensor]:
    return [torch.full((FOLDS, LABELS, ROWS, K), 1 / K).log() for _ in range(channels)]


def by_hand(known: CountedTraces, used: torch.Tensor, contexts: Contexts, trace: int, row: int) -> list[float]:
    """The distribution of a code, counted over the traces `used` in plain Python."""
    shares, codes, labels = [1 / K] * K, known.codes[:, 0].tolist(), known.label.tolist()
    for table in contexts.tables(0):
        reach = [back for _, back in table.places]

        def context(t: int, r: int, reach: list[int] = reach) -> tuple[int, ...]:
            seen = [codes[t][r - back] if r >= back else -1 for back in reach]
            return labels[t], *seen

        wanted, counts = context(trace, row), Counter[int]()
        for t in used.nonzero().flatten().tolist():
            for r in range(ROWS):
                if context(t, r) == wanted:
                    counts[codes[t][r]] += 1
        back_off = table.strength * len(counts) + FLOOR
        shares = [(counts[k] + back_off * shares[k]) / (sum(counts.values()) + back_off) for k in range(K)]
    return shares


def log_prior(contexts: Contexts, known: CountedTraces, rows: slice, fold: bool) -> torch.Tensor:
    prior = torch.full((len(known.label[rows]), ROWS, K), 1 / K).log()
    return contexts.log_prior(
        prior, known.codes[rows], known.label[rows], 0, fold=known.fold[rows] if fold else None
    ).exp()


@pytest.mark.parametrize("fold", [False, True])
def test_counts_are_those_counted_by_hand(fold: bool) -> None:
    known = traces()
    contexts = fit_contexts(known, flat(), [0])
    assert contexts.tables(0)
    found = log_prior(contexts, known, slice(0, 5), fold)
    for trace in range(5):
        used = known.fold != known.fold[trace] if fold else torch.ones(N, dtype=torch.bool)
        for row in range(ROWS):
            assert found[trace, row].tolist() == pytest.approx(by_hand(known, used, contexts, trace, row), rel=1e-4)


def test_the_place_that_says_most_is_found_first() -> None:
    contexts = fit_contexts(traces(), flat(), [0])
    assert contexts.tables(0)[0].places == ((0, 2),)


def test_a_code_of_the_same_row_is_found() -> None:
    known = traces(channels=2)
    contexts = fit_contexts(known, flat(2), [0, 1])
    assert contexts.tables(1)[0].places == ((0, 0),)


def test_channels_that_are_not_asked_for_keep_their_prior() -> None:
    known = traces(channels=2)
    contexts = fit_contexts(known, flat(2), [0])
    prior = torch.randn(3, ROWS, K).log_softmax(-1)
    assert contexts.log_prior(prior, known.codes[:3], known.label[:3], 1) is prior


def test_noise_has_no_contexts() -> None:
    known = traces()
    noise = torch.randint(K, known.codes.shape, generator=torch.Generator().manual_seed(1))
    contexts = fit_contexts(CountedTraces(noise, known.label, known.fold, FOLDS), flat(), [0])
    assert contexts.tables(0) == []


def test_contexts_are_chosen_alike_however_keys_are_numbered(monkeypatch) -> None:
    known = traces(channels=2)
    dense = fit_contexts(known, flat(2), [0, 1])
    monkeypatch.setattr(context_fit, "SPARSE", 0)
    sparse = fit_contexts(known, flat(2), [0, 1])
    assert dense.specs == sparse.specs
    assert dense.specs[0]
    assert all(torch.equal(one, two) for one, two in zip(dense.buffers(), sparse.buffers(), strict=True))


def test_contexts_of_no_codes_are_none() -> None:
    assert fit_contexts(traces(), flat(), [0], most=0).specs == [[]]


def test_a_trained_models_table_has_the_counts_of_all_traces() -> None:
    known = traces()
    contexts = fit_contexts(known, flat(), [0])
    whole = contexts.whole()
    assert torch.allclose(log_prior(whole, known, slice(0, N), False), log_prior(contexts, known, slice(0, N), False))
    assert all(table.counts.shape[1] == 1 and bool((table.counts > 0).all()) for table in whole.tables(0))
    again = Contexts.empty(whole.specs)
    again.load_state_dict(whole.state_dict())
    assert torch.equal(log_prior(again, known, slice(0, N), False), log_prior(whole, known, slice(0, N), False))


def test_probabilities_add_up_to_one_and_one_row_is_like_all() -> None:
    known = traces(channels=2)
    contexts = fit_contexts(known, flat(2), [0, 1]).whole()
    prior = torch.randn(N, ROWS, K).log_softmax(-1)
    for channel in range(2):
        every = contexts.log_prior(prior, known.codes, known.label, channel)
        assert torch.allclose(every.exp().sum(-1), torch.ones(N, ROWS), atol=1e-5)
        one = contexts.log_prior(prior[:, 3:4], known.codes, known.label, channel, row=3)
        assert torch.allclose(one, every[:, 3:4])


def test_contexts_do_not_look_at_what_is_drawn_later() -> None:
    for channels, channel in ((1, 0), (3, 1)):
        codes = traces(channels=3).codes[:, :channels]
        label = torch.zeros(N, dtype=torch.long)
        places = candidates(channels, channel)
        changed = codes.clone()
        changed[:, channel:, 4] += 1
        changed[:, :, 5:] += 1
        assert torch.equal(hashed(codes, label, places, 4), hashed(changed, label, places, 4))


def test_keys_of_other_contexts_differ() -> None:
    codes = torch.cartesian_prod(torch.arange(64), torch.arange(64)).view(-1, 1, 2)
    keys = [hashed(codes, torch.full((len(codes),), label), [(0, 0), (0, 1)], 1) for label in range(3)]
    assert len(torch.cat(keys).unique()) == 3 * len(codes)


def test_traces_that_counts_would_tell_from_others_have_no_contexts() -> None:
    """Each trace repeats a code of its own, so that its own counts alone foretell it."""
    codes = torch.arange(N)[:, None, None].expand(N, 1, ROWS).contiguous()
    label, fold = torch.zeros(N, dtype=torch.long), torch.arange(N) % FOLDS
    prior = [torch.full((FOLDS, 1, ROWS, N), 1 / N).log()]
    assert fit_contexts(CountedTraces(codes, label, fold, FOLDS), prior, [0]).specs == [[]]


def test_the_area_under_the_curve_is_the_chance_that_a_member_is_likelier() -> None:
    members, others = torch.tensor([3.0, 2.0, 2.0]), torch.tensor([1.0, 2.0])
    wins = [float((m > o) + 0.5 * (m == o)) for m in members for o in others]
    assert auc(members, others) == pytest.approx(sum(wins) / len(wins))
    assert auc(members, members) == 0.5 < OF_CONTEXTS
