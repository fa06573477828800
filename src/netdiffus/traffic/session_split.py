"""Which flows of captures are of one session, where there are enough sessions to learn from and to test on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from netdiffus.arrays import Ints
from netdiffus.traffic.flow_sessions import flow_sessions

FEWEST_SESSIONS = 10
"""Of a label: with fewer, flows are split one by one, and no session is learned."""
ENDS = {"capture": pl.Int64, "client": pl.String, "start_ns": pl.Int64, "end_ns": pl.Int64}
"""What is known of each flow of captures: the number of its capture, its client, its first and its last packet."""


def sessions_of_flows(ends: Sequence[pl.DataFrame]) -> Ints:
    """The session of each flow, of rows of ENDS: the flows of one client of a capture without a minute's silence."""
    table = pl.concat(ends)
    who = table.select(pl.struct("capture", "client").rank("dense")).to_series().to_numpy().astype(np.int64)
    return flow_sessions(who, table["start_ns"].to_numpy(), table["end_ns"].to_numpy())


def why_none(labels: pl.Series, session: Ints) -> str:
    """Why there are no sessions to learn, of flows' labels and sessions; empty where there are."""
    table = pl.DataFrame({"label": labels, "session": session})
    if table["session"].n_unique() == len(table):
        return "no client of the captures has several flows in one session"
    counts = table.unique("session", keep="first", maintain_order=True).group_by("label").len()
    every = table.select("label").unique().join(counts, on="label", how="left").with_columns(pl.col("len").fill_null(0))
    label, count = every.sort("len", "label").row(0)
    if count < FEWEST_SESSIONS:
        return f"label {label!r} leads {count:,} of them, and each must lead {FEWEST_SESSIONS}"
    return ""
