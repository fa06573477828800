"""Whole traffic of captures that others recorded: every other capture is as real as the rest, a Poisson load is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from netdiffus.metrics import Inputs, Score, WholeSets, compute
from netdiffus.traffic.whole.arrivals import ArrivalCounts
from netdiffus.traffic.whole.flows import Whole, joined
from netdiffus.traffic.whole.reader import whole_of_capture
from shared_files import shared

NAMES = ("flows", "delays", "load", "wavelet", "sessions")


def named(label: str):
    return lambda _, flows: pl.Series([label] * len(flows), dtype=pl.String)


def poisson(whole: Whole) -> Whole:
    """The packets of each capture at times drawn evenly between its first and its last."""
    rng, was, counts = np.random.default_rng(0), whole.arrivals, ArrivalCounts()
    for capture in np.unique(was.capture):
        here = np.flatnonzero(was.capture == capture)
        packets = np.repeat(here, was.packets[here])
        ms = rng.integers(was.ms[here[0]], was.ms[here[-1]] + 1, len(packets))
        size, fresh = ((values // was.packets)[packets] for values in (was.throughput, was.goodput))
        counts.add(int(capture), ms * 1_000_000, size, fresh)
    return replace(whole, arrivals=counts.result())


def scored(sets: WholeSets, *names: str) -> list[Score]:
    return [score for name in names for score in compute(name, Inputs(sets), 0) if score.label is None]


def test_every_other_capture_is_as_real_as_the_rest_and_a_poisson_load_is_not() -> None:
    folder = shared("data/apps_pcap")
    paths = [
        path
        for label in ("iot_d-linkcam", "iot_d-linkdoorsensor", "iot_huebridge", "iot_wemolink")
        for path in sorted((folder / label).iterdir())
    ]
    wholes = [whole_of_capture(path, number, named(path.parent.name)) for number, path in enumerate(paths)]
    real, other = joined(wholes[1::2]), joined(wholes[::2])
    found = scored(WholeSets(real, None, other), *NAMES)
    assert [score.name for score in found if score.flagged] == []
    assert sum(score.value is not None for score in found) > 30
    spoilt = scored(WholeSets(real, None, poisson(other)), "wavelet")
    # of so few packets a bin of 1 ms has one or none: there the energy is the rate, whatever the process is
    assert {"wavelet.packets.128ms", "wavelet.packets.1024ms"} <= {score.name for score in spoilt if score.flagged}
