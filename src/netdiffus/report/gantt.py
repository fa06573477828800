"""Sessions as Gantt charts: a bar for each flow, from its first packet to its last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from netdiffus.arrays import Ints
from netdiffus.metrics import WholeSets
from netdiffus.report.svg import INK, REAL, SYNTHETIC, inline_svg
from netdiffus.traffic.flows.frames import PROTOCOLS
from netdiffus.traffic.whole.flows import WholeFlows

MOST_FLOWS, MOST_LABELS = 24, 6
SHORTEST = 0.004  # of the session, so that a flow of one packet is visible


@dataclass(frozen=True)
class SessionRow:
    """One session of the real and one of the synthetic side, as SVG elements."""

    label: str
    real: str
    synthetic: str


def session_rows(sets: WholeSets | None) -> list[SessionRow]:
    """A session of each side for each label that leads sessions of several flows on both; at most six labels.

    The label of most of its flows leads a session. Shown is the session with the middle number of flows.
    """
    if sets is None:
        return []
    sides = [(part.flows, leading(part.flows)) for part in (sets.tested, sets.synthetic)]
    common = sorted(set(sides[0][1]) & set(sides[1][1]))
    rows = []
    for number, label in enumerate(common[:MOST_LABELS]):
        real, synthetic = (
            chart(flows.take(_middle(found[label])), colour, f"a {name} session of {label}", f"g{number}{name[0]}")
            for (flows, found), colour, name in zip(sides, (REAL, SYNTHETIC), ("real", "synthetic"), strict=True)
        )
        rows.append(SessionRow(label, real, synthetic))
    return rows


def leading(flows: WholeFlows) -> dict[str, list[Ints]]:
    """By label, the flows of each session of two flows or more that it leads."""
    order = np.lexsort((flows.start_ns, flows.session))
    parts = np.split(order, np.flatnonzero(np.diff(flows.session[order])) + 1) if len(flows) else []
    found: dict[str, list[Ints]] = {}
    for rows in parts:
        if len(rows) > 1:
            names, counts = np.unique(flows.labels[rows], return_counts=True)
            found.setdefault(str(names[np.argmax(counts)]), []).append(rows)
    return found


def _middle(sessions: list[Ints]) -> Ints:
    return sorted(sessions, key=len)[len(sessions) // 2]


def chart(flows: WholeFlows, colour: str, description: str, prefix: str) -> str:
    """The first flows of a session, by start, as an SVG element; each bar is named by protocol and port,
    and by its label where there are several."""
    shown = flows.take(np.arange(min(len(flows), MOST_FLOWS)))
    begin = (shown.start_ns - shown.start_ns[0]) / 1e9
    length = shown.duration_ns / 1e9
    whole = float((begin + length).max()) or 1.0
    figure = Figure(figsize=(4.4, 0.5 + 0.19 * len(shown)), layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(shown))
    axes.barh(places, np.maximum(length, SHORTEST * whole), 0.6, begin, color=colour)
    several = len(np.unique(shown.labels)) > 1
    names = [
        f"{label + ' ' if several else ''}{PROTOCOLS.get(int(protocol), int(protocol))}/{port}"
        for label, protocol, port in zip(shown.labels, shown.protocol, shown.server_port, strict=True)
    ]
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.02 * whole)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(EngFormatter(unit="s"))
    for spine in ("top", "right", "left"):
        axes.spines[spine].set_visible(False)
    axes.spines["bottom"].set_color(INK)
    axes.tick_params(colors=INK, labelsize=7, length=2)
    more = f", its first {MOST_FLOWS} of {len(flows):,} flows" if len(flows) > MOST_FLOWS else ""
    return inline_svg(figure, description + more, prefix)
