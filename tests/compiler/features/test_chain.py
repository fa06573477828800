"""Chains, tokens, cells and courses on numbers that can be checked by hand."""

import numpy as np
import pytest

from netdiffus.compiler.features.cells import NONE, Cells
from netdiffus.compiler.features.chain import Chain, ChainManifest, longer
from netdiffus.compiler.features.chain_draw import Tables, draw_tokens, stretch
from netdiffus.compiler.features.course import QUANTITIES, ROWS, SEGMENTS, UNIT, courses, segments_of, targets
from netdiffus.compiler.features.packed import pack, unpack
from netdiffus.compiler.specs import FLOW, ROW, FlowRows


def chain(tokens, owner, cells=None, alone=(False,)) -> Chain:
    tokens, owner = np.array(tokens), np.array(owner)
    cells = np.zeros(len(tokens), np.int64) if cells is None else np.array(cells)
    return Chain.fit(tokens, owner, cells, np.array(alone))


def after(found: Chain, cell: int, *before: int) -> dict[int, int]:
    """What came after the tokens, the latest one first, and how often."""
    key = longer(len(before), cell)
    for token in before:
        key = longer(key, token)
    at = int(np.searchsorted(found.keys, key))
    if at == len(found.keys) or found.keys[at] != key:
        return {}
    span = slice(found.ends[at], found.ends[at + 1])
    return dict(zip(found.tokens[span].tolist(), np.diff(found.passed[span], prepend=0).tolist(), strict=True))


def test_what_follows_what_is_counted() -> None:
    found = chain([0, 1, 0, 2, 0, 1, -1, 2, 0], [0, 0, 0, 0, 1, 1, 1, 1, 1])
    assert after(found, 0) == {0: 4, 1: 2, 2: 2}
    assert after(found, 0, 0) == {1: 2, 2: 1}
    assert after(found, 0, 1) == {0: 1}  # what comes after a token that may not be drawn is not counted
    assert after(found, 1) == {}


def test_a_long_context_of_few_packets_or_one_flow_is_left_out() -> None:
    one = [0, 1] * 6
    assert after(chain(one, [0] * 12), 0, 1, 0) == {}
    assert after(chain(one, [0] * 12, alone=[True]), 0, 1, 0) == {0: 5}
    assert after(chain(one * 2, [0] * 12 + [1] * 12), 0, 1, 0) == {0: 10}
    assert after(chain([0, 1, 0] * 2, [0] * 3 + [1] * 3), 0, 1, 0) == {}


def test_chains_come_back_from_a_manifest() -> None:
    rng = np.random.default_rng(0)
    found = chain(rng.integers(0, 5, 500), np.repeat(np.arange(10), 50))
    back = Chain.of_manifest(ChainManifest.of(found.to_json(), "chain"), 5)
    assert all(
        np.array_equal(getattr(found, name), getattr(back, name)) for name in ("keys", "ends", "tokens", "passed")
    )
    with pytest.raises(ValueError, match="contexts of 4 tokens"):
        Chain.of_manifest(ChainManifest.of(found.to_json(), "chain"), 4)
    with pytest.raises(ValueError, match="contexts in order"):
        Chain.of_manifest(ChainManifest.of(found.to_json() | {"keys": pack(found.keys[::-1])}, "chain"), 5)


def test_arrays_in_a_manifest() -> None:
    array = np.arange(-6, 6).reshape(2, 3, 2)
    assert np.array_equal(unpack(pack(array), -1, 3, 2), array)
    for text in ("!", "AAAA"):
        with pytest.raises(ValueError, match="with arrays"):
            unpack(text, -1)
    with pytest.raises(ValueError, match="reshape"):
        unpack(pack(array), 5, 5)


