"""How connections end: tokens of kinds that flows share, and their way back."""

import numpy as np

from netdiffus.compiler.features.teardown import (
    ENDING,
    FORMER,
    OPEN,
    ending_places,
    fit_endings,
    last_kinds,
    with_endings,
)

FIN, ACK, DATA, RST, SYN = range(5)


def seen(*flows: list[int]) -> np.ndarray:
    kind = np.concatenate([np.array(flow) for flow in flows])
    return last_kinds(kind, np.array([len(flow) for flow in flows]), kind != SYN)


def padded(*kinds: int) -> list[int]:
    return [*kinds, *[OPEN] * (ENDING - len(kinds))]


def test_the_last_kinds_reach_back_to_the_handshake() -> None:
    long = [SYN, SYN, DATA, ACK, DATA, ACK, FIN, FIN, ACK]
    assert seen(long, [SYN, SYN, RST], [SYN], [DATA, ACK]).tolist() == [
        padded(ACK, FIN, FIN, ACK, DATA, ACK, DATA),
        padded(RST),
        padded(),
        padded(ACK, DATA),
    ]


def test_tokens_are_shared_where_there_would_be_too_many() -> None:
    common, rare = [SYN, DATA, FIN, FIN, ACK], [SYN, RST, FIN, FIN, ACK]
    found = seen(*[common] * 3, rare, [SYN, DATA, RST], [SYN, DATA])
    assert len(fit_endings(found)) == 5
    endings = fit_endings(found, 3)
    assert sorted(endings.tokens.tolist()) == sorted([padded(), padded(ACK, FIN, FIN, DATA), padded(ACK, FIN, FIN)])
    tokens = endings.tokens[ending_places(endings, found)].tolist()
    assert tokens == [padded(ACK, FIN, FIN, DATA)] * 3 + [padded(ACK, FIN, FIN), padded(), padded()]


def test_tokens_of_fewer_packets_know_the_last_ones_of_longer_endings() -> None:
    flow = [SYN, DATA, FIN, FIN, ACK]
    endings = fit_endings(seen(flow, flow, flow)[:, : FORMER[0]])
    longer = [*flow, ACK, FIN, ACK, DATA, FIN, FIN, ACK]
    known = [ACK, FIN, FIN, DATA, OPEN]
    assert endings.tokens[ending_places(endings, seen(longer, flow))].tolist() == [known] * 2


def test_the_token_holds_where_a_flow_is_closed_and_long_enough() -> None:
    counts = np.array([4, 4, 2, 4])
    tokens = np.array([padded(ACK, FIN), padded(ACK, FIN), padded(ACK, FIN, FIN), padded()])
    closed = np.array([True, False, True, True])
    kind = with_endings(np.full(14, DATA), counts, tokens, closed, np.zeros(14, bool))
    assert kind.tolist() == [DATA, DATA, FIN, ACK, *[DATA] * 4, DATA, ACK, *[DATA] * 4]
    fixed = np.zeros(14, bool)
    fixed[2] = True
    assert with_endings(np.full(14, DATA), counts, tokens, closed, fixed)[:4].tolist() == [DATA, DATA, DATA, ACK]


def test_what_flows_end_with_is_left_as_it_is() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 9, 300)
    kind = rng.integers(0, 5, counts.sum())
    found = last_kinds(kind, counts, kind != SYN)
    endings = fit_endings(found)
    assert len(endings) > 20
    tokens = endings.tokens[ending_places(endings, found)]
    np.testing.assert_array_equal(with_endings(kind, counts, tokens, np.ones(300, bool), kind == SYN), kind)


def test_tokens_hold_sixteen_packets_at_most() -> None:
    found = seen([SYN, *[FIN] * 20])
    assert found.tolist() == [[FIN] * ENDING]
    assert fit_endings(np.repeat(found, 3, axis=0)).tokens.tolist() == [[OPEN] * ENDING, [FIN] * ENDING]
