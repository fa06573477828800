"""The picture for a README: real and synthetic flows and images of a few labels."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from matplotlib.figure import Figure

from netdiffus.metrics import Traces
from netdiffus.report.gallery import COLOURS, Images
from netdiffus.report.lettering import drawable
from netdiffus.report.svg import INK, REAL, SYNTHETIC
from netdiffus.report.timelines import bars, draw_trace, largest

FLOWS = 3
HEADING = 0.35  # inches
COMPARED = 100  # flows of a label


def overview_png(
    real: Traces,
    synthetic: Traces,
    channels: Sequence[str],
    *,
    labels: Sequence[str] | None = None,
    images: Images | None = None,
    seed: int = 0,
) -> bytes:
    """A PNG with one row per label (default: the four with the fullest flows): real flows and image, synthetic ones.

    `images` maps a label to (real, synthetic) images (C, H, W) in [-1, 1]; the first channel is shown.
    """
    names = list(labels) if labels is not None else fullest(real, synthetic, channels)
    rng = np.random.default_rng(seed)
    images = images or {}
    rows = max(1, len(names))
    height = HEADING + 1.3 * rows
    figure = Figure(figsize=(10, height), facecolor="white")
    titles = [drawable(label) for label in names]
    widths = [0.11 * max(map(len, [*titles, "name"])), 3, 1, 0.12, 3, 1]
    inside = {"left": 0.01, "right": 0.99, "bottom": 0.01, "top": 1 - HEADING / height, "wspace": 0.06, "hspace": 0.14}
    grid = figure.add_gridspec(rows, len(widths), width_ratios=widths, **inside)
    for row, label in enumerate(names):
        title = figure.add_subplot(grid[row, 0])
        title.set_axis_off()
        title.text(1.0, 0.5, titles[row], ha="right", va="center", fontsize=11, color=INK, wrap=True, parse_math=False)
        chosen = [part.of(label).sample(FLOWS, rng) for part in (real, synthetic)]
        limit = max(largest(part, channels) for part in chosen)
        for side, (part, colour) in enumerate(zip(chosen, (REAL, SYNTHETIC), strict=True)):
            column = 1 + 3 * side
            flows = grid[row, column].subgridspec(FLOWS, 1, hspace=0.08)
            for index, series in enumerate(part.series):
                draw_trace(figure.add_subplot(flows[index]), series, channels, limit, colour)
            if label in images:
                picture = figure.add_subplot(grid[row, column + 1])
                picture.imshow(images[label][side][0], vmin=-1, vmax=1, cmap=COLOURS, interpolation="nearest")
                picture.set_axis_off()
    for column, name, colour in ((1, "real", REAL), (4, "synthetic", SYNTHETIC)):
        left, right = (grid[0, at].get_position(figure) for at in (column, column + 1))
        middle, top = (left.x0 + right.x1) / 2, 1 - HEADING / 2 / height
        figure.text(middle, top, name, ha="center", va="center", color=colour, fontsize=13, fontweight="bold")
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    return buffer.getvalue()


def fullest(real: Traces, synthetic: Traces, channels: Sequence[str], count: int = 4) -> list[str]:
    """The labels of both whose real flows fill the most of their picture, alphabetically."""
    filled = {}
    for label in map(str, np.intersect1d(real.labels, synthetic.labels)):
        flows = real.take(np.flatnonzero(real.labels == label)[:COMPARED])
        heights = [float(np.sum(bars(series, channels))) for series in flows.series]
        filled[label] = float(np.mean(heights)) / largest(flows, channels)
    return sorted(sorted(filled, key=lambda label: -filled[label])[:count])
