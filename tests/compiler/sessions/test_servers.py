"""Servers of sessions as small numbers, and back."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.compiler.sessions.servers import NEW, server_ranks, servers_of_ranks

DNS, WEB, SSH = range(3)


def ranks(*flows: tuple[int, int]) -> list[int]:
    server, kind = np.array(flows).T
    return server_ranks(np.zeros(len(flows), np.int64), server, kind, kind == DNS).tolist()


def test_servers_of_the_same_kind_come_first() -> None:
    assert ranks((9, DNS), (1, WEB), (1, WEB), (9, DNS), (2, WEB), (1, WEB)) == [NEW, NEW, 1, 1, NEW, 2]
    assert ranks((1, WEB), (2, WEB), (1, SSH), (2, SSH)) == [NEW, NEW, 2, 2]


def test_a_name_server_is_none_that_others_go_to() -> None:
    assert ranks((9, DNS), (9, WEB), (9, DNS)) == [NEW, NEW, 1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=60))
def test_servers_come_back(rows) -> None:
    session, server, kind = np.array(sorted(rows, key=lambda row: row[0])).T
    server = np.where(kind == DNS, server + 10, server)  # a host is a name server, or it is not
    back = servers_of_ranks(session, server_ranks(session, server, kind, kind == DNS), kind, kind == DNS)
    for number in np.unique(session):
        here = session == number
        pairs = {(one, other) for one, other in zip(server[here].tolist(), back[here].tolist(), strict=True)}
        assert len(pairs) == len(set(server[here].tolist())) == len(set(back[here].tolist()))


def test_a_number_beyond_the_servers_is_a_new_one() -> None:
    flat = np.zeros(3, np.int64)
    assert servers_of_ranks(flat, np.array([5, 1, 31]), flat + WEB, flat == DNS + 1).tolist() == [0, 0, 1]
