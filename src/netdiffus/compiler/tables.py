"""The rows of a dataset's flows: its tables of traces and packets as FlowRows."""

from __future__ import annotations

from collections import Counter

import polars as pl

from netdiffus.compiler.infer import rows_of_flows
from netdiffus.compiler.specs import FlowRows
from netdiffus.traffic.labels.rules import TUPLE


def rows_of_tables(traces: pl.DataFrame, packets: pl.DataFrame) -> tuple[FlowRows, Counter[str]]:
    """The rows of flows of a dataset, in the order of the traces, and how many have none, by reason.

    Args:
        traces: rows of traces.parquet; trace_id, label and start_ns are used.
        packets: packets.parquet; packets of other traces are left out.
    """
    ends = packets.filter(pl.col("index") == 0).select("trace_id", *TUPLE)
    flows = traces.select("trace_id", "label", "start_ns").join(ends, on="trace_id", maintain_order="left")
    place = pl.DataFrame({"trace_id": flows["trace_id"], "place": range(len(flows))})
    kept = packets.drop(TUPLE).join(place, on="trace_id", maintain_order="left").sort("place", "index")
    named = {"trace_id": "flow_id"}
    return rows_of_flows(flows.rename(named), kept.rename(named), flows["label"].to_list())
