"""Noise for counts: the discrete Gaussian, from the random bytes of the operating system.

Canonne, Kamath and Steinke, "The discrete Gaussian for differential privacy", NeurIPS 2020, algorithm 3: a discrete
Laplace value is kept with a probability that makes a discrete Gaussian of it. Counts stay integers, so the low bits of
a floating-point sum can give nothing away (Mironov, CCS 2012). There is no seed: nobody can draw the noise again.
"""

from __future__ import annotations

import math
import os

import numpy as np

from netdiffus.arrays import Bools, Floats, Ints

BITS = 53
"""Of a uniform number: a draw's distribution differs from the exact one by some 2**-53."""


def uniform(count: int) -> Floats:
    """(count,) numbers in (0, 1] from the operating system's cryptographic generator."""
    drawn = np.frombuffer(os.urandom(8 * count), dtype=np.uint64) >> np.uint64(64 - BITS)
    return np.asarray((drawn + np.uint64(1)).astype(np.float64) * 2.0**-BITS)


def discrete_gaussian(sigma: float, count: int) -> Ints:
    """(count,) integers whose probability is proportional to exp(-x^2 / (2 sigma^2)), sigma > 0."""
    found = np.empty(count, dtype=np.int64)
    done = 0
    while done < count:
        drawn = _kept(sigma, 2 * (count - done) + 16)[: count - done]
        found[done : done + len(drawn)] = drawn
        done += len(drawn)
    return found


def _kept(sigma: float, tries: int) -> Ints:
    """What is kept of some discrete Laplace values of scale floor(sigma) + 1."""
    scale = math.floor(sigma) + 1
    size = np.floor(-scale * np.log(uniform(tries))).astype(np.int64)
    negative: Bools = uniform(tries) <= 0.5
    likely = np.exp(-((size - sigma**2 / scale) ** 2) / (2 * sigma**2))
    kept = (uniform(tries) <= likely) & ~(negative & (size == 0))
    return np.asarray(np.where(negative, -size, size)[kept])


def noisy(counts: Ints, sigma: float) -> Ints:
    """Counts of any shape with independent discrete Gaussian noise on every one of them, those of 0 as well."""
    return counts + discrete_gaussian(sigma, counts.size).reshape(counts.shape)
