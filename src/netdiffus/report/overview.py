"""The picture for a README: real beside synthetic, flows and images, for a few labels."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from matplotlib.figure import Figure

from netdiffus.metrics import Traces
from netdiffus.report.gallery import COLOURS, Images
from netdiffus.report.svg import INK, REAL, SYNTHETIC
from netdiffus.report.timelines import draw_trace, largest

FLOWS = 3


def overview_png(
    real: Traces,
    synthetic: Traces,
    channels: Sequence[str],
    *,
    labels: Sequence[str] | None = None,
    images: Images | None = None,
    seed: int = 0,
) -> bytes:
    """A PNG with one row a label (default: the first four that both have): real flows and image, synthetic ones.

    `images` maps a label to (real, synthetic) images (C, H, W) in [-1, 1]; the first channel is shown.
    """
    common = [str(label) for label in np.intersect1d(real.labels, synthetic.labels)]
    names = list(labels) if labels is not None else common[:4]
    rng = np.random.default_rng(seed)
    images = images or {}
    figure = Figure(figsize=(10, 0.35 + 1.3 * max(1, len(names))), facecolor="white")
    grid = figure.add_gridspec(
        max(1, len(names)), 6, width_ratios=[0.9, 3, 1, 0.12, 3, 1], left=0.01, right=0.99, bottom=0.01,
        top=1 - 0.35 / float(figure.get_figheight()), wspace=0.06, hspace=0.14,
    )  # fmt: skip
    for row, label in enumerate(names):
        title = figure.add_subplot(grid[row, 0])
        title.set_axis_off()
        title.text(1.0, 0.5, label, ha="right", va="center", fontsize=11, color=INK, wrap=True)
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
    for at, name, colour in ((0.30, "real", REAL), (0.77, "synthetic", SYNTHETIC)):
        figure.text(at, 1 - 0.17 / float(figure.get_figheight()), name, ha="center", va="center", color=colour,
                    fontsize=13, fontweight="bold")  # fmt: skip
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    return buffer.getvalue()
