"""Which look-up asks for which server."""

import numpy as np

from netdiffus.compiler.sessions.lookups import looked_up
from netdiffus.traffic.session_links import ANSWERED, Links

S = 1_000_000_000


def asked(server: list[int], back: list[int], lookup: list[int], seconds: list[float]) -> list[list[int]]:
    count = len(server)
    start = (np.array(seconds) * S).astype(np.int64)
    links = Links(np.array(back), np.full(count, ANSWERED), np.zeros(count, np.int64))
    return looked_up(np.zeros(count, np.int64), np.array(server), links, np.array(lookup, bool), start, start + S // 10)


def test_a_flow_is_asked_for_by_the_lookup_that_it_follows() -> None:
    # two look-ups at once, a connection behind each, the second one first
    assert asked([9, 9, 1, 2], [0, 1, 1, 3], [1, 1, 0, 0], [0, 0.01, 0.2, 0.3]) == [[3], [2], [], []]


def test_a_flow_that_follows_another_is_asked_for_by_a_lookup_that_asks_for_nothing_yet() -> None:
    # 1 and 2 follow the first look-up; 4 follows a connection, 3 is a look-up that nothing follows
    assert asked([9, 1, 1, 9, 2], [0, 1, 2, 1, 2], [1, 0, 0, 1, 0], [0, 1, 1.1, 2, 3]) == [[1], [], [], [4], []]


def test_a_known_server_is_asked_for_again_after_ten_seconds() -> None:
    found = asked([9, 1, 9, 1, 1], [0, 1, 1, 2, 3], [1, 0, 1, 0, 0], [0, 1, 30, 31, 32])
    assert found == [[1], [], [3], [], []]


def test_no_lookup_asks_for_what_came_before_it() -> None:
    assert asked([1, 9], [0, 1], [0, 1], [0, 1]) == [[], []]
