"""Conformance: how many flows could real stacks have sent, as they are and after repair?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.metrics.intervals import share_interval
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.packets import Checked, PacketSets
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType

NAMED = 3  # broken rules in a note


def _share(name: str, meaning: str) -> ScoreType:
    return ScoreType(
        f"conformance.{name}", "max", meaning, useless=0.0, useless_is="0", unit="share", evidence=("rules",)
    )


CAPTURE_CLEAN = _share(
    "capture_clean_flows",
    "share of flows without a fault in the captures as they are, payload and checksums included; only where captures "
    "were given",
)
CAPTURE_REPAIRED = _share("capture_repaired_flows", "the same after `netdiffus repair`")
CLEAN = _share(
    "clean_flows", "share of flows in which `netdiffus check` finds no fault; 300 flows one by one, by their headers"
)
REPAIRED = _share("repaired_flows", "the same after `netdiffus repair`")
CHANGED = ScoreType(
    "conformance.changed_packets", "min", "share of their packets that repair changes", useless=1.0, useless_is="1",
    unit="share", evidence=("rules",),
)  # fmt: skip


def conformance(packets: PacketSets, rng: np.random.Generator) -> Iterator[Score]:
    """The share of flows without error or warning, before and after repair, and of packets that repair changes.

    Real traffic has losses and oddities too, so its own share is the reference. Nothing where no flows were checked.
    """
    if packets.checked is None:
        return
    yield from _whole(*packets.captures)
    real, synthetic = packets.checked
    note = f"{synthetic.flows:,} flows, {synthetic.how}; of {real.flows:,} real test flows, {real.how}"
    yield _of_flows(CLEAN, (synthetic.clean, synthetic.flows), (real.clean, real.flows), note + _worst(synthetic))
    note = "after 'netdiffus repair'"
    yield _of_flows(REPAIRED, (synthetic.repaired, synthetic.flows), (real.repaired, real.flows), note)
    # packets of one flow break and keep rules together: it is flows that are counted, for the width
    value, floor = (part.changed / max(1, part.packets) for part in (synthetic, real))
    span = share_interval(floor, real.flows, synthetic.flows)
    yield CHANGED.score(value, span, note="packets that 'netdiffus repair' changes")


def _whole(real: Checked | None, synthetic: Checked | None) -> Iterator[Score]:
    """The same of whole captures, payload and checksums included; with a reference where real captures were given."""
    if synthetic is None:
        return
    clean, repaired = (None, None) if real is None else ((real.clean, real.flows), (real.repaired, real.flows))
    note = synthetic.how + _worst(synthetic)
    yield _of_flows(CAPTURE_CLEAN, (synthetic.clean, synthetic.flows), clean, note)
    yield _of_flows(CAPTURE_REPAIRED, (synthetic.repaired, synthetic.flows), repaired, "after repair")


def _of_flows(kind: ScoreType, synthetic: tuple[int, int], real: tuple[int, int] | None, note: str) -> Score:
    """A share of flows; each pair is how many of how many."""
    count, of = synthetic
    if real is None:
        return kind.score(count / max(1, of), note=note)
    return kind.score(count / max(1, of), share_interval(real[0] / max(1, real[1]), real[1], of), note=note)


def _worst(checked: Checked) -> str:
    listed = ", ".join(f"{fault.rule} in {fault.packets:,} packets" for fault in checked.faults[:NAMED])
    return f"; broken: {listed}" if listed else ""


METRIC = Metric(
    conformance,
    PacketSets,
    "Could real stacks have sent these packets?",
    "packets",
    (CLEAN, REPAIRED, CHANGED, CAPTURE_CLEAN, CAPTURE_REPAIRED),
)
