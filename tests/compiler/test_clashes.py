"""Which flows share both ends with an earlier one: those that a set of their ends says."""

import numpy as np
import pytest

from netdiffus.compiler.endpoints import clashes
from netdiffus.compiler.specs import FLOW


def few_hosts(n: int, version: int) -> np.ndarray:
    rng, flows = np.random.default_rng(n), np.zeros(n, FLOW)
    flows["address"], flows["port"] = rng.integers(0, 4, (n, 2, 2)), rng.integers(0, 3, (n, 2))
    flows["protocol"], flows["version"] = rng.choice([6, 17], n), version
    return flows


@pytest.mark.parametrize("n", [0, 1, 2, 50, 500])
@pytest.mark.parametrize("version", [4, 6])
def test_flows_that_share_both_ends_with_an_earlier_one(n: int, version: int) -> None:
    flows, seen, expected = few_hosts(n, version), set(), []
    for place, flow in enumerate(flows):
        ends = [(*address.tolist(), int(port)) for address, port in zip(flow["address"], flow["port"], strict=True)]
        key = (*sorted(ends), int(flow["protocol"]))
        if key in seen or ends[0][:2] == ends[1][:2]:
            expected.append(place)
        seen.add(key)
    assert clashes(flows).tolist() == expected
    assert n < 50 or 0 < len(expected) < n
