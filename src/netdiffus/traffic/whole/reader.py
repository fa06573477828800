"""Whole traffic of captures, read block by block, and of the packets of a dataset, read chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.arrays import Ints
from netdiffus.traffic.flows.dtypes import KEPT, Kept
from netdiffus.traffic.flows.frames import PROTOCOLS, flow_frames
from netdiffus.traffic.flows.table import FlowTable
from netdiffus.traffic.labels.sessions import named_sessions
from netdiffus.traffic.whole.answers import answers_of
from netdiffus.traffic.whole.flows import Whole
from netdiffus.traffic.whole.lookups import UNKNOWN, named
from netdiffus.traffic.whole.observed import Observed
from netdiffus.wire.files.order import InOrder
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.headers.dissect import dissect

EVERY_PACKET = 2**31 - 1
TIMEOUT_S = 120.0
MOST_ANSWERS = 1_000_000  # addresses in DNS answers that are remembered of a capture
ENDS = ("client", "client_port", "server", "server_port")
NUMBERS = {name: number for number, name in PROTOCOLS.items()}

LabelRule = Callable[[Path, pl.DataFrame], pl.Series]


class _Table(FlowTable):
    """The flows of a capture, whose packets are added up instead of kept."""

    def __init__(self, observed: Observed, capture: int) -> None:
        super().__init__(packets=EVERY_PACKET, timeout_ns=round(TIMEOUT_S * 1e9))
        self._observed, self._capture = observed, capture

    def _hold(self, chunk: Kept) -> None:
        self._observed.add(chunk, np.ascontiguousarray(self.flows["protocol"]), self._capture)


def whole_of_capture(path: Path, capture: int, rule: LabelRule) -> Whole:
    """All traffic of a capture; flows are those of traffic/flows/reader.py.

    Sessions are those that FILE.labels.csv names, if it names that of every flow.

    Args:
        capture: its number among the captures that are read.
        rule: gives flows (rows of FLOW_SCHEMA) their labels; a flow without one is left out, its packets count.

    Raises:
        InputError: the file cannot be read, or is no capture.
    """
    observed, answers = Observed(), list[tuple[str, str, int]]()
    table = _Table(observed, capture)
    for block, *_ in InOrder(read_capture(path)):
        fields = dissect(block)
        table.add(block, fields)
        if len(answers) < MOST_ANSWERS:
            answers += answers_of(block, fields)
    flows = table.flows.copy()
    flows["kept"] = 0
    frame, _ = flow_frames(flows, np.arange(len(flows)), [], 0)
    labels = rule(path, frame)
    looked_up = named(answers, frame["client"], frame["server"], flows["start_ns"])
    described = frame.select(
        *ENDS, pl.Series("protocol", flows["protocol"]), labels.alias("label"), pl.Series("named", looked_up)
    )
    session = named_sessions(path, frame)
    if session is not None:
        described = described.with_columns(session=session)
    return observed.whole(described, np.full(len(flows), capture), flows["client"].astype(np.int64))


def whole_of_packets(flows: pl.DataFrame, chunks: Iterable[pl.DataFrame]) -> Whole:
    """All traffic of a dataset's flows.

    Args:
        flows: trace_id, ascending, label, and capture (a number), and session where it is known.
        chunks: rows of packets.parquet, by trace and index, all of a flow.
    """
    observed, ends = Observed(), []
    ids, captures = flows["trace_id"].to_numpy(), flows["capture"].to_numpy().astype(np.int64)
    protocol = np.zeros(len(flows), np.uint8)
    for chunk in chunks:
        flow = np.searchsorted(ids, chunk["trace_id"].to_numpy())
        known = (flow < len(ids)) & (ids[np.minimum(flow, len(ids) - 1)] == chunk["trace_id"].to_numpy())
        rows, flow = chunk.filter(pl.Series(known)), flow[known]
        first = rows.with_columns(flow=pl.Series(flow)).filter(pl.col("index") == 0)
        ends.append(first.select("flow", "protocol", *ENDS))
        protocol[first["flow"].to_numpy()] = _numbers(first["protocol"])
        observed.add(_kept(rows, flow), protocol, captures[flow])
    opened = pl.concat(ends).unique("flow", keep="first")
    table = flows.with_row_index("flow").cast({"flow": pl.Int64}).join(opened, on="flow", how="left").sort("flow")
    table = table.with_columns(pl.Series("protocol", protocol), pl.lit(UNKNOWN).alias("named"))
    return observed.whole(table, captures, np.zeros(len(flows), np.int64))


def _numbers(names: pl.Series) -> NDArray[np.uint8]:
    """Protocols by their number; those without a name are called by it."""
    numbers = names.replace_strict(NUMBERS, default=None, return_dtype=pl.UInt8)
    return numbers.fill_null(names.cast(pl.UInt8, strict=False)).fill_null(0).to_numpy()


def _kept(packets: pl.DataFrame, flow: Ints) -> Kept:
    """Rows of packets.parquet as packets of flows."""
    kept = np.zeros(len(packets), KEPT)
    kept["flow"] = flow
    for name in ("time_ns", "index", "payload_bytes"):
        kept[name] = packets[name].to_numpy()
    kept["side"] = packets["direction"].to_numpy()
    network, transport = packets["network_header"], packets["transport_header"]
    kept["network_bytes"], kept["transport_bytes"] = network.bin.size().to_numpy(), transport.bin.size().to_numpy()
    pairs = zip(network.to_list(), transport.to_list(), strict=True)
    return Kept(kept, np.frombuffer(b"".join(part for pair in pairs for part in pair), np.uint8))
