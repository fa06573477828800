"""A metric of your own, beside those of netdiffus. A few seconds.

A metric is a function of a comparison (real training, real test and synthetic traces) that yields scores. This one asks
whether synthetic flows begin as real ones do: the distance of the distributions of the first packet's size.
"""

from collections.abc import Iterator

import numpy as np

from netdiffus.metrics import METRICS, Comparison, Score, Traces, scores
from netdiffus.metrics.reference import measured, measured_score


def first_packet(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Total variation of the first packet's size."""
    channel = sets.channels.index("size")

    def distance(real: Traces, other: Traces) -> float:
        a, b = real.series[:, channel, 0], other.series[:, channel, 0]
        values = np.unique(np.concatenate([a, b]))
        return float(sum(abs((a == value).mean() - (b == value).mean()) for value in values) / 2)

    # `measured` compares synthetic with test traces, and real with real ones of the same numbers for the interval
    found = measured(sets, rng, lambda real, other: {"tvd": distance(real, other)}, 5_000)
    yield measured_score("first_packet.tvd", found["tvd"], "min", 1.0, note="sizes of the first packets")


METRICS["first_packet"] = first_packet  # from here on, `evaluate` and the report include it

rng = np.random.default_rng(0)


def flows(count: int, first: tuple[int, ...]) -> Traces:
    """Traces of one label whose first packet has one of the sizes in `first`."""
    series = rng.integers(40, 1448, (count, 1, 6)).astype(float)
    series[:, 0, 0] = rng.choice(first, count)
    return Traces(series, np.full(count, "web"))


train, test = flows(300, (517, 220)), flows(300, (517, 220))
for name, synthetic in {"alike": flows(300, (517, 220)), "different": flows(300, (517,))}.items():
    for score in scores(train, test, synthetic, ["size"], only=["first_packet"]):
        print(
            f"{name}: {score.name} {score.value:.3f}, real {score.low:.3f} to {score.high:.3f}, flagged {score.flagged}"
        )
