"""Which flows share both ends with an earlier one: those that a set of their ends says."""

import numpy as np
import pytest

from netdiffus.compiler import endpoints
from netdiffus.compiler.endpoints import clashes
from netdiffus.compiler.specs import FLOW


def few_hosts(n: int) -> np.ndarray:
    rng, flows = np.random.default_rng(n), np.zeros(n, FLOW)
    flows["address"], flows["port"] = rng.integers(0, 4, (n, 2, 2)), rng.integers(0, 3, (n, 2))
    flows["protocol"] = rng.choice([6, 17], n)
    return flows


@pytest.mark.parametrize("n", [0, 1, 2, 50, 500])
@pytest.mark.parametrize("mixed", [True, False], ids=["mixed", "all numbers equal"])
def test_flows_that_share_both_ends_with_an_earlier_one(n: int, mixed: bool, monkeypatch) -> None:
    if not mixed:  # numbers of ends may be equal where ends are not
        monkeypatch.setattr(endpoints, "_number_of_ends", lambda flows: np.zeros(len(flows), np.uint64))
    flows, seen, expected = few_hosts(n), set(), []
    for place, flow in enumerate(flows):
        ends = [(*address.tolist(), int(port)) for address, port in zip(flow["address"], flow["port"], strict=True)]
        key = (*sorted(ends), int(flow["protocol"]))
        if key in seen or ends[0][:2] == ends[1][:2]:
            expected.append(place)
        seen.add(key)
    assert clashes(flows).tolist() == expected
    assert n < 50 or 0 < len(expected) < n
