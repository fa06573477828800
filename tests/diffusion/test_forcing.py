"""Diffusion forcing: what noisy rows tell of their codes, the loss by hand, levels, and the recipe's priors."""

from __future__ import annotations

import math

import pytest
import torch
from small_causal import (
    CENTRES,
    COARSE_CENTRES,
    LABELS,
    NAMES,
    OBSERVATIONS,
    ROWS,
    drawn,
    fresh,
    priors,
    rows_of,
    trained,
)
from torch import Tensor
from torch.nn import functional

from netdiffus.diffusion import forcing
from netdiffus.diffusion.contexts import Contexts
from netdiffus.diffusion.fit import Sample
from netdiffus.diffusion.forcing import Rows, draw_levels, posteriors
from netdiffus.diffusion.forcing_recipe import Crossed, ForcingRecipe
from netdiffus.diffusion.observation import SeriesRows

LABEL = torch.arange(12) % LABELS


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def of_labels(tables: list[Tensor], label: Tensor = LABEL) -> list[Tensor]:
    return [table[label] for table in tables]


@pytest.fixture(params=OBSERVATIONS, ids=NAMES)
def rows(request: pytest.FixtureRequest) -> Rows:
    return rows_of(request.param)


def test_levels_are_log_normal_and_a_share_of_the_rows_is_hidden() -> None:
    sigma, hidden = draw_levels(2000, 50, seeded())
    assert float(sigma.log().mean()) == pytest.approx(forcing.P_MEAN, abs=0.02)
    assert float(sigma.log().std()) == pytest.approx(forcing.P_STD, rel=0.01)
    assert float(hidden.float().mean()) == pytest.approx(forcing.HIDDEN, abs=0.005)
    assert abs(float(torch.corrcoef(sigma.log().T)[0, 1])) < 0.1, "each row has its own"


def test_noise_has_the_spread_of_its_level(rows: Rows) -> None:
    codes, sigma = drawn(1).expand(20_000, -1, -1), torch.linspace(0.1, 2, ROWS).expand(20_000, -1)
    noise = rows.noised(codes, sigma, seeded()) - rows.observation.observe(rows.series(codes))
    wanted = rows.observation.spread(sigma)[0].expand(2, ROWS)
    assert torch.allclose(noise.std(dim=0), wanted, rtol=0.03)


def test_with_hardly_any_noise_the_codes_are_known(rows: Rows) -> None:
    codes, sigma = drawn(12), torch.full((12, ROWS), 0.01)
    prior = of_labels(priors(ROWS, CENTRES))
    exact = ROWS if isinstance(rows.observation, SeriesRows) else forcing.SWEEPS  # each sweep settles one row at least
    for k, share in enumerate(posteriors(rows, prior, rows.noised(codes, sigma, seeded()), sigma)):
        assert torch.equal(share.argmax(dim=-1)[:, :exact], codes[:, k, :exact])
        assert share.amax(dim=-1)[:, :exact].min() > 0.99
        assert (share.argmax(dim=-1) == codes[:, k]).float().mean() > 0.95


def test_of_hidden_rows_the_prior_is_known(rows: Rows) -> None:
    codes, sigma = drawn(12), torch.full((12, ROWS), 0.01)
    hidden = torch.zeros(12, ROWS, dtype=torch.bool)
    hidden[:, 4] = True
    prior = of_labels(priors(ROWS, CENTRES))
    for k, share in enumerate(posteriors(rows, prior, rows.noised(codes, sigma, seeded()), sigma, hidden)):
        torch.testing.assert_close(share[:, 4], prior[k][:, 4].exp())
        assert torch.equal(share[:, :2].argmax(dim=-1), codes[:, k, :2])


def test_posteriors_of_a_series_are_bayes_rule() -> None:
    series = rows_of(SeriesRows(ROWS))
    codes, sigma = drawn(12), torch.linspace(0.3, 3, ROWS).expand(12, -1)
    prior, observed = of_labels(priors(ROWS, CENTRES)), series.noised(codes, sigma, seeded())
    for k, share in enumerate(posteriors(series, prior, observed, sigma)):
        density = torch.distributions.Normal(CENTRES[k], sigma[..., None]).log_prob(observed[:, k, :, None]).exp()
        weight = prior[k].exp() * density
        torch.testing.assert_close(share, weight / weight.sum(dim=-1, keepdim=True), atol=1e-5, rtol=1e-4)


def test_series_moments_and_likelihoods_are_of_the_codes(rows: Rows) -> None:
    codes = drawn(3)
    assert torch.equal(rows.series(codes)[:, 1], CENTRES[1][codes[:, 1]])
    certain = [functional.one_hot(codes[:, k], len(z)).float() for k, z in enumerate(CENTRES)]
    torch.testing.assert_close(
        rows.observation.expected(rows.means(certain)), rows.observation.observe(rows.series(codes))
    )
    likelihoods = rows.likelihoods(
        rows.observation.observe(rows.series(codes)), torch.full((3, ROWS), 0.1), rows.means(certain)
    )
    assert all(torch.equal(part.argmax(dim=-1), codes[:, k]) for k, part in enumerate(likelihoods))


