"""QUIC and HTTP/3: an aioquic server and aioquic clients."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import content
from namespaces import HERE, VENV, Pair
from paths import SERVERS, server_address


def serve(pair: Pair) -> None:
    cert, key = content.certificate(pair.folder)
    every = [server_address(family, pair.network, number) for family in (4, 6) for number in range(1, SERVERS + 1)]
    pair.serve(VENV / "bin/python", HERE / "programs/quic_peer.py", "server", cert, key, *every)


def visits(pair: Pair, rng: Random) -> None:
    """Ten visits, one after the other: a page and its objects, a document, or a file, with pauses."""
    plan = []
    for _ in range(10):
        rounds = []
        for _ in range(rng.choice([1, 1, 2, 3])):
            kind = rng.random()
            least, most, many = (
                (400, 50_000, 20) if kind < 0.6 else (50, 4000, 1) if kind < 0.8 else (50_000, 700_000, 1)
            )
            sizes = [content.log_uniform(rng, least, most) for _ in range(content.log_uniform(rng, 1, many))]
            post = content.log_uniform(rng, 20, 20_000) if kind > 0.9 else 0
            rounds.append({"sizes": sizes, "pause_s": rng.expovariate(1.0), "post": post})
        server, control = pair.pick(rng), rng.choice(["reno", "cubic"])
        plan.append({"server": server, "rounds": rounds, "control": control, "limit_s": 25})
    make(pair, rng, plan, timeout_s=150)


def make(pair: Pair, rng: Random, plan: list[dict[str, Any]], timeout_s: float) -> None:
    """Make the visits of a plan, one after the other."""
    name = pair.folder / f"plan-{rng.randrange(10**9)}.json"
    name.write_text(json.dumps(plan))
    pair.client(VENV / "bin/python", HERE / "programs/quic_peer.py", "client", name, timeout_s=timeout_s)
