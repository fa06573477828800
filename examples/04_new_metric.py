"""A metric of your own, beside those of netdiffus. A few seconds.

A metric is a function of a comparison (real training, real test and synthetic traces) that yields scores, and the
declaration of what these mean. This one asks whether synthetic flows begin as real ones do: the distance of the
distributions of the first packet's size.
"""

from collections.abc import Iterator

import numpy as np

from netdiffus.metrics import METRICS, Comparison, Metric, Score, ScoreType, Traces, scores
from netdiffus.metrics.null import measured, score_of

FIRST = ScoreType("first_packet.tvd", "min", "total variation of the first packet's size", useless=1.0, useless_is="1")


def first_packet(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Total variation of the first packet's size."""
    channel = sets.channels.index("size")

    def distance(real: Traces, other: Traces) -> dict[str, float]:
        a, b = real.series[:, channel, 0], other.series[:, channel, 0]
        values = np.unique(np.concatenate([a, b]))
        return {FIRST.name: float(sum(abs((a == value).mean() - (b == value).mean()) for value in values) / 2)}

    # `measured` compares synthetic with test traces, and real with real ones of the same numbers for the interval
    yield score_of(FIRST, measured(sets, rng, distance, 5_000))


# From here on, `evaluate` and the report include it.
METRICS["first_packet"] = Metric(first_packet, Comparison, "Do flows begin as real ones?", "fidelity", (FIRST,))

rng = np.random.default_rng(0)


def flows(count: int, first: tuple[int, ...]) -> Traces:
    """Traces whose first packet has one of the sizes in `first`."""
    series = rng.integers(40, 1448, (count, 1, 6)).astype(float)
    series[:, 0, 0] = rng.choice(first, count)
    return Traces(series, np.full(count, "web"))


train, test = flows(300, (517, 220)), flows(300, (517, 220))
for name, synthetic in {"alike": flows(300, (517, 220)), "different": flows(300, (517,))}.items():
    for score in scores(train, test, synthetic, ["size"], only=["first_packet"]):
        print(
            f"{name}: {score.name} {score.value:.3f}, real {score.low:.3f} to {score.high:.3f}, flagged {score.flagged}"
        )