def drawn(found: Chain, packets: int, sums, candidates: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokens, sizes, gaps of a flow; token 0 goes up with 10 bytes, token 1 down with 100 to 199; gaps of 1 to 2 µs."""
    sides, low, high = np.array([1, 0], np.uint8), np.array([10, 100]), np.array([10, 199])
    gaps = np.full((1, 2, 1, 2), [1000.0, 2000.0])
    tables = Tables(found.keys, found.ends, found.tokens, found.passed, sides, low, high, np.zeros(2, np.int64), gaps)
    n, one = np.array([packets]), np.zeros(1, np.int64)
    tokens, sizes, ns = np.zeros(packets, np.int64), np.zeros(packets, np.int64), np.zeros(packets)
    of_segments = np.zeros((1, SEGMENTS, 4))
    of_segments[0, 0] = sums
    past = np.full((1, 3), -1)
    cells = np.zeros((1, SEGMENTS), np.int64)
    draw_tokens(one, cells, n, n, one, one + 1, of_segments, past, one + 7, 3, candidates, tables, tokens, sizes, ns)
    stretch(n, n, one, one + 1, of_segments, one, ns)
    return tokens, sizes, ns


def test_drawn_tokens_follow_their_counts() -> None:
    rng = np.random.default_rng(1)
    tokens = (rng.random(20_000) < 0.3).astype(np.int64)
    got, sizes, gaps = drawn(chain(tokens, np.repeat([0, 1], 10_000)), 20_000, (0, 0, 0, 30e6))
    assert np.mean(got) == pytest.approx(0.3, abs=0.02)
    assert set(sizes[got == 0]) == {10}
    assert set(sizes[got == 1]) == set(range(100, 200))
    assert gaps.sum() == pytest.approx(30e6)
    assert gaps.max() / gaps.min() <= 2.001


def test_a_course_steers_what_is_drawn() -> None:
    tokens = np.random.default_rng(2).integers(0, 2, 20_000)
    found = chain(tokens, np.repeat([0, 1], 10_000))
    wanted = (3200, 32_000, 800 * 149.5, 1e9)  # 80 % upwards, where the chain has half
    got, _, gaps = drawn(found, 4000, wanted, 8)
    assert np.mean(got == 0) > 0.62
    assert gaps.sum() == pytest.approx(1e9)
    assert np.mean(drawn(found, 4000, wanted)[0] == 0) < 0.55


def stretched(gaps: list[float], wanted: float, packets: int | None = None, trip: int = 0) -> list[float]:
    """The gaps of the first packets of a flow of one segment that takes so many ns."""
    n, one, sums = np.array([packets or len(gaps)]), np.zeros(1, np.int64), np.zeros((1, SEGMENTS, 4))
    sums[0, 0, 3] = wanted
    found = np.concatenate([gaps, np.zeros(int(n[0]) - len(gaps))])
    stretch(n, n, one, one + 1, sums, one + trip, found)
    assert found.sum() == pytest.approx(wanted) or trip
    return found[: len(gaps)].tolist()


def test_what_is_sent_together_stays_together_in_short_flows() -> None:
    bursts = [1e4, 2e7, 5e9, 1e4, 2e7, 1e9]
    assert stretched(bursts, 9e9) == pytest.approx([1e4, 2e7, 9e9 - 1.04002e9, 1e4, 2e7, 1e9]), (
        "one wait takes the rest"
    )
    assert stretched(bursts, 3e9) == pytest.approx([1e4, 2e7, 3e9 - 1.04002e9, 1e4, 2e7, 1e9])
    assert stretched(bursts, 1e9) == pytest.approx([1e4, 2e7, 4.7999e8, 1e4, 2e7, 4.7999e8]), "waits are cut, no gaps"
    assert stretched(bursts, 1e7) == pytest.approx([1e4, 2.495e6, 2.495e6, 1e4, 2.495e6, 2.495e6], rel=1e-3)
    assert stretched(bursts, 0, trip=30_000_000) == [1e4, 2e7, 3e7, 1e4, 2e7, 3e7], "none less than a round trip"
    assert stretched(bursts, 8e9, 1000)[1] == pytest.approx(2e7 * 8e9 / 6.04e9, rel=1e-3), "long flows keep their pace"


def flows(*counts: int) -> FlowRows:
    rows, rng = np.zeros(sum(counts), ROW), np.random.default_rng(3)
    rows["direction"], rows["size"] = rng.integers(0, 2, len(rows)), rng.integers(0, 1449, len(rows))
    rows["gap_ns"] = rng.integers(1, 10**9, len(rows))
    return FlowRows(np.zeros(len(counts), FLOW), rows, np.array(counts), (), ("",) * len(counts))


def test_a_course_says_what_packets_come_to() -> None:
    made = flows(5, 70, 2000, 10)
    course = courses(made, 10)
    assert course.shape == (4, len(QUANTITIES), ROWS)
    assert course[:, 0, 0].tolist() == [0, 60, 1990, 0]
    assert segments_of(course[:, 0, 0].astype(int)).tolist() == [0, 1, 16, 0]
    body = made.rows[5 + 10 : 75]
    assert course[1, 1, 0] == round(1000 * np.mean(body["direction"] == 0))
    assert course[1, 2, 0] == pytest.approx(UNIT * body["size"][body["direction"] == 0].mean(), abs=0.5)
    sums = targets(course, course[:, 0, 0].astype(np.int64)).sums
    assert not sums[[0, 3]].any()
    rows = made.rows[75 + 10 : 75 + 2000]
    segment = np.arange(1990) * SEGMENTS // 1990
    up = rows["direction"] == 0
    for k, value in enumerate((up, up * rows["size"], ~up * rows["size"], rows["gap_ns"])):
        assert sums[2, :, k] == pytest.approx(np.bincount(segment, value.astype(float)), rel=0.02)
        assert sums[2, :, k].sum() == pytest.approx(value.sum(), rel=0.002)


def test_segments_that_a_model_forgot_are_like_the_whole() -> None:
    course = courses(flows(600), 10)
    course[0, :, 1:] = np.nan
    sums = targets(course, np.array([590])).sums
    assert sums[0].sum(axis=0)[3] == pytest.approx(590 * course[0, 4, 0])
    assert np.ptp(sums[0, :, 3]) <= sums[0, 0, 3] / 30


def test_packets_of_rare_cells_belong_to_the_nearest_one() -> None:
    levels = np.array([(0, 12)] * 3 + [(12, 0)] * 3 + [(5, 12)])
    cells = Cells.fit(np.zeros(7, np.int64), levels, np.arange(7), 2)
    assert cells.known.tolist() == [[0, 0, 12], [0, 12, 0]]
    assert cells.of(np.array([0, 0, 1]), np.array([(1, 11), (11, 1), (0, 0)])).tolist() == [0, 1, NONE]
    assert Cells.of_text(cells.to_json(), 2).known.tolist() == cells.known.tolist()
    with pytest.raises(ValueError, match="cells of 0 classes"):
        Cells.of_text(cells.to_json(), 0)
    assert Cells.fit(np.zeros(1, np.int64), levels[:1], np.zeros(1, np.int64), 1).known.tolist() == [[0, 0, 12]]


def test_the_gaps_of_the_ending_are_no_waits_to_stretch() -> None:
    gaps, n, one = np.array([2e6, 1e3, 2e6, 5e6]), np.array([4]), np.zeros(1, np.int64)
    sums = np.zeros((1, SEGMENTS, 4))
    sums[0, 0, 3] = 12e6
    stretch(n, np.array([3]), one, one + 1, sums, one, gaps)
    assert gaps.sum() == 12e6
    assert gaps[[1, 3]].tolist() == [1e3, 5e6]
