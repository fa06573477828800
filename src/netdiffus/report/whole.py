"""The report's section on whole traffic: a table of its scores, the load over time, and energies by time scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, MaxNLocator

from netdiffus.arrays import Floats
from netdiffus.metrics import METRICS, Score, WholeSets, metric_of, type_of
from netdiffus.metrics.load import active_flows
from netdiffus.metrics.wavelet import FEWEST, NAMES, energies
from netdiffus.report.headlines import Reading
from netdiffus.report.svg import INK, REAL, SYNTHETIC, inline_svg
from netdiffus.traffic.whole.flows import Whole
from netdiffus.traffic.whole.timeline import longest

MOST_BINS = 300
LONGEST_MS = 3_600_000
TOPIC = "whole"


@dataclass(frozen=True)
class WholeRow:
    """One score of whole traffic, and the label that is farthest from real."""

    name: str
    meaning: str
    value: str
    real: str
    reading: str
    worst: str


@dataclass(frozen=True)
class LoadRow:
    """The load over time of the real and of the synthetic side, as SVG elements of the same scale."""

    title: str
    real: str
    synthetic: str


def whole_rows(scores: Sequence[Score]) -> list[WholeRow]:
    """One row per score of whole traffic over all labels that has a value; single time scales are left to a picture."""
    rows = []
    for score in scores:
        metric, kind = metric_of(score.name), type_of(score.name)
        if metric is None or kind is None or METRICS[metric].topic != TOPIC or kind.is_pattern:
            continue
        if score.label is None and score.value is not None:
            rows.append(
                WholeRow(
                    score.name,
                    kind.meaning,
                    **vars(Reading.of(score, scores)),
                )
            )
    return rows


def whole_missing(scores: Sequence[Score]) -> list[str]:
    """Why scores of whole traffic have no value, each reason once."""
    notes = {
        score.note: None
        for score in scores
        if score.value is None and (metric := metric_of(score.name)) and METRICS[metric].topic == TOPIC
    }
    return [note for note in notes if note]


def load_rows(sets: WholeSets | None) -> list[LoadRow]:
    """Bytes, packets and open flows over the longest time that both sides have without an interruption."""
    if sets is None or not all(len(part.arrivals.ms) for part in (sets.tested, sets.synthetic)):
        return []
    sides = sets.tested, sets.synthetic
    length = min(LONGEST_MS, *(int(longest(part.arrivals).valid_ms[0]) for part in sides))
    bin_ms = max(1, -(-length // MOST_BINS))
    found = [_over_time(part, length, bin_ms) for part in sides]
    rows = []
    for number, title in enumerate(("IP bytes a second", "Packets a second", "Open flows")):
        real, synthetic = (side[number] for side in found)
        limit = max(real.max(initial=0.0), synthetic.max(initial=0.0)) or 1.0
        svgs = [
            _drawn(values, bin_ms, limit, colour, f"{title} over time, {name}", f"w{number}{name[0]}")
            for values, colour, name in ((real, REAL, "real"), (synthetic, SYNTHETIC, "synthetic"))
        ]
        rows.append(LoadRow(title, *svgs))
    return rows


def energy_svg(sets: WholeSets | None, seed: int) -> str:
    """Mean wavelet energies of packets and bytes by time scale; empty where there are none."""
    if sets is None:
        return ""
    figure_ = Figure(figsize=(7.2, 2.6), layout="constrained")
    found = [energies(part, np.random.default_rng(seed)) for part in (sets.tested, sets.synthetic)]
    scale = 2.0 ** np.arange(found[0][1].shape[1])
    there = np.min([pairs.sum(axis=0) for _, pairs in found], axis=0) >= FEWEST
    if not there.any():
        return ""
    for number, name in enumerate(NAMES):
        axes = figure_.add_subplot(1, 2, number + 1)
        for (energy, pairs), colour, line in zip(found, (REAL, SYNTHETIC), ("-", "--"), strict=True):
            mean = energy[:, number].sum(axis=0)[there] / pairs.sum(axis=0)[there]
            axes.plot(scale[there], np.where(mean > 0, mean, np.nan), line, color=colour, marker="o", markersize=3)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.set_xlabel(f"time scale, ms ({name})", color=INK, fontsize=8)
        _plain(axes)
    return inline_svg(figure_, "Wavelet energy by time scale: real and synthetic", "e")


def _over_time(whole: Whole, length_ms: int, bin_ms: int) -> tuple[Floats, Floats, Floats]:
    """IP bytes and packets a second, and open flows, in each bin of the longest piece's first part."""
    cut = longest(whole.arrivals, length_ms)
    per_second = 1_000 / bin_ms
    sums = [cut.binned(values, bin_ms)[0] for values in (whole.arrivals.throughput, whole.arrivals.packets)]
    return sums[0] * per_second, sums[1] * per_second, active_flows(whole, cut, bin_ms)


def _drawn(values: Floats, bin_ms: int, limit: float, colour: str, description: str, prefix: str) -> str:
    figure_ = Figure(figsize=(3.6, 1.5), layout="constrained")
    axes = figure_.add_subplot()
    axes.stairs(values, np.arange(len(values) + 1) * bin_ms / 1_000, color=colour, fill=True, linewidth=0.6)
    axes.set_ylim(0, 1.05 * limit)
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(EngFormatter(unit="s"))
    _plain(axes)
    return inline_svg(figure_, description, prefix)


def _plain(axes: Axes) -> None:
    for spine in ("top", "right"):
        axes.spines[spine].set_visible(False)
    for spine in ("left", "bottom"):
        axes.spines[spine].set_color(INK)
    axes.tick_params(which="both", colors=INK, labelsize=8, length=2)
