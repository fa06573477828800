"""Noisy tables: each trace changes the counts that the ledger has paid for, and nothing else is looked at."""

from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import pytest

from netdiffus.arrays import Floats, Ints
from netdiffus.imaging.scale import EmpiricalScale
from netdiffus.privacy import alphabet, tables
from netdiffus.privacy.alphabet import private_codes
from netdiffus.privacy.findings import FALSE, kept, normalised, significant
from netdiffus.privacy.grid import Grid, public_grid
from netdiffus.privacy.leaves import Leaves
from netdiffus.privacy.tables import Coded, Noise, places

CHANNELS = ("size", "signed_size", "direction", "gap_ns", "up_bytes")


def some_traces(count: int, seed: int = 0) -> Coded:
    """Traces of two channels whose second code repeats the first, and which end now and then."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, (count, 2, 4))
    codes[:, 1] = codes[:, 0]
    for trace, end in enumerate(rng.integers(2, 5, count)):
        codes[trace, :, end:] = 3
    return Coded(codes, rng.integers(0, 2, count), [4, 4])


def looks(traces: Coded, sigma: float = 3.0) -> list[Ints]:
    """The counts before noise of every look; trees are grown from noise alone, so that they are the same."""
    found: list[Ints] = []

    def recorded(counts: Ints, sigma: float) -> Ints:
        found.append(counts)
        return np.random.default_rng(len(found)).integers(0, 200, counts.shape)

    with patch.object(tables, "noisy", recorded):
        list(tables.tables(traces, np.array([500.0, 500.0]), Noise(sigma, sigma, sigma), np.random.default_rng(0)))
    return found


def test_one_trace_changes_one_count_by_one_at_each_look() -> None:
    every = some_traces(60)
    for left_out in range(0, 60, 7):
        rest = np.delete(np.arange(60), left_out)
        fewer = Coded(every.codes[rest], every.ids[rest], every.sizes)
        changes = [np.abs(a - b) for a, b in zip(looks(every), looks(fewer), strict=True)]
        assert all(change.sum() <= 1 for change in changes)
        # by label, of pairs and of leaves: one count for each position of each channel, as paid for
        assert sum(change.sum() for change in changes) <= 3 * 2 * 4
        assert sum(change.sum() for change in changes) > 8


def test_the_values_of_a_trace_change_one_count_of_each_position() -> None:
    grid, counted = public_grid("size"), list[Ints]()

    def recorded(counts: Ints, sigma: float) -> Ints:
        counted.append(counts)
        return counts

    values = np.random.default_rng(0).integers(0, 1500, (30, 5)).astype(float)
    with patch.object(alphabet, "noisy", recorded):
        private_codes(values, grid, 1.0)
        private_codes(values[1:], grid, 1.0)
    assert np.abs(counted[0] - counted[1]).sum(axis=1).tolist() == [1] * 5


def leaks(codebook: Callable[[Floats], Floats]) -> bool:
    """Whether a codebook differs where the data do, given the same noisy counts."""
    fixed = np.random.default_rng(1).integers(0, 9, (5, len(public_grid("size").values) + 1))
    with patch.object(alphabet, "noisy", lambda counts, sigma: fixed):
        return not np.array_equal(codebook(np.full((40, 5), 517.0)), codebook(np.full((40, 5), 1448.0)))


def test_codes_depend_on_nothing_but_noisy_counts() -> None:
    grid = public_grid("size")
    assert not leaks(lambda values: private_codes(values, grid, 2.0).of_value.astype(np.float64))
    assert not leaks(lambda values: private_codes(values, grid, 2.0).weights)


def test_a_codebook_that_is_fitted_on_the_data_is_caught() -> None:
    assert leaks(lambda values: EmpiricalScale.of_atoms(values).values)


@pytest.mark.parametrize("name", CHANNELS)
def test_grids_ascend_and_are_whole_numbers(name: str) -> None:
    grid = public_grid(name)
    assert (np.diff(grid.values) > 0).all()
    assert (np.diff(grid.blocks) >= 0).all()
    assert np.array_equal(grid.values, np.round(grid.values))
    assert np.array_equal(grid.index(grid.values), np.arange(len(grid.values)))
    assert grid.index(np.array([np.nan]))[0] == len(grid.values)


def test_a_frequent_value_has_a_code_of_its_own_and_a_rare_one_has_not() -> None:
    grid = public_grid("size")
    values = np.repeat([[517.0], [1448.0], [700.0]], [300, 300, 1], axis=0)
    codes = private_codes(values, grid, 2.0)
    place = grid.index(np.array([517.0, 518.0, 1448.0, 700.0, 701.0]))
    mine = codes.of_value[place]
    assert mine[0] != mine[1]
    assert (codes.of_value == mine[0]).sum() == 1
    assert (codes.of_value == mine[2]).sum() == 1
    assert mine[3] == mine[4]


def test_a_grid_of_two_values_has_two_codes_and_absence() -> None:
    codes = private_codes(np.array([[0.0, 1.0], [1.0, np.nan]]), Grid(np.array([0.0, 1.0]), np.array([0, 1])), 1.0)
    assert codes.encode(np.array([0.0, 1.0, np.nan])).tolist() == [0, 1, 2]


def test_significant_counts_are_kept_and_the_others_share_what_is_left() -> None:
    expected = np.array([[5.0, 5.0, 5.0, 5.0]])
    shares = kept(np.array([[14.0, 6.0, 4.0, -3.0]]), expected, 3.0)
    assert shares[0] == pytest.approx([14 / 20, 3 / 20, 3 / 20, 0.0])
    same = kept(np.array([[6.0, 4.0, 7.0, 3.0]]), expected, 3.0)
    assert same[0] == pytest.approx([0.25] * 4)


def test_a_row_that_holds_less_than_the_noise_is_as_expected() -> None:
    expected = np.array([[1.0, 0.5, 0.5], [40.0, 20.0, 20.0]])
    counts = np.array([[19.0, -7.0, 12.0], [90.0, 15.0, 24.0]])  # of the first row: noise of standard deviation 6
    shares = kept(counts, expected, 6.0)
    assert shares[0] == pytest.approx([0.5, 0.25, 0.25])
    assert shares[1, 0] > 0.7
    assert kept(counts, expected, 6.0, 0.0)[0] != pytest.approx(shares[0])  # without backing off, noise is believed


def test_what_follows_the_end_of_a_trace_is_the_end_and_no_noise() -> None:
    rng = np.random.default_rng(0)
    cells = list(tables.tables(some_traces(500), np.array([250.0, 250.0]), Noise(4.0, 4.0, 4.0), rng))
    later = [cell for cell in cells if cell.channel == 1]
    for cell in later:
        over = np.flatnonzero((cell.tree.orders == 1) & (cell.tree.codes == 3))
        below = np.flatnonzero(np.isin(cell.tree.parents, over))
        assert (cell.shares[np.concatenate([over, below]), 3] == 1.0).all()
    assert sum(int((cell.tree.codes == 3).sum()) for cell in later) >= 4


def test_every_trace_falls_into_the_deepest_leaf_that_its_codes_lead_to() -> None:
    ids, first, second = np.zeros(100, dtype=np.int64), np.repeat([1, 2], [90, 10]), np.tile([5, 6], 50)
    tree = Leaves.grow(1, ids, [first, second], 1.0, [20, 30])
    assert tree.orders.tolist() == [0, 1, 2, 2]
    one = np.zeros(4, dtype=np.int64)
    assert tree.of(one, [np.array([1, 1, 1, 2]), np.array([5, 6, 7, 5])]).tolist() == [2, 3, 1, 0]
    assert tree.gathered(np.array([1.0, 2.0, 3.0, 4.0])).tolist() == [10.0, 9.0, 3.0, 4.0]


def test_contexts_look_at_what_was_drawn_before() -> None:
    assert places(0, 1, 0) == []
    assert places(0, 1, 9) == [(0, 1), (0, 2), (0, 3), (0, 4)]
    assert places(1, 2, 0) == [(0, 0)]
    assert places(1, 2, 3) == [(0, 0), (1, 1), (0, 1), (1, 2)]


def test_tables_find_what_follows_what() -> None:
    """The noise has a seed here: where few traces end in a short context, its shares may be noise alone."""
    traces, rng = some_traces(4000), np.random.default_rng(1)
    with patch.object(tables, "noisy", lambda counts, sigma: counts + rng.normal(0.0, sigma, counts.shape).round()):
        cells = list(tables.tables(traces, np.array([2000.0, 2000.0]), Noise(2.0, 2.0, 2.0), np.random.default_rng(0)))
    second = next(cell for cell in cells if (cell.row, cell.channel) == (1, 1))
    # no trace ends before its third row: a leaf that says so holds noise alone
    leaves = np.flatnonzero((second.tree.orders == 1) & (second.tree.codes < 3))
    assert len(leaves) >= 6
    codes = second.tree.codes[leaves]
    assert (second.shares[leaves].argmax(axis=1) == codes).all()
    assert normalised(second.shares).sum(axis=1) == pytest.approx(np.ones(len(second.shares)))


def false_share(signals: int, rng: np.random.Generator) -> float:
    """The share of noise in what is kept of 20,000 counts, of which some differ by six standard deviations."""
    counts = rng.normal(0.0, 3.0, 20_000)
    counts[:signals] += 18.0
    found = significant(counts, np.zeros(20_000), 3.0)
    assert signals == 0 or found[:signals].mean() > 0.9
    return float(found[signals:].sum() / max(found.sum(), 1))


@pytest.mark.parametrize("signals", [20, 400])
def test_of_what_is_kept_a_known_share_is_noise(signals: int) -> None:
    rng = np.random.default_rng(0)
    # no more than asked, and the threshold is no stricter either
    assert FALSE / 2 < np.mean([false_share(signals, rng) for _ in range(20)]) < FALSE + 0.05


def test_where_there_is_noise_alone_mostly_nothing_is_kept() -> None:
    rng = np.random.default_rng(0)
    assert np.mean([false_share(0, rng) for _ in range(40)]) < FALSE + 0.2
