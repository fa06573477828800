"""Flows as bars, packet by packet: up what the client sends, down what the server sends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from netdiffus.arrays import Floats
from netdiffus.metrics import Traces
from netdiffus.report.svg import INK, REAL, SYNTHETIC, inline_svg

SMALLEST = 0.1  # of the largest bar, so that an empty packet is seen


def bars(series: Floats, channels: Sequence[str], least: float = 0.0) -> tuple[Floats, Floats]:
    """What goes up and what goes down at each position of one trace (C, n), both (n,), 0 where nothing does.

    Packet traces without direction go up; without size, every packet counts 1. No packet is lower than `least`.
    """
    by_name = dict(zip(channels, series, strict=True))
    if "up_bytes" in by_name or "down_bytes" in by_name:
        nothing = np.zeros(series.shape[-1])
        up, down = (np.nan_to_num(by_name.get(name, nothing)) for name in ("up_bytes", "down_bytes"))
        return up, down
    there = ~np.isnan(series[0])
    size = np.where(there, by_name.get("size", np.ones(series.shape[-1])), 0.0)
    down = np.nan_to_num(by_name["direction"]) == 1 if "direction" in by_name else np.zeros(len(size), dtype=np.bool_)
    size = np.where(there, np.maximum(size, least), 0.0)
    return np.where(down, 0.0, size), np.where(down, size, 0.0)


def draw_trace(axes: Axes, series: Floats, channels: Sequence[str], limit: float, colour: str) -> None:
    """One trace (C, n) as bars around a line, the largest bar `limit`."""
    up, down = bars(series, channels, SMALLEST * limit)
    for heights in (up, -down):
        at = np.flatnonzero(heights)
        corners = np.zeros((len(at), 5, 2))
        corners[:, :, 0] = at[:, None] + np.array([-0.38, -0.38, 0.38, 0.38, -0.38])
        corners[:, 1:3, 1] = heights[at, None]
        codes = np.tile([Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], len(at))
        if len(at):
            axes.add_patch(PathPatch(Path(corners.reshape(-1, 2), codes), facecolor=colour, linewidth=0))
    axes.axhline(0, color=INK, linewidth=0.5)
    axes.set_xlim(-1, series.shape[-1])
    axes.set_ylim(-1.05 * limit, 1.05 * limit)
    axes.set_axis_off()


def largest(traces: Traces, channels: Sequence[str]) -> float:
    """The largest bar that these traces have."""
    return max((float(np.maximum(*bars(series, channels)).max()) for series in traces.series), default=0.0) or 1.0


def pair(
    label: str,
    real: Traces,
    synthetic: Traces,
    channels: Sequence[str],
    rows: int,
    rng: np.random.Generator,
    prefix: str,
) -> tuple[str, str]:
    """Some real and some synthetic traces of a label, as two SVG elements of the same scale."""
    chosen = [part.of(label).sample(rows, rng) for part in (real, synthetic)]
    limit = max(largest(part, channels) for part in chosen)
    figures = []
    for name, part, colour in zip(("real", "synthetic"), chosen, (REAL, SYNTHETIC), strict=True):
        figure = Figure(figsize=(3.2, 0.62 * rows))
        figure.subplots_adjust(0, 0, 1, 1, hspace=0.1)
        for row, series in enumerate(part.series):
            draw_trace(figure.add_subplot(rows, 1, row + 1), series, channels, limit, colour)
        figures.append(inline_svg(figure, f"{len(part)} {name} flows of {label}", f"{prefix}{name[0]}"))
    return figures[0], figures[1]
