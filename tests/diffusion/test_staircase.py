"""The staircase: exact draws of a known Markov chain row by row, beginnings, guidance, and the schedule of levels."""

from __future__ import annotations

import itertools

import pytest
import torch
from small_causal import CENTRES, COARSE_CENTRES, LABELS, NAMES, OBSERVATIONS, ROWS, drawn, fresh, rows_of, trained
from torch import Tensor

from netdiffus.diffusion.causal import CausalDenoiser, Codebook
from netdiffus.diffusion.forcing import Rows
from netdiffus.diffusion.observation import GasfRows, SeriesRows
from netdiffus.diffusion.staircase import RHO, SIGMA_MAX, SIGMA_MIN, Drawing, Guidance, sigmas, starts
from netdiffus.imaging.codec import STEP

COUNT = 8000
STAYS = torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3], [0.05, 0.15, 0.8]])
BEGINS = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
CHAIN_CENTRES = [torch.tensor([-1.0, 0.0, 1.0])]


class Chain(CausalDenoiser):
    """Answers as a Markov chain of three codes does: from BEGINS of the label, on by STAYS."""

    def __init__(self) -> None:
        even = torch.zeros(2, 3, 3)
        even[:, 0] = BEGINS.log()
        super().__init__([Codebook(CHAIN_CENTRES[0], False)], [even], None, width=3, depth=1, heads=1)
        table = self.fine.embeddings[0]
        torch.nn.init.zeros_(table.read.weight)
        torch.nn.init.zeros_(table.read.bias)
        with torch.no_grad():
            table.own.copy_(torch.eye(3))
            self.fine.heads[0].weight.copy_(torch.eye(3))

    def hidden(self, rows: Tensor, label: Tensor, cache=None) -> Tensor:
        """The log-probabilities of the next code; nothing before the first row."""
        return torch.where(rows.sum(dim=-1, keepdim=True) > 0, (rows @ STAYS).clamp(min=1e-9).log(), 0.0)


def chain(label: int) -> Tensor:
    """Probabilities (3, 3, 3) of the chain's traces."""
    return BEGINS[label][:, None, None] * STAYS[:, :, None] * STAYS[None]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawing(network: CausalDenoiser, label: Tensor, seed: int = 0, guidance: Guidance | None = None) -> Drawing:
    centres = CHAIN_CENTRES if isinstance(network, Chain) else CENTRES
    rows = Rows.of(GasfRows(network.length, STEP), centres)
    return Drawing(network, rows, label, seeded(seed), guidance)


def chi_square(codes: Tensor, wanted: Tensor) -> float:
    """Of traces (N, n) against their probabilities (K, ..., K), by degree of freedom."""
    size = wanted.shape[0]
    place = (codes * size ** torch.arange(codes.shape[1] - 1, -1, -1)).sum(dim=1)
    counts, expected = torch.bincount(place, minlength=wanted.numel()), wanted.flatten() * len(codes)
    return float(((counts - expected) ** 2 / expected).sum()) / (wanted.numel() - 1)


@torch.inference_mode()
@pytest.mark.parametrize("label", [0, 1])
def test_row_by_row_the_chain_is_drawn_exactly(label: int) -> None:
    codes = drawing(Chain(), torch.full((COUNT,), label)).draw()[:, 0]
    assert chi_square(codes, chain(label)) < 1.8
    assert chi_square(codes, chain(1 - label)) > 10, "the test tells chains apart"


@torch.inference_mode()
def test_beginnings_are_kept_and_go_on_by_their_conditional() -> None:
    known = torch.tensor([[[0, 2]]]).expand(COUNT, 1, 2)
    codes = drawing(Chain(), torch.zeros(COUNT, dtype=torch.int64)).draw(known=known)
    assert torch.equal(codes[:, :, :2], known)
    assert chi_square(codes[:, 0, 2:], STAYS[2]) < 4
    assert chi_square(codes[:, 0, 2:], STAYS[0]) > 20


@torch.inference_mode()
@pytest.mark.parametrize("window", [1, 3])
@pytest.mark.parametrize("coarse", [False, True])
def test_beginnings_of_any_length(window: int, coarse: bool) -> None:
    network, label, given = trained(coarse), torch.arange(12) % LABELS, drawn(12)
    small = drawn(12, 2, COARSE_CENTRES)[:, :, :1] if coarse else None
    for length in (0, 1, ROWS - 1, ROWS, ROWS + 2):
        known = torch.cat([given, given], dim=2)[:, :, :length]
        one = drawing(network, label)
        codes = one.draw(window, 4, known, small)
        assert torch.equal(codes[:, :, :length], known[:, :, :ROWS])
        assert one.done == ROWS
        if small is not None:
            assert torch.equal(one.coarse_codes[:, :, :1], small)


