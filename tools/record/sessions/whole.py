"""Long flows, from some hundreds of packets to some ten thousand, which are shipped uncut."""

from __future__ import annotations

from random import Random
from typing import Any

import content
from namespaces import Pair

from sessions import calls, shell, streams, web
from sessions import quic as visits

PATIENCE_S = 400.0  # a path of 2 Mbit/s takes two minutes for the largest file


def sizes(pair: Pair, largest: int) -> list[int]:
    """Sizes of files, to be taken off the end: many of some 100 kB to some MB after one of `largest` bytes."""
    rng = Random(f"{pair.seed}/sizes")
    return [content.log_uniform(rng, 150_000, 3_500_000) for _ in range(60)] + [largest]


def serve_downloads(pair: Pair) -> None:
    rng = Random(f"{pair.seed}/files")
    pair.shared["files"] = content.files(web.nginx(pair), sizes(pair, 28_000_000), rng)


def download(pair: Pair, rng: Random) -> None:
    """Fetch one file of the list, no other session's."""
    words = ["curl", "-sk", "-o", "/dev/null", "--max-time", f"{PATIENCE_S}", rng.choice(["--http2", "--http1.1"])]
    if rng.random() < 0.15:
        words += ["--limit-rate", f"{rng.randint(150, 600)}k"]
    scheme = rng.choice(["https", "https", "http"])
    address = f"{scheme}://{pair.host(pair.pick(rng))}/{pair.shared['files'].pop()}"
    pair.client(*words, address, timeout_s=PATIENCE_S + 10)


def serve_uploads(pair: Pair) -> None:
    rng = Random(f"{pair.seed}/files")
    web.nginx(pair)
    web.api_server(pair)
    pair.shared["files"] = content.files(pair.folder / "files", sizes(pair, 6_000_000), rng)


def upload(pair: Pair, rng: Random) -> None:
    """Send one file of the list, as a form or as a plain body."""
    name = pair.folder / "files" / pair.shared["files"].pop()
    words = ["curl", "-sk", "-o", "/dev/null", "--max-time", f"{PATIENCE_S}", rng.choice(["--http2", "--http1.1"])]
    if rng.random() < 0.15:
        words += ["--limit-rate", f"{rng.randint(150, 600)}k"]
    words += rng.choice([["-T", str(name)], ["-F", f"file=@{name}"]])
    scheme = rng.choice(["https", "https", "http"])
    pair.client(*words, f"{scheme}://{pair.host(pair.pick(rng))}/api/upload", timeout_s=PATIENCE_S + 10)


def voice_call(pair: Pair, rng: Random) -> None:
    """Talk for a quarter of a minute to two minutes."""
    calls.voice_call(pair, rng, lambda rng: content.log_uniform(rng, 15, 120))


def play(pair: Pair, rng: Random) -> None:
    """Watch most of a film on persistent connections."""
    streams.play(pair, rng, least_s=15, most_s=50, persistent="1")


def type_session(pair: Pair, rng: Random) -> None:
    """Work in a shell for some minutes."""
    shell.type_session(pair, rng, least=6, most=24)


def serve_copies(pair: Pair) -> None:
    shell.serve_files(pair, least=100_000, most=2_500_000)


def copy(pair: Pair, rng: Random) -> None:
    """Copy one to four files."""
    shell.copy(pair, rng, timeout_s=PATIENCE_S)


def quic(pair: Pair, rng: Random) -> None:
    """One visit that fetches large files, one after the other or at once."""
    rounds: list[dict[str, Any]] = []
    for _ in range(rng.choice([1, 1, 2])):
        some = [content.log_uniform(rng, 100_000, 2_500_000) for _ in range(rng.choice([1, 1, 2]))]
        rounds.append({"sizes": some, "pause_s": rng.expovariate(1.0), "post": 0})
    control = rng.choice(["reno", "cubic"])
    plan = {"server": pair.pick(rng), "rounds": rounds, "control": control, "limit_s": PATIENCE_S}
    visits.make(pair, rng, [plan], timeout_s=PATIENCE_S + 10)
