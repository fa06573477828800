"""Distributions per channel, real beside synthetic, one small figure each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from netdiffus.arrays import Floats
from netdiffus.metrics import Traces
from netdiffus.report.svg import INK, REAL, SYNTHETIC, inline_svg

TITLES = {
    "size": "Payload of a packet, bytes",
    "direction": "Direction of packets",
    "gap_ns": "Gap since the packet before",
    "up_bytes": "Bytes client → server per bin",
    "down_bytes": "Bytes server → client per bin",
    "length": "Length of a flow",
}
TIMES = {0.0: "1 ns", 3.0: "1 µs", 6.0: "1 ms", 9.0: "1 s", 12.0: "17 min"}
BINS = 48


@dataclass(frozen=True)
class Panel:
    """One drawn distribution."""

    title: str
    svg: str


def panels(real: Traces, synthetic: Traces, channels: Sequence[str]) -> list[Panel]:
    """One panel a channel and one for the length; synthetic traces are weighted to the real label mix."""
    drawn = synthetic.counts()
    wanted = real.counts(drawn)
    weights = np.array([wanted[label] / drawn[label] for label in synthetic.labels])
    weights = weights if weights.any() else np.ones(len(synthetic))
    result = []
    for number, name in enumerate((*channels, "length")):
        pair = (
            (real.lengths()[:, None], synthetic.lengths()[:, None])
            if name == "length"
            else (real.series[:, number], synthetic.series[:, number])
        )
        title = TITLES.get(name, name)
        figure = draw(name, _flat(pair[0], np.ones(len(real))), _flat(pair[1], weights))
        result.append(Panel(title, inline_svg(figure, f"{title}: real beside synthetic", f"d{number}")))
    return result


def draw(name: str, real: tuple[Floats, Floats], synthetic: tuple[Floats, Floats]) -> Figure:
    """A figure of one channel; each side is (values, weights)."""
    figure = Figure(figsize=(3.6, 2.0), layout="constrained")
    axes = figure.add_subplot()
    for spine in ("top", "right"):
        axes.spines[spine].set_visible(False)
    axes.tick_params(colors=INK, labelsize=8, length=2)
    for spine in ("left", "bottom"):
        axes.spines[spine].set_color(INK)
    if name == "direction":
        _bars(axes, real, synthetic)
    elif name == "gap_ns":
        positive = np.concatenate([values[values > 0] for values, _ in (real, synthetic)])
        zero = float(np.floor(np.log10(positive.min(initial=1e12)))) - 1
        _steps(axes, _logarithm(real, zero), _logarithm(synthetic, zero), zero)
        high = axes.get_xlim()[1]
        axes.set_xticks([zero, *(power for power in TIMES if zero < power < high)])
        axes.set_xticks(np.arange(zero + 1, high), minor=True)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: "0" if x == zero else TIMES.get(float(x), "")))
    else:
        _steps(axes, real, synthetic, 0.0, discrete=name == "length")
        if name != "length":
            axes.set_yscale("log")
            axes.yaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if axes.get_yscale() == "linear":
        axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.3g}%"))
    return figure


def _flat(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    there = ~np.isnan(values)
    return values[there], np.broadcast_to(weights[:, None], values.shape)[there]


def _logarithm(side: tuple[Floats, Floats], zero: float) -> tuple[Floats, Floats]:
    """Powers of ten; gaps of zero (or less) stand at `zero`, left of the smallest."""
    values = side[0]
    return np.log10(values, where=values > 0, out=np.full(values.shape, zero)), side[1]


def _bars(axes: Axes, real: tuple[Floats, Floats], synthetic: tuple[Floats, Floats]) -> None:
    for offset, colour, (values, weights) in ((-0.2, REAL, real), (0.2, SYNTHETIC, synthetic)):
        shares = [weights[values == way].sum() / max(weights.sum(), 1e-300) for way in (0, 1)]
        axes.bar(np.arange(2) + offset, shares, 0.36, color=colour)
    axes.set_xticks([0, 1], ["client → server", "server → client"])


def _steps(
    axes: Axes, real: tuple[Floats, Floats], synthetic: tuple[Floats, Floats], origin: float, discrete: bool = False
) -> None:
    """Real as a filled area, synthetic as a line over it, on the same bins."""
    both = np.concatenate([real[0], synthetic[0], [origin]])
    low, high = float(both.min()), float(both.max())
    bins = int(high - low) + 1 if discrete else BINS
    edges = np.linspace(low - 0.5, high + 0.5, bins + 1) if discrete else np.linspace(low, max(high, low + 1), bins + 1)
    for colour, filled, (values, weights) in ((REAL, True, real), (SYNTHETIC, False, synthetic)):
        mass = np.histogram(values, edges, weights=weights)[0]
        shares = mass / max(mass.sum(), 1e-300)
        axes.stairs(shares, edges, color=colour, fill=filled, alpha=0.45 if filled else 1.0, linewidth=1.4)
