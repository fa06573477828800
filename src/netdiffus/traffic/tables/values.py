"""Series as sources have them, turned into channels: units, signs, clocks, and values that cannot be."""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.errors import InputError
from netdiffus.traffic.tables.columns import NS
from netdiffus.traffic.tables.positions import Flat
from netdiffus.traffic.traces import CHANNELS

LARGEST = {"size": 2**31 - 1, "gap_ns": 2**62, "up_bytes": 2**62, "down_bytes": 2**62}


def channels_of(
    series: dict[str, Flat],
) -> tuple[dict[str, NDArray[np.int64]], dict[str, int], dict[str, NDArray[np.bool_]]]:
    """The channels (M,), how many values were mended, and which traces (N,) are wrong, both by reason."""
    odd: Counter[str] = Counter()
    made: dict[str, Flat] = {}
    for name, flat in series.items():
        match name.rsplit("_", 1):
            case ["signed", "size"]:
                made["size"] = Flat(np.abs(flat.values), flat.missing, flat.counts)
                made["direction"] = Flat((flat.values >= 0).astype(np.int64), flat.missing, flat.counts)
            case ["gap" | "time" as kind, unit]:
                made.setdefault("gap_ns", _gaps(flat, kind, NS[unit], odd))
            case ["up" | "down" as way, unit]:
                counted = int(flat.missing.sum())
                if counted:
                    odd["bytes of a bin are missing, taken as 0"] += counted
                flat = flat.filled()
                values = flat.values if unit == "bytes" else flat.values / 8
                made.setdefault(f"{way}_bytes", Flat(values, flat.missing, flat.counts))
            case _:
                made.setdefault(name, flat)
    wrong: dict[str, NDArray[np.bool_]] = {}
    channels = {}
    for name in CHANNELS:
        if name in made:
            channels[name] = _checked(made[name], name, wrong, odd)
    return channels, dict(odd), wrong


def _checked(flat: Flat, name: str, wrong: dict[str, NDArray[np.bool_]], odd: Counter[str]) -> NDArray[np.int64]:
    """A channel's values, whole and in range; what is not marks its trace."""
    missing = flat.missing | np.isnan(flat.values)
    values = np.where(missing, 0, flat.values)
    faults = {"a value is missing or not a number": missing, "a value is infinite": np.isinf(values)}
    rows = np.repeat(np.arange(len(flat.counts)), flat.counts)
    if name == "direction":
        strange = ~np.isin(values, (-1, 0, 1)) & ~np.isinf(values)
        if 2 * len(np.unique(rows[strange])) > np.count_nonzero(flat.counts):  # another code, e.g. 1 and 2
            raise InputError(
                "directions 1 (server → client) and 0 or -1 (client → server)",
                f"{values[strange][0]:g}",
                "map the column to these, or give signed sizes",
            )
        faults["a direction is none of 1, 0 and -1"] = strange
        values = np.where(values > 0, 1, 0)
    else:
        faults["a size or a number of bytes is negative"] = values < 0
        faults["a value is too large"] = (values > LARGEST[name]) & ~np.isinf(values)
        if values.dtype.kind == "f" and name == "size":
            fraction = np.isfinite(values) & (values != np.round(values))
            if fraction.any():
                odd["size is not a whole number, rounded"] += int(fraction.sum())
    impossible = np.zeros(len(values), np.bool_)
    for reason, where in faults.items():
        if where.any():
            traces = wrong.setdefault(f"trace in which {reason}", np.zeros(len(flat.counts), np.bool_))
            traces[rows[where]] = True
            impossible |= where
    values = np.where(impossible, 0, values)
    return values if values.dtype.kind == "i" else np.round(values).astype(np.int64)


def _gaps(flat: Flat, kind: str, factor: int, odd: Counter[str]) -> Flat:
    """Nanoseconds since the packet before: first 0, and 0 where time runs backwards, as in captures."""
    firsts = np.cumsum(flat.counts) - flat.counts
    values = flat.values
    if kind == "time":
        rows = np.repeat(np.arange(len(flat.counts)), flat.counts)
        clock = pl.DataFrame({"row": rows, "time": values}).select(pl.col("time").cum_max().over("row")).to_series()
        before = np.concatenate([values[:1], clock.to_numpy()[:-1]])
        with np.errstate(invalid="ignore"):  # of two infinite times
            values = values - before
    values = values.copy()
    values[firsts[flat.counts > 0]] = 0
    backward = values < 0
    if backward.any():
        odd["time runs backwards, gap taken as 0"] += int(backward.sum())
    values[backward] = 0
    if values.dtype.kind == "f" or (len(values) and values.max() > LARGEST["gap_ns"] // factor):
        values = values.astype(np.float64)
    with np.errstate(over="ignore"):  # to infinite, which is found later
        return Flat(values * factor, flat.missing, flat.counts)