@pytest.mark.parametrize("noised", [0, 6, 12])
def test_an_untrained_network_loses_the_priors_cross_entropy(rows: Rows, noised: int) -> None:
    codes, coarse = drawn(12), drawn(12, 2, COARSE_CENTRES)
    prior, small = of_labels(priors(ROWS, CENTRES)), of_labels(priors(2, COARSE_CENTRES, seed=1))
    found = forcing.loss(fresh(coarse=True), rows, codes, coarse, LABEL, (prior, small), seeded(), noised=noised)
    wanted = torch.zeros(12)
    for tables, chosen in ((prior, codes), (small, coarse)):
        for k, table in enumerate(tables):
            wanted -= table.gather(2, chosen[:, k, :, None])[..., 0].sum(dim=1)
    torch.testing.assert_close(found, wanted / (2 * ROWS))


def test_without_noise_the_loss_is_that_of_an_autoregressive_model(rows: Rows) -> None:
    """Every code's own conditional, of a pass that has seen the rows before it alone."""
    network, codes, prior = trained(), drawn(12), of_labels(priors(ROWS, CENTRES))
    found = forcing.loss(network, rows, codes, None, LABEL, (prior, []), seeded(), noised=0)
    wanted = torch.zeros(12)
    with torch.no_grad():
        for row in range(ROWS):
            begun = functional.pad(network.fine.embed(codes[:, :, :row]), (0, 0, 1, 0))
            hidden = network.hidden(begun, LABEL)[:, -1:]
            first, earlier = network.fine.heads[0](hidden), network.fine.earlier[0]()[codes[:, 0, row]][:, None]
            second = network.fine.heads[1](network.fine.given(hidden, earlier, 1))
            for k, logits in enumerate((first, second)):
                chosen = (logits[:, 0] + prior[k][:, row]).log_softmax(dim=-1)
                wanted -= chosen.gather(1, codes[:, k, row, None])[:, 0]
    torch.testing.assert_close(found.detach(), wanted / (2 * ROWS), atol=1e-5, rtol=1e-5)


def test_only_the_share_that_is_noised_differs_and_the_seed_decides(rows: Rows) -> None:
    network, codes, prior = trained(), drawn(12), of_labels(priors(ROWS, CENTRES))

    def loss(noised: int, seed: int) -> Tensor:
        return forcing.loss(network, rows, codes, None, LABEL, (prior, []), seeded(seed), noised=noised).detach()

    clean, some, again, other = loss(0, 0), loss(3, 0), loss(3, 0), loss(3, 1)
    assert torch.equal(some, again)
    assert not torch.allclose(some[:3], other[:3])
    assert not torch.allclose(some[:3], clean[:3])
    torch.testing.assert_close(some[3:], clean[3:])


def test_every_parameter_learns(rows: Rows) -> None:
    network = trained(coarse=True)
    small = of_labels(priors(2, COARSE_CENTRES, seed=1))
    known = (of_labels(priors(ROWS, CENTRES)), small)
    forcing.loss(
        network, rows, drawn(12), drawn(12, 2, COARSE_CENTRES), LABEL, known, seeded(), noised=6
    ).sum().backward()
    silent = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert silent == []


def test_the_recipe_gives_a_trace_the_prior_of_its_own_fold(rows: Rows) -> None:
    network, codes = fresh(), drawn(12)
    crossed = [torch.stack([table, table.roll(1, -1)]) for table in priors(ROWS, CENTRES)]
    recipe, fold = ForcingRecipe(network, rows, Crossed(crossed, [], Contexts([[], []]))), LABEL % 2
    found = recipe.loss(Sample(codes, LABEL, fold=fold), seeded())
    wanted = -sum(
        table[fold, LABEL].gather(2, codes[:, k, :, None])[..., 0].sum(dim=1) for k, table in enumerate(crossed)
    )
    torch.testing.assert_close(found, wanted / (2 * ROWS))
    plain = recipe.loss(Sample(codes, LABEL), seeded())
    torch.testing.assert_close(plain[fold == 0], found[fold == 0])
    assert not torch.allclose(plain[fold == 1], found[fold == 1])


def test_rows_are_noised_in_training_alone() -> None:
    series, codes = rows_of(SeriesRows(ROWS)), drawn(12)
    recipe = ForcingRecipe(trained(), series, noised=1.0)
    sample = Sample(codes, LABEL)
    assert torch.equal(recipe.loss(sample, seeded(0)), recipe.loss(sample, seeded(1)))
    recipe.network.train()
    assert not torch.allclose(recipe.loss(sample, seeded(0)), recipe.loss(sample, seeded(1)))


def test_the_rate_rises_and_falls() -> None:
    recipe = ForcingRecipe(fresh(), rows_of(SeriesRows(ROWS)))
    assert recipe.rate(0, 0.0) == pytest.approx(0.01)
    assert recipe.rate(99, 0.0) == 1
    assert recipe.rate(500, 0.5) == pytest.approx(0.5)
    assert recipe.rate(500, 1.0) == pytest.approx(0.01)
    held = [p for optimiser in recipe.optimisers(1e-3) for group in optimiser.param_groups for p in group["params"]]
    assert len(held) == len(list(recipe.network.parameters()))
    assert math.isclose(recipe.optimisers(1e-3)[0].param_groups[0]["lr"], 1e-3)
