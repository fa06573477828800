"""The causal denoiser: which rows a row sees, the cache, channels in their order, and what it knows untrained."""

from __future__ import annotations

import pytest
import torch
from small_causal import CENTRES, COARSE_CENTRES, LABELS, ROWS, drawn, fresh, trained
from torch import Tensor
from torch.nn import functional

from netdiffus.diffusion.causal import CausalDenoiser, Codebook, CodeEmbedding

LABEL = torch.tensor([0, 1, 2, 1])


def before(network: CausalDenoiser, codes: Tensor, coarse: Tensor | None = None) -> Tensor:
    """What `hidden` takes: the embeddings of the rows before each row."""
    embedded = network.fine.embed(codes)
    if network.coarse is not None and coarse is not None:
        embedded = torch.cat([network.coarse.embed(coarse), embedded], dim=1)
    return functional.pad(embedded[:, :-1], (0, 0, 1, 0))


def answer(network: CausalDenoiser, codes: Tensor, label: Tensor = LABEL) -> list[Tensor]:
    return network.fine.logits(network.hidden(before(network, codes), label), codes)


@pytest.mark.parametrize("row", range(ROWS))
def test_a_row_changes_what_comes_after_it_and_nothing_before(row: int) -> None:
    network, codes = trained(), drawn(4)
    changed = codes.clone()
    changed[:, 1, row] = 1 - codes[:, 1, row]  # of the last channel, which no other of its row is given
    for one, other in zip(answer(network, codes), answer(network, changed), strict=True):
        assert torch.equal(one[:, : row + 1], other[:, : row + 1])
        assert all((one - other)[:, later].abs().max() > 1e-3 for later in range(row + 1, ROWS))


def test_a_channel_is_given_those_before_it_in_its_row() -> None:
    network, codes = trained(), drawn(4)
    changed = codes.clone()
    changed[:, 0, 3] = (codes[:, 0, 3] + 1) % 4
    (first, second), (first_after, second_after) = answer(network, codes), answer(network, changed)
    assert torch.equal(first[:, :4], first_after[:, :4])
    assert torch.equal(second[:, :3], second_after[:, :3])
    assert (second - second_after)[:, 3].abs().max() > 1e-3


def test_labels_and_places_matter() -> None:
    network, codes = trained(), drawn(4)
    other = answer(network, codes, (LABEL + 1) % 3)
    for one, two in zip(answer(network, codes), other, strict=True):
        assert (one - two).abs().amax(dim=(1, 2)).min() > 1e-3
    same = network.hidden(torch.zeros(1, ROWS, 16), torch.tensor([0]))[0]
    assert (same.diff(dim=0).abs().amax(dim=1) > 1e-3).all()


@pytest.mark.parametrize("parts", [[1] * ROWS, [3, 4], [1, 2, 1, 3], [ROWS]])
@pytest.mark.parametrize("coarse", [False, True])
def test_rows_that_come_one_after_another_see_what_they_see_in_one_pass(parts: list[int], coarse: bool) -> None:
    network = trained(coarse)
    rows = before(network, drawn(4), drawn(4, 2, COARSE_CENTRES) if coarse else None)
    whole, cache, found = network.hidden(rows, LABEL), network.cache(4), []
    for part in [2, *parts] if coarse else parts:
        found.append(network.hidden(rows[:, cache.rows : cache.rows + part], LABEL, cache))
        cache.rows += part
    torch.testing.assert_close(torch.cat(found, dim=1), whole, atol=1e-5, rtol=1e-5)


def test_what_was_tried_beyond_the_known_rows_leaves_no_trace() -> None:
    network, rows = trained(), before(trained(), drawn(4))
    whole, cache = network.hidden(rows, LABEL), network.cache(4)
    network.hidden(rows[:, :2], LABEL, cache)
    cache.rows = 2
    for scratch in (torch.ones(4, 5, 16), -torch.ones(4, 3, 16)):
        network.hidden(scratch, LABEL, cache)
    torch.testing.assert_close(network.hidden(rows[:, 2:], LABEL, cache), whole[:, 2:], atol=1e-5, rtol=1e-5)


def test_coarse_rows_come_first() -> None:
    network, codes, coarse = trained(coarse=True), drawn(4), drawn(4, 2, COARSE_CENTRES)
    changed = coarse.clone()
    changed[:, 1, 1] = 1 - coarse[:, 1, 1]
    one, other = (network.hidden(before(network, codes, part), LABEL) for part in (coarse, changed))
    assert torch.equal(one[:, :2], other[:, :2])
    assert ((one - other)[:, 2:].abs().amax(dim=(0, 2)) > 1e-3).all()
    assert network.coarse is not None
    assert [part.shape for part in network.coarse.logits(one[:, :2], coarse)] == [(4, 2, 3), (4, 2, 2)]
    assert network.prior(1, coarse=True).shape == (LABELS, 2, 2)


@pytest.mark.parametrize("coarse", [False, True])
def test_an_untrained_network_adds_nothing_to_the_prior(coarse: bool) -> None:
    network, codes = fresh(coarse), drawn(4)
    hidden = network.hidden(torch.randn(4, ROWS, 16), LABEL)
    assert [part.shape for part in network.fine.logits(hidden, codes)] == [(4, ROWS, 4), (4, ROWS, 2)]
    assert not any(part.any() for part in network.fine.logits(hidden, codes))
    if network.coarse is not None:
        assert not any(part.any() for part in network.coarse.logits(hidden, codes[:, :, :ROWS] % 2))


def test_certain_shares_are_embedded_as_their_codes_are() -> None:
    network, codes = trained(), drawn(4)
    certain = [functional.one_hot(codes[:, k], len(z)).float() for k, z in enumerate(CENTRES)]
    torch.testing.assert_close(network.fine.embed_shares(certain), network.fine.embed(codes))
    halves = [(part + other) / 2 for part, other in zip(certain, [part.roll(1, 0) for part in certain], strict=True)]
    mean = (network.fine.embed(codes) + network.fine.embed(codes.roll(1, 0))) / 2
    torch.testing.assert_close(network.fine.embed_shares(halves), mean)


def test_near_centres_are_embedded_alike_and_the_end_is_told_apart() -> None:
    torch.manual_seed(0)
    table = CodeEmbedding(Codebook(torch.tensor([0.0, 0.01, 2.0, 2.0]), True), 16)
    torch.nn.init.zeros_(table.own)
    found = table()
    assert (found[0] - found[1]).norm() < 0.1 * (found[0] - found[2]).norm()
    assert (found[2] - found[3]).norm() > 0.1, "the last code has ended the trace, whatever its centre"
    torch.manual_seed(0)
    plain = CodeEmbedding(Codebook(torch.tensor([0.0, 0.01, 2.0, 2.0]), False), 16)
    torch.nn.init.zeros_(plain.own)
    assert torch.equal(plain()[2], plain()[3])


def test_levels_add_nothing_until_they_are_trained() -> None:
    sigma = torch.tensor([[0.02, 0.5, 20.0]])
    assert not fresh().levels(sigma).any()
    added = trained().levels(sigma)
    assert added.shape == (1, 3, 16)
    assert (added.diff(dim=1).abs().amax(dim=2) > 1e-3).all()


def test_labels_outside_the_table_are_errors() -> None:
    with pytest.raises(IndexError, match="out of range"):
        answer(fresh(), drawn(4), torch.full((4,), LABELS))
