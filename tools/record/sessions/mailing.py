"""A mail program: looks up its servers, reads a mailbox on one or two connections, sends, checks again."""

from __future__ import annotations

import json
from random import Random

import clients
import content
from clients import Client
from namespaces import HERE, VENV, Pair

from sessions import mail, names


def serve(pair: Pair) -> None:
    clients.bridge(pair)
    mail.serve(pair, longest=30_000)
    names.unbound(pair, clients.zone(pair))


def read_mail(pair: Pair, rng: Random) -> None:
    clients.go(pair, rng, session)


def session(client: Client, rng: Random) -> None:
    """Fetch what is new, read some letters, send none to two, check again."""
    provider = Random(f"{client.pair.seed}/provider/{client.number % 25}")
    imap, smtp = clients.host(provider, "imap"), clients.host(provider, "smtp")
    letters = [str(name) for name in client.pair.shared["letters"]]
    plan = {
        "imap": imap,
        "smtp": smtp,
        "user": f"user{client.number % 20}",
        "starttls": provider.random() < 0.3,
        "glance_s": rng.uniform(0.5, 4) if rng.random() < 0.5 else 0,
        "read": [[rng.randrange(12), rng.lognormvariate(0.3, 0.7)] for _ in range(content.log_uniform(rng, 1, 7))],
        "send": [[rng.choice(letters), rng.lognormvariate(0.7, 0.6)] for _ in range(rng.choice([0, 0, 1, 1, 2]))],
        "to": [f"b{number}@example.test" for number in range(rng.choice([1, 1, 2, 4]))],
        "checks": [rng.uniform(2, 6) for _ in range(rng.choice([0, 1, 2, 3]))],
    }
    name = client.pair.folder / f"plan-{client.number}.json"
    name.write_text(json.dumps(plan))
    client.run(VENV / "bin/python", HERE / "programs/mail_client.py", name, timeout_s=120)
