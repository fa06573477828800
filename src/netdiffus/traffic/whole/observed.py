"""What packets add up to, flow by flow and over time; memory grows with flows and milliseconds, not with packets."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.arrays import Ints
from netdiffus.traffic.flows.dtypes import Kept
from netdiffus.traffic.whole.arrivals import ArrivalCounts
from netdiffus.traffic.whole.flows import Delays, Whole, WholeFlows, sessions_of
from netdiffus.traffic.whole.kernel import (
    DELAY,
    EDGE,
    END,
    HISTORY,
    IP_BYTES,
    KIND,
    NONE,
    OWNER,
    PACKETS,
    PAYLOAD,
    REQUESTER,
    RESET_BY,
    RESPONSE,
    ROUND_TRIP,
    START,
    TALKER,
    TIMED_NS,
    observe,
)

SIDE_COLUMNS, FLOW_COLUMNS = 9, 5
NUMBERS = ("protocol", "server_port", "named")


class Observed:
    """What the packets of some flows add up to; flows are numbered from 0, and packets of a flow come in order."""

    def __init__(self) -> None:
        self._sides, self._flows = _empty(0)
        self._delays: list[Ints] = []
        self.arrivals = ArrivalCounts()

    def add(self, kept: Kept, protocol: NDArray[np.uint8], capture: Ints | int) -> None:
        """Add packets; `protocol` is that of each flow so far (F,), `capture` that of each packet, or of all."""
        if (missing := len(protocol) - len(self._flows)) > 0:
            more = _empty(max(missing, len(self._flows)))
            self._sides, self._flows = (
                np.concatenate(pair) for pair in ((self._sides, more[0]), (self._flows, more[1]))
            )
        packets, headers = kept
        fresh, delays = np.empty(len(packets), np.int64), np.empty((2 * len(packets), 4), np.int64)
        n = observe(packets, headers, protocol, self._sides, self._flows, fresh, delays)
        self._delays.append(delays[:n].copy())
        sizes = [packets[name].astype(np.int64) for name in ("network_bytes", "transport_bytes", "payload_bytes")]
        self.arrivals.add(capture, packets["time_ns"], np.sum(sizes, axis=0), fresh)

    def whole(self, flows: pl.DataFrame, capture: Ints, client: Ints) -> Whole:
        """Everything, as Whole.

        Args:
            flows: label (null: the flow is left out), protocol as a number, client, server, server_port, named, and
                session (or none), of each flow (F,).
            capture: of each flow (F,).
            client: which side the client is of each flow (F,).
        """
        count = len(flows)
        sides, own = self._sides[:count], self._flows[:count]
        rows = np.arange(count)
        up, down = (sides[rows, side] for side in (client, 1 - client))

        def both(column: int) -> Ints:
            return np.stack([up[:, column], down[:, column]], axis=1)

        address = pl.concat([flows["client"], flows["server"]]).rank("dense").to_numpy().astype(np.int64)
        start, end, reset = own[:, START], own[:, END], own[:, RESET_BY]
        session = _given(flows)
        if session is None:
            session = sessions_of(capture, address[:count], start, end)
        protocol, port, named = (flows[name].to_numpy().astype(np.int64) for name in NUMBERS)
        found = WholeFlows(
            labels=flows["label"].fill_null("").to_numpy().astype(np.str_),
            capture=capture,
            client=address[:count],
            server=address[count:],
            protocol=protocol,
            server_port=port,
            start_ns=start,
            end_ns=end,
            packets=both(PACKETS),
            ip_bytes=both(IP_BYTES),
            payload=both(PAYLOAD),
            history=both(HISTORY),
            reset_by=np.where(reset == NONE, NONE, reset ^ client),
            session=session,
            named=named,
        )
        labelled = flows["label"].is_not_null().to_numpy() & (own[:, START] != NONE)
        responses, trips = (self._delays_of(kind, client, labelled) for kind in (RESPONSE, ROUND_TRIP))
        return Whole(found.take(labelled), self.arrivals.result(), responses, trips)

    def _delays_of(self, kind: int, client: Ints, chosen: NDArray[np.bool_]) -> Delays:
        """The delays of a kind that clients met, of some flows, which are numbered anew."""
        found = np.concatenate([np.zeros((0, 4), np.int64), *self._delays])
        owner = found[:, OWNER]
        kept = (found[:, KIND] == kind) & (found[:, REQUESTER] == client[owner]) & chosen[owner]
        owner, ns = owner[kept], found[kept, DELAY]
        order = np.argsort(owner, kind="stable")
        return Delays((np.cumsum(chosen) - 1)[owner[order]], ns[order])


def _given(flows: pl.DataFrame) -> Ints | None:
    """The sessions that flows say they are of, as numbers; None where some do not say."""
    if "session" not in flows.columns or flows["session"].null_count():
        return None
    return flows["session"].rank("dense").to_numpy().astype(np.int64) - 1


def _empty(count: int) -> tuple[Ints, Ints]:
    """The sides and the flows of `count` flows without packets, as the kernel takes them."""
    sides, flows = np.zeros((count, 2, SIDE_COLUMNS), np.int64), np.zeros((count, FLOW_COLUMNS), np.int64)
    sides[:, :, [EDGE, TIMED_NS]] = NONE
    flows[:, [START, TALKER, RESET_BY]] = NONE
    return sides, flows
