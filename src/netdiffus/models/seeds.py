"""Random streams: one seed gives a stream of its own to everything that is random, by what it is for.

Streams that are spawned do not overlap, and none depends on what others have drawn. What is drawn from a model is
spawned by label and block, so that work can be split anywhere between blocks and gives the same bytes.

Source: numpy's SeedSequence (O'Neill, "Developing a seed_seq alternative", 2015).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

TRAINING = ("hold-out", "folds", "network", "batches", "shifts")
Purpose = Literal["hold-out", "folds", "network", "batches", "shifts"]
DRAWING, CONTINUING = 1 << 16, (1 << 16) + 1
"""The first number in the key of a block; those of TRAINING are smaller."""


def training_stream(seed: int, purpose: Purpose) -> np.random.SeedSequence:
    """The stream of a training that serves one purpose."""
    return np.random.SeedSequence(seed, spawn_key=(TRAINING.index(purpose),))


def block_streams(seed: int, label: int, block: int) -> tuple[np.random.SeedSequence, np.random.SeedSequence]:
    """The streams of a label's block of draws: the network's noise, and all else."""
    noise, rest = np.random.SeedSequence(seed, spawn_key=(DRAWING, label, block)).spawn(2)
    return noise, rest


def continued_streams(seed: int, known: int, block: int) -> tuple[np.random.SeedSequence, np.random.SeedSequence]:
    """The same of a block of traces that go on from `known` rows."""
    noise, rest = np.random.SeedSequence(seed, spawn_key=(CONTINUING, known, block)).spawn(2)
    return noise, rest


def torch_seed(stream: np.random.SeedSequence) -> int:
    """A seed of torch's generators, 63 bits."""
    return int(stream.generate_state(1, np.uint64)[0] >> np.uint64(1))
