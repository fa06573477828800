"""Connections that follow a look-up of the same client: to an address that it was given, or just any."""

from __future__ import annotations

import numpy as np
import polars as pl

from netdiffus.arrays import Bools, Ints
from netdiffus.traffic.whole.flows import WholeFlows
from netdiffus.wire.headers.fields import TCP, UDP

LOOKUP_NS = 10_000_000_000
"""The longest time from the end of a look-up to the connection that follows it."""
LOOKUP_PORTS = (53, 853)  # RFC 1035, RFC 7858
QUIC_PORT = 443
UNKNOWN, NO, YES = -1, 0, 1


def follows(asked: Ints, answered_ns: Ints, key: Ints, start_ns: Ints, within_ns: int = LOOKUP_NS) -> Bools:
    """Whether an answer under the same key came at most `within_ns` before, (N,).

    Args:
        asked, answered_ns: keys and times of answers (M,).
        key, start_ns: keys and times of what may follow one (N,).
    """
    if not len(asked) or not len(key):
        return np.zeros(len(key), np.bool_)
    times, rank = np.unique(np.concatenate([answered_ns, start_ns]), return_inverse=True)
    _, number = np.unique(np.concatenate([asked, key]), return_inverse=True)
    place = number.reshape(-1) * len(times) + rank.reshape(-1)  # by key, then by time
    answers, wanted = np.sort(place[: len(asked)]), place[len(asked) :]
    latest = np.searchsorted(answers, wanted, side="right") - 1
    found = answers[np.maximum(latest, 0)]
    same = (latest >= 0) & (found // len(times) == wanted // len(times))
    return np.asarray(same & (start_ns - times[found % len(times)] <= within_ns))


def named(answers: list[tuple[str, str, int]], client: pl.Series, server: pl.Series, start_ns: Ints) -> Ints:
    """For each flow whether its client was given its server's address before: YES, NO; UNKNOWN without answers.

    Args:
        answers: who asked, the address it was given, and the time.
        client, server, start_ns: of flows (F,).
    """
    if not answers:
        return np.full(len(start_ns), UNKNOWN)
    asked, given, times = zip(*answers, strict=True)
    pairs = pl.concat(
        [
            pl.DataFrame({"client": asked, "server": given}),
            pl.DataFrame([client.alias("client"), server.alias("server")]),
        ]
    )
    keys = pairs.select(pl.struct("client", "server").rank("dense")).to_series().to_numpy().astype(np.int64)
    found = follows(keys[: len(asked)], np.array(times, np.int64), keys[len(asked) :], start_ns)
    return np.where(found, YES, NO)


def is_lookup(flows: WholeFlows) -> Bools:
    """Flows to a name server (F,)."""
    return np.isin(flows.server_port, LOOKUP_PORTS)


def is_connection(flows: WholeFlows) -> Bools:
    """Flows that may follow a look-up (F,): TCP connections and QUIC."""
    quic = (flows.protocol == UDP) & (flows.server_port == QUIC_PORT)
    return np.asarray(((flows.protocol == TCP) | quic) & ~is_lookup(flows))


def after_lookup(flows: WholeFlows) -> Bools:
    """Whether a look-up of the same client ended at most LOOKUP_NS before each flow (F,), by headers alone."""
    _, owner = np.unique(np.stack([flows.capture, flows.client], axis=1), axis=0, return_inverse=True)
    owner, asked = owner.reshape(-1), is_lookup(flows)
    return follows(owner[asked], flows.end_ns[asked], owner, flows.start_ns)
