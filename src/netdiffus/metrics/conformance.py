"""Conformance: how many flows could real stacks have sent, as they are and after repair?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.packets import Checked
from netdiffus.metrics.reference import share_interval
from netdiffus.metrics.score import Score


def conformance(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The share of flows without error or warning, before and after repair, and of packets that repair changes.

    Real traffic has losses and oddities too, so its own share is the reference. Nothing where the sets came without
    packets.
    """
    if sets.packets is None or sets.packets.checked is None:
        return
    yield from _whole(*sets.packets.captures)
    real, made = sets.packets.checked
    note = f"{made.flows:,} flows, {made.how}; of {real.flows:,} real test flows, {real.how}" + _worst(made)
    yield _share("conformance.clean_flows", made.clean, made.flows, real.clean, real.flows, note)
    note = "after 'netdiffus repair'"
    yield _share("conformance.repaired_flows", made.repaired, made.flows, real.repaired, real.flows, note)
    # packets of one flow break and keep rules together: it is flows that are counted, for the width
    value, floor = (part.changed / max(1, part.packets) for part in (made, real))
    span = share_interval(floor, real.flows, made.flows)
    note = "packets that 'netdiffus repair' changes"
    yield Score(
        "conformance.changed_packets", value, floor, 1.0, "min", "share", note=note, low=span.low, high=span.high
    )


def _whole(real: Checked | None, made: Checked | None) -> Iterator[Score]:
    """The same of whole captures, payload and checksums included; with a reference where real captures were given."""
    if made is None:
        return
    rows = [
        ("conformance.capture_clean_flows", made.clean, None if real is None else real.clean, made.how + _worst(made)),
        ("conformance.capture_repaired_flows", made.repaired, None if real is None else real.repaired, "after repair"),
    ]
    for name, count, reference, note in rows:
        if real is not None and reference is not None:
            yield _share(name, count, made.flows, reference, real.flows, note)
        else:
            yield Score(name, count / max(1, made.flows), 0.0, None, "max", "share", note=note)


def _share(name: str, count: int, of: int, real: int, real_of: int, note: str) -> Score:
    span = share_interval(real / max(1, real_of), real_of, of)
    return Score(name, count / max(1, of), 0.0, span.middle, "max", "share", note=note, low=span.low, high=span.high)


def _worst(checked: Checked) -> str:
    said = ", ".join(f"{rule} in {packets:,} packets" for rule, packets in checked.faults)
    return f"; broken: {said}" if said else ""
