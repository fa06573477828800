"""Client ports of UDP are none that analysers take for another protocol's."""

import numpy as np

from netdiffus.compiler import concatenate, fresh_endpoints
from netdiffus.compiler.claimed_ports import CLAIMED, unclaimed
from netdiffus.compiler.specs import CLIENT, SERVER
from real_sessions import recorded


def test_claimed_ports_move_to_the_next_that_is_not() -> None:
    assert unclaimed(np.array([5072, 7074, 7073, 40000])).tolist() == [5073, 7076, 7073, 40000]
    every = unclaimed(np.arange(1024, 1 << 16))
    assert not np.isin(every, CLAIMED).any()
    assert every.max() < 1 << 16


def test_no_client_of_udp_speaks_from_a_claimed_port() -> None:
    rows = concatenate([recorded("voice-call")[0]] * 40)
    rows.flows["port"][:, CLIENT] = 7074
    fresh = fresh_endpoints(rows, np.random.default_rng(0))
    drawn = fresh.flows["port"][:, CLIENT]
    assert len(np.unique(drawn)) > 100
    assert drawn.max() < 32768
    assert not np.isin(drawn, CLAIMED).any()
    assert np.array_equal(fresh.flows["port"][:, SERVER], rows.flows["port"][:, SERVER])
