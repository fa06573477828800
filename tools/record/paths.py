"""A path: the delay, jitter, loss, rate and hop count between the client and one server address."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

SERVERS = 250  # server addresses per family, each behind a path of its own


@dataclass(frozen=True)
class Path:
    """One way through the network, as drawn for a server address; both directions share it."""

    delay_s: float  # one way, without queueing
    jitter_s: float  # mean of the exponential part of the delay
    loss: float  # share of packets that vanish outside of bursts
    burst: float  # chance that a loss takes the following packet along
    rate_down_bps: float
    rate_up_bps: float
    queue_s: float  # how long a packet may wait at the bottleneck before it is dropped
    hops: int  # routers passed: what the TTL loses
    mtu: int


def draw(seed: str, family: int, number: int) -> Path:
    """Draw the path to server `number` (1-based) of `family` (4 or 6); equal arguments give equal paths."""
    rng = Random(f"{seed}/{family}/{number}")
    delay_s = min(max(rng.lognormvariate(math.log(0.012), 0.9), 0.001), 0.140)
    kind = rng.random()
    least, most = (0.0, 0.001) if kind < 0.6 else (0.001, 0.01) if kind < 0.92 else (0.01, 0.03)
    rate_down_bps = math.exp(rng.uniform(math.log(2e6), math.log(20e6)))
    return Path(
        delay_s=delay_s,
        jitter_s=delay_s * rng.uniform(0.01, 0.25),
        loss=rng.uniform(least, most),
        burst=rng.uniform(0.0, 0.5),
        rate_down_bps=rate_down_bps,
        rate_up_bps=rate_down_bps * rng.uniform(0.25, 1.0),
        queue_s=rng.uniform(0.05, 0.3),
        hops=rng.randint(4, 18),
        mtu=rng.choices([1500, 1492, 1480, 1420, 1400], [70, 12, 8, 5, 5])[0],
    )


def client_address(family: int, network: int) -> str:
    """Address of the client in namespace pair `network` (0..255)."""
    return f"10.{network}.0.2" if family == 4 else f"fd00:{network:x}::2"


def server_address(family: int, network: int, number: int) -> str:
    """Address of server `number` in namespace pair `network`, in space for benchmarks or documentation."""
    return f"198.18.{network}.{number}" if family == 4 else f"2001:db8:{network:x}::{number:x}"
