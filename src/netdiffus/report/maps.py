"""The map of real and synthetic traces, and the histogram of distances to the nearest training trace."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from netdiffus.arrays import Floats
from netdiffus.metrics.plane import Plane
from netdiffus.report.svg import INK, REAL, SYNTHETIC, inline_svg

BINS = 40


def map_svg(plane: Plane) -> str:
    """Points of both sides in one plane, real ones as discs, synthetic ones as rings."""
    figure = Figure(figsize=(6.4, 4.2))
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.99)
    axes = figure.add_subplot()
    axes.scatter(plane.real[:, 0], plane.real[:, 1], s=16, color=REAL, alpha=0.55, linewidths=0)
    x, y = plane.synthetic.T
    axes.scatter(x, y, s=16, facecolors="none", edgecolors=SYNTHETIC, linewidths=0.9)
    axes.set_axis_off()
    return inline_svg(figure, f"Map of real and synthetic traces ({plane.how})", "map")


def nearest_svg(nearest: tuple[Floats, Floats]) -> str:
    """Distances to the nearest training trace: real test traces as an area, synthetic ones as a line."""
    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    axes = figure.add_subplot()
    high = max((float(np.percentile(part, 99)) for part in nearest if len(part)), default=1.0) or 1.0
    edges = np.linspace(0, high, BINS + 1)
    for colour, filled, part in ((REAL, True, nearest[0]), (SYNTHETIC, False, nearest[1])):
        shares = np.histogram(part, edges)[0] / max(1, len(part))
        axes.stairs(shares, edges, color=colour, fill=filled, alpha=0.45 if filled else 1.0, linewidth=1.4)
    for spine in ("top", "right"):
        axes.spines[spine].set_visible(False)
    for spine in ("left", "bottom"):
        axes.spines[spine].set_color(INK)
    axes.tick_params(colors=INK, labelsize=8, length=2)
    axes.set_xlabel("distance to the nearest training trace, in ranks", color=INK, fontsize=8)
    axes.yaxis.set_major_formatter(lambda y, _: f"{100 * y:.3g}%")
    return inline_svg(figure, "Distance to the nearest training trace, real beside synthetic", "near")
