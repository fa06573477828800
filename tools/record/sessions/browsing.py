"""A person browses: names looked up, pages of several servers, parallel and kept connections, time to read."""

from __future__ import annotations

import json
import shutil
from random import Random

import clients
import content
from clients import Client
from namespaces import HERE, VENV, Pair

from sessions import names, web

PAGES = 150


def serve(pair: Pair) -> None:
    clients.bridge(pair)
    content.pages(web.nginx(pair), PAGES, Random(f"{pair.seed}/pages"), largest=50_000, most=14)
    names.unbound(pair, clients.zone(pair))


def browse(pair: Pair, rng: Random) -> None:
    clients.go(pair, rng, session)


def session(client: Client, rng: Random) -> None:
    """Open one to four pages of one to three sites in a fresh browser, and read them."""
    profile = client.pair.folder / f"profile-{client.number}-{rng.randrange(10**9)}"
    sites = [clients.host(rng, "www") for _ in range(rng.choice([1, 1, 2, 3]))]
    steps = []
    for number in range(rng.choice([1, 2, 2, 3, 4])):
        site = sites[min(number, len(sites) - 1)] if rng.random() < 0.8 else rng.choice(sites)
        url = f"https://{site}/{rng.randrange(PAGES)}.html"
        steps.append({"url": url, "pause_s": min(rng.lognormvariate(0.9, 0.7), 15.0)})
    flags = [*web.QUIET, f"--user-data-dir={profile}", *(["--disable-http2"] if rng.random() < 0.35 else [])]
    plan = profile.with_suffix(".json")
    plan.write_text(json.dumps({"flags": flags, "steps": steps}))
    client.run(VENV / "bin/python", HERE / "programs/browser.py", plan, timeout_s=240)
    shutil.rmtree(profile, ignore_errors=True)
