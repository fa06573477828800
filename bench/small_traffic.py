"""Traces of two labels, for tests that need traffic and no more."""

import numpy as np
import polars as pl


def two_labels(count: int, seed: int) -> pl.DataFrame:
    """Traces of two labels that differ in sizes, directions, gaps and length."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for index in range(count):
        chat = index % 2 == 0
        length = int(rng.integers(3, 8) if chat else rng.integers(6, 13))
        sizes = rng.choice([0, 40, 64] if chat else [0, 1400, 1448], length)
        down = rng.random(length - 1) < (0.5 if chat else 0.9)
        gaps = 10 ** (rng.uniform(7, 9, length - 1) if chat else rng.uniform(4, 6, length - 1))
        rows.append(
            {
                "label": "chat" if chat else "bulk",
                "size": sizes.tolist(),
                "direction": [0, *down.astype(int).tolist()],
                "gap_ns": [0, *gaps.astype(int).tolist()],
            }
        )
    return pl.DataFrame(rows)
