"""Do the 95 % intervals cover: fifty splits of the recordings, and how often other real traces lie inside, by score.

COVERAGE_SPLITS sets how many (default 50, some 20 seconds each).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

from bench.results import table, write_section
from bench.splits import CHANNELS, FRESH, TEST, TRAIN, inside
from netdiffus import recordings
from netdiffus.api.verbs import prepare
from netdiffus.metrics import METRICS, Traces
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.traces import series

FIRST_SEED, SPLITS = 1_000, 50
WANTED = 0.9


def main() -> None:
    """Count over all scores that have an interval."""
    splits = int(os.environ.get("COVERAGE_SPLITS", str(SPLITS)))
    with tempfile.TemporaryDirectory() as scratch:
        prepare(recordings.folder(), Path(scratch) / "dataset", packets=32)
        _, rows = read_dataset(Path(scratch) / "dataset")
    traces = Traces(series(rows, 32, CHANNELS), rows["label"].to_numpy().astype(np.str_))
    found = inside(traces, range(FIRST_SEED, FIRST_SEED + splits), METRICS)
    shares = {name: float(np.mean(each)) for name, each in found.items() if len(each) == splits}
    low = sum(share < WANTED for share in shares.values())
    body = (
        f"{splits} splits of the recordings into {TRAIN} training, {TEST} test and {FRESH} fresh real traces of each "
        f"label. The fresh ones lie inside the 95 % interval in {np.mean(list(shares.values())):.1%} of all cases; "
        f"of {len(shares)} scores {len(shares) - low} reach {WANTED:.0%}. With {splits} splits a score whose interval "
        f"is right lies below {WANTED:.0%} by chance about once in 25.\n\n"
    )
    body += table(("score", "inside"), [(f"`{n}`", f"{s:.0%}") for n, s in sorted(shares.items(), key=lambda i: i[1])])
    if splits == SPLITS:
        write_section("coverage", "Coverage of the intervals", body)
    else:
        print(body)


if __name__ == "__main__":
    main()
