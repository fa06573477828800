"""Flows by their ends: a hash table whose slots hold places in a table of flows.

A flow is named by version, protocol, and two ends of address and port, in an order that does not depend on who sent a
packet: `a` has the smaller address, then port. Tables of flows have the fields a_high, a_low, a_port, b_high, b_low,
b_port, version and protocol.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Ints
from netdiffus.wire.kernels.compiled import compiled, u64


@compiled
def mix(h: Any, value: Any) -> int:
    """One round of a hash: xor, multiply, fold the high half down (the finaliser of MurmurHash3)."""
    h = (h ^ value) * u64(0xFF51AFD7ED558CCD)
    mixed: int = h ^ (h >> u64(32))
    return mixed


@compiled
def name_ends(p: Any, key: Any) -> int:
    """The ends of a packet (a row of FIELDS) into the fields of a flow; returns its sender: 0 for `a`, 1 for `b`."""
    if p.source_high != p.destination_high:
        swap = p.source_high > p.destination_high
    elif p.source_low != p.destination_low:
        swap = p.source_low > p.destination_low
    else:
        swap = p.source_port > p.destination_port
    key.version, key.protocol = p.version, p.protocol
    if swap:
        key.a_high, key.a_low, key.a_port = p.destination_high, p.destination_low, p.destination_port
        key.b_high, key.b_low, key.b_port = p.source_high, p.source_low, p.source_port
        return 1
    key.a_high, key.a_low, key.a_port = p.source_high, p.source_low, p.source_port
    key.b_high, key.b_low, key.b_port = p.destination_high, p.destination_low, p.destination_port
    return 0


@compiled
def find_slot(slots: Ints, flows: NDArray[np.void], key: Any, seed: np.uint64) -> int:
    """The slot of the newest flow between the ends of `key`, or the empty slot where it would be.

    Args:
        slots: places in `flows`, -1 for none; a power of two of them, at most half full.
        seed: keeps crafted addresses from meeting in one place; nothing else depends on it.
    """
    ends = u64(key.a_port) << u64(32) | u64(key.b_port) << u64(16)
    h = mix(seed, ends | u64(key.protocol) << u64(8) | u64(key.version))
    h = mix(mix(h, key.a_low), key.b_low)
    if key.version == 6:
        h = mix(mix(h, key.a_high), key.b_high)
    mask = u64(slots.size - 1)
    slot = u64(h) & mask
    while slots[slot] >= 0:
        g = flows[slots[slot]]
        if (
            g.a_low == key.a_low
            and g.b_low == key.b_low
            and g.a_port == key.a_port
            and g.b_port == key.b_port
            and g.protocol == key.protocol
            and g.version == key.version
            and g.a_high == key.a_high
            and g.b_high == key.b_high
        ):
            break
        slot = (slot + u64(1)) & mask
    return slot


@compiled
def fill_slots(slots: Ints, flows: NDArray[np.void], n_flows: int, seed: np.uint64) -> None:
    """Enter the first flows of a table into empty slots, the newest between two ends last."""
    for f in range(n_flows):
        slots[find_slot(slots, flows, flows[f], seed)] = f
