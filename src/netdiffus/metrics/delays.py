"""Delays that clients meet: how long a server takes to answer, and how long the way there and back is.

Both are of Tmix' validation (Weigle et al. 2006), read from headers at the point where the traffic was captured:

* Response time: from the last packet with new payload of a request to the first packet with payload of the answer. A
  request is what a client sends between two answers; retransmitted payload is not new. Of UDP all payload counts.
* Round trip: of TCP, from a segment of the client with SYN, FIN or payload to the first segment of the server that
  acknowledges it. One segment is timed at a time, and none that was sent again (Karn and Partridge 1987).

The first 100 of each flow count.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.metrics.metric import Metric
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.whole import NEEDS, WholeSets, compared, some_each

MOST = 20_000  # flows of each side
RESPONSE = ScoreType(
    "delays.response", "min",
    "Kolmogorov-Smirnov of the time from the end of a request to the answer, per label and mean over labels",
    useless=1.0, useless_is="1", evidence=("load",),
)  # fmt: skip
ROUND_TRIP = ScoreType(
    "delays.round_trip", "min", "the same of the time from a client's segment to its acknowledgement", useless=1.0,
    useless_is="1", evidence=("load",),
)  # fmt: skip


def delays(sets: WholeSets, rng: np.random.Generator) -> Iterator[Score]:
    """`delays.response` and `delays.round_trip` of each label, and their means over the labels."""
    rows = sets.rows([whole.labels for whole in sets.wholes], rng, MOST)
    kinds = {
        kind: [some_each(each.owner, each.ns, len(whole.flows)) for each, whole in zip(found, sets.wholes, strict=True)]
        for kind, found in (
            (RESPONSE, [whole.responses for whole in sets.wholes]),
            (ROUND_TRIP, [whole.round_trips for whole in sets.wholes]),
        )
    }
    yield from compared(kinds, rows, rng)


METRIC = Metric(
    delays,
    WholeSets,
    "Do clients wait for answers, and for acknowledgements, as long as in real traffic?",
    "whole",
    (RESPONSE, ROUND_TRIP),
    missing=NEEDS,
)
