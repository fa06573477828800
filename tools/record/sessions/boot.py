"""A device boots: it sets its clock, fetches its settings, reports to a broker over TLS."""

from __future__ import annotations

import time
from random import Random
from typing import IO

import clients
import content
from clients import Client
from namespaces import Pair, stop

from sessions import brokers, names, web


def serve(pair: Pair) -> None:
    clients.bridge(pair)
    names.serve_time(pair)
    brokers.serve_mqtt(pair)
    content.items(web.nginx(pair), 80, Random(f"{pair.seed}/items"))
    names.unbound(pair, clients.zone(pair))


def boot(pair: Pair, rng: Random) -> None:
    clients.go(pair, rng, session)


def session(client: Client, rng: Random) -> None:
    """Set the clock (NTP), perhaps fetch settings (HTTPS), report and perhaps listen for orders (MQTT over TLS)."""
    kind = Random(f"{client.pair.seed}/device/{client.number % 12}")  # a device of one of twelve makes
    clock, broker, settings = (clients.host(kind, role) for role in ("ntp", "mqtt", "api"))
    daemon = None
    if kind.random() < 0.5:
        config = client.pair.folder / f"chrony-{client.number}.conf"
        config.write_text(f"server {clock} iburst minpoll 4\ncmdport 0\nport 0\npidfile {config}.pid\n")
        daemon = client.start("chronyd", "-x", "-d", "-u", "root", "-f", config)
        time.sleep(rng.uniform(2, 6))
    else:
        client.run("ntpdig", "-p", str(kind.choice([1, 1, 4])), "-t", "2", clock, timeout_s=25)
    time.sleep(rng.expovariate(2.0))
    if kind.random() < 0.5:
        address = f"https://{settings}/{rng.randrange(80)}.json"
        client.run("curl", "-sk", "-o", "/dev/null", "--max-time", "40", address)
        time.sleep(rng.expovariate(2.0))
    cert, _ = content.certificate(client.pair.folder)
    words = ["-h", broker, "-p", "8883", "--cafile", str(cert), "--insecure", "-q", str(kind.choice([0, 1, 1, 2]))]
    words += ["-V", kind.choice(["mqttv311", "mqttv5"]), "-k", str(kind.choice([10, 30, 60]))]
    place, length, gap_s = f"house/{client.number}", content.log_uniform(kind, 10, 700), kind.uniform(0.3, 2.5)
    listens = kind.random() < 0.5
    ear = client.start("mosquitto_sub", *words, "-t", f"{place}/orders/#") if listens else None

    def report(pipe: IO[bytes]) -> None:
        for number in range(content.log_uniform(rng, 2, 16)):
            pipe.write(f"{number} {content.text(rng, length)}\n".encode())
            pipe.flush()
            time.sleep(gap_s * rng.uniform(0.95, 1.05))
        pipe.close()

    client.run("mosquitto_pub", *words, "-t", f"{place}/state", "-l", feed=report, timeout_s=90)
    for process in (ear, daemon):
        if process:
            stop(process)
