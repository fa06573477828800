"""Evaluate anyone's generator on plain arrays, without captures, datasets or models. About ten seconds.

Two bad generators of flows of two labels: one adds noise to the sizes, one repeats the flows it was trained on.
"""

import numpy as np

import netdiffus

rng = np.random.default_rng(0)
PACKETS = 8


def flows(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Series (N, 2, n) of size and direction, and labels (N,)."""
    labels = np.array(["chat", "video"])[rng.integers(2, size=count)]
    video = (labels == "video")[:, None]
    direction = rng.random((count, PACKETS)) < np.where(video, 0.9, 0.5)
    size = np.where(video & direction, 1448, rng.integers(40, 300, (count, PACKETS)))
    return np.stack([size, direction], axis=1).astype(float), labels


train, test, (series, labels) = flows(100), flows(100), flows(100)
series[:, 0] += rng.normal(0, 40, (100, PACKETS)).round()

generators = {"noisy": (series, labels), "memorised": train}
for name, synthetic in generators.items():
    scores = netdiffus.evaluate(train, synthetic, test=test, channels=["size", "direction"], baselines=False)
    flagged = sorted({score.name for score in scores if score.flagged})
    print(f"{name}: {len(flagged)} scores worse than real: {', '.join(flagged)}")
