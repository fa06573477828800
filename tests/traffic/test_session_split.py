"""Which flows are of one session, and whether there are enough sessions."""

import numpy as np
import polars as pl

from netdiffus.traffic.session_split import ENDS, sessions_of_flows, why_none

S = 1_000_000_000


def test_sessions_are_of_one_client_of_one_capture() -> None:
    rows = [(0, "a", 0, S), (0, "a", 2 * S, 3 * S), (1, "a", 2 * S, 3 * S), (0, "b", S, S), (0, "a", 99 * S, 99 * S)]
    ends = pl.DataFrame(rows, schema=ENDS, orient="row")
    assert sessions_of_flows([ends[:2], ends[2:]]).tolist() == [0, 0, 2, 1, 3]


def test_a_label_with_few_sessions_is_named() -> None:
    labels = pl.Series(["web"] * 20 + ["dns"] * 3)
    session = np.concatenate([np.repeat(np.arange(10), 2), [10, 10, 11]])
    assert why_none(labels[:20], session[:20]) == ""
    assert why_none(labels, session) == "label 'dns' leads 2 of them, and each must lead 10"
    assert why_none(labels[:20], np.arange(20)) == "no client of the captures has several flows in one session"
