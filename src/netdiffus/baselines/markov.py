"""First-order Markov chain over packets: each packet depends on the one before, and on nothing earlier."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

BINS = 8


def markov(
    series: NDArray[np.float64], labels: NDArray[np.str_], counts: Mapping[str, int], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Chains of real packets of one label: the next one is what followed a random packet in the same state.

    The state of a packet is the octile of each of its channels among the values of its label. The first packet is a
    real first packet; a chain ends after a packet that ended its trace, or at the full length. The successor of the
    last packet of a trace that fills the array is unknown, so such packets are not used.
    """
    generated = [_of_label(series[labels == label], count, rng) for label, count in counts.items()]
    empty = np.zeros((0, *series.shape[1:]))
    return np.concatenate([empty, *generated]), np.repeat(
        np.array(list(counts), dtype=labels.dtype), list(counts.values())
    )


def _of_label(series: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    there = ~np.isnan(series[:, 0])  # (N, n)
    packets = np.moveaxis(series, 1, 2)[there]  # (M, C)
    number = np.where(there, np.cumsum(there).reshape(there.shape) - 1, -1)
    following = np.pad(number, ((0, 0), (0, 1)), constant_values=-1)[:, 1:][there]  # (M,), -1 where the trace ends
    state = states(packets)
    cut = there & (np.arange(there.shape[1]) == there.shape[1] - 1)
    known = np.flatnonzero(~cut[there])
    members = known[np.argsort(state[known], kind="stable")]
    first, past = (np.searchsorted(state[members], state, side=side) for side in ("left", "right"))

    generated = np.full((count, *series.shape[1:]), np.nan)
    now = rng.choice(number[:, 0], count)
    for position in range(series.shape[2]):
        alive = np.flatnonzero(now >= 0)
        generated[alive, :, position] = packets[now[alive]]
        if not len(members):
            break
        low, high = first[now[alive]], past[now[alive]]
        twin = rng.integers(low, np.maximum(high, low + 1))
        now[alive] = np.where(high > low, following[members[np.minimum(twin, len(members) - 1)]], -1)
    return generated


def states(packets: NDArray[np.float64]) -> NDArray[np.intp]:
    """The state (M,) of each packet (M, C), counted from 0."""
    bins = [
        np.searchsorted(np.unique(np.quantile(channel, np.arange(1, BINS) / BINS)), channel) for channel in packets.T
    ]
    return np.unique(np.stack(bins), axis=1, return_inverse=True)[1].ravel()
