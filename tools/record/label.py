"""A label: which servers answer, what one session does, how many sessions there are, and what of them is shipped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from namespaces import Pair


@dataclass(frozen=True)
class Cut:
    """What of a label's raw capture is shipped."""

    flows: int = 450  # at most so many answered flows, evenly spread over time; of sessions all, answered or not
    longest: int | None = 400  # packets of a flow; what is cut off looks like what is kept; None: all
    payload_bytes: int = 8  # kept of each of a flow's first packets with payload
    payload_packets: int = 6  # so many of them


WHOLE = Cut(longest=None)
SESSIONS = Cut(longest=None, payload_bytes=96, payload_packets=4)


@dataclass(frozen=True)
class Label:
    """How the traffic of one label comes about."""

    serve: Callable[[Pair], None]
    session: Callable[[Pair, Random], None]
    sessions: int  # how many sessions make a recording
    parallel: int  # how many of them run at a time
    cut: Cut = Cut()