@torch.inference_mode()
def test_guidance_by_its_formula() -> None:
    """log p = log p(none) + weight (log p(label) - log p(none)); the null label's chain begins as label 1's."""
    label = torch.zeros(COUNT, dtype=torch.int64)
    for weight in (0.0, 1.0, 2.5):
        codes = drawing(Chain(), label, guidance=Guidance(weight, 1)).draw()[:, 0]
        near, far = BEGINS.log()
        pushed = (far + weight * (near - far)).softmax(dim=0)
        assert chi_square(codes, pushed[:, None, None] * STAYS[:, :, None] * STAYS[None]) < 1.8
    assert chi_square(codes, chain(0)) > 10


@torch.inference_mode()
@pytest.mark.parametrize("window", [1, 3])
def test_guidance_of_weight_one_changes_nothing(window: int) -> None:
    network, label = trained(), torch.arange(12) % 2
    plain = drawing(network, label).draw(window, 4)
    assert torch.equal(drawing(network, label, guidance=Guidance(1.0, 2)).draw(window, 4), plain)
    assert not torch.equal(drawing(network, label, guidance=Guidance(4.0, 2)).draw(window, 4), plain)


def test_levels_descend_between_their_ends() -> None:
    levels = sigmas(16)
    assert len(levels) == 16
    assert float(levels[0]) == pytest.approx(SIGMA_MAX)
    assert float(levels[-1]) == pytest.approx(SIGMA_MIN, rel=1e-4)
    roots = levels ** (1 / RHO)
    assert torch.allclose(roots.diff(), roots.diff().mean().expand(15), rtol=1e-3)


@pytest.mark.parametrize(
    ("rows", "window", "steps", "wanted"),
    [
        (4, 2, 4, [0, 2, 4, 6]),
        (5, 3, 4, [0, 1, 2, 4, 5]),
        (3, 3, 16, [0, 0, 0]),
        (3, 9, 16, [0, 0, 0]),
        (4, 2, 1, [0, 0, 1, 1]),
    ],
)
def test_when_rows_begin_to_descend(rows: int, window: int, steps: int, wanted: list[int]) -> None:
    found = starts(rows, window, steps)
    assert found == wanted
    if window < rows:  # a row begins when the one `window` places before it is done
        assert all(later - row == steps for row, later in zip(found, found[window:], strict=False))


@torch.inference_mode()
@pytest.mark.parametrize("observation", OBSERVATIONS, ids=NAMES)
@pytest.mark.parametrize(("window", "steps"), list(itertools.product([1, 2, ROWS, 99], [1, 4])))
def test_any_window_draws_all_rows_of_valid_codes_by_the_seed_alone(observation, window: int, steps: int) -> None:
    network, label, rows = trained(coarse=True), torch.arange(12) % LABELS, rows_of(observation)
    first, again, other = (Drawing(network, rows, label, seeded(seed)) for seed in (0, 0, 1))
    codes = first.draw(window, steps).clone()
    assert first.done == ROWS
    assert codes.shape == (12, 2, ROWS)
    assert codes.min() == 0
    assert codes.amax(dim=(0, 2)).tolist() == [3, 1]
    assert torch.equal(again.draw(window, steps), codes)
    assert not torch.equal(other.draw(window, steps), codes)


@torch.inference_mode()
@pytest.mark.parametrize("size", [0, 1, 5])
@pytest.mark.parametrize("window", [1, 3])
def test_batches_of_any_size(size: int, window: int) -> None:
    label = torch.zeros(size, dtype=torch.int64)
    assert drawing(trained(), label).draw(window, 4).shape == (size, 2, ROWS)
    assert drawing(trained(), label, guidance=Guidance(2.0, 2)).draw(window, 4).shape == (size, 2, ROWS)


@torch.inference_mode()
@pytest.mark.parametrize(("window", "steps", "most"), [(1, 1, 0.025), (2, 16, 0.08), (ROWS, 16, 0.08)])
def test_an_untrained_network_draws_the_prior(window: int, steps: int, most: float) -> None:
    """Of a bare series' rows, whatever the window; wider ones are as exact as their levels are fine."""
    network, label = fresh(), torch.ones(600, dtype=torch.int64)
    codes = Drawing(network, rows_of(SeriesRows(ROWS)), label, seeded()).draw(window, steps)
    for k, z in enumerate(CENTRES):
        shares = torch.stack([(codes[:, k] == code).float().mean(dim=0) for code in range(len(z))], dim=-1)
        assert float((shares - network.prior(k)[1].exp()).abs().mean()) < most
