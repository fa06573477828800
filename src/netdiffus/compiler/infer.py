"""rows_of_flows: what varies in the headers of real flows, as rows that `compile_rows` makes the same headers of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from netdiffus.compiler.headers import REASONS, Headers, parse_headers
from netdiffus.compiler.icmp import infer_icmp
from netdiffus.compiler.ip import infer_ip
from netdiffus.compiler.specs import ROW, SAME, FlowRows
from netdiffus.compiler.tcp_numbers import infer_numbers
from netdiffus.compiler.timestamps import infer_timestamps
from netdiffus.compiler.timing import infer_times
from netdiffus.traffic.flows.frames import PROTOCOLS

NUMBERS = {name: number for number, name in PROTOCOLS.items()}


def rows_of_flows(
    flows: pl.DataFrame, packets: pl.DataFrame, label: str | Sequence[str] = ""
) -> tuple[FlowRows, Counter[str]]:
    """The rows of flows as traffic/flows reads them from a capture.

    Args:
        flows: FLOW_SCHEMA. packets: PACKET_SCHEMA, of the same flows, by flow and index.
        label: of all these flows, or of each.

    Returns:
        the rows of the flows that have rows, and how many have none, by reason.

    Raises:
        InputError: there are more layouts of TCP options than a row can name.
    """
    number = pl.Series(flows["protocol"]).replace_strict(NUMBERS, default=255, return_dtype=pl.UInt8).to_numpy()
    places = {flow: place for place, flow in enumerate(flows["flow_id"].to_list())}
    owner = packets["flow_id"].replace_strict(places, return_dtype=pl.Int64).to_numpy()
    headers = packets.select(pl.concat_list("network_header", "transport_header").alias("h")).to_series()
    data = np.frombuffer(b"".join(headers.explode().to_list()), np.uint8)
    lengths = [packets[name].bin.size().to_numpy().astype(np.int64) for name in ("network_header", "transport_header")]
    parsed, segments, layouts, reason = parse_headers(
        Headers(data, *lengths),
        owner,
        number,
        packets["time_ns"].to_numpy(),
        packets["direction"].to_numpy().astype(np.uint8),
        packets["payload_bytes"].to_numpy(),
    )
    counts = np.bincount(owner, minlength=len(flows)).astype(np.int64)
    parsed["start_ns"] = flows["start_ns"].to_numpy()
    worst = np.zeros(len(flows), np.uint8)
    np.maximum.at(worst, owner, reason)
    left_out = Counter({REASONS[code]: int(n) for code, n in enumerate(np.bincount(worst).tolist()) if code and n})
    labels = (label,) * len(flows) if isinstance(label, str) else tuple(label)
    every = FlowRows(parsed, np.zeros(len(owner), ROW), counts, layouts, labels)
    chosen = (worst == 0) & (counts > 0)
    kept, segments = every.select(chosen), segments[chosen[owner]]
    for name in SAME:
        kept.rows[name] = segments[name]
    infer_times(kept, segments)
    infer_ip(kept, segments)
    infer_numbers(kept, segments)
    infer_timestamps(kept, segments)
    infer_icmp(kept, segments)
    return kept, left_out
