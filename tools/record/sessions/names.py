"""Names and clocks: unbound asked by dig, kdig, host and nslookup (UDP, TCP, TLS), chronyd by ntpdig and chronyd."""

from __future__ import annotations

import time
from random import Random

import content
from namespaces import Pair

TYPES = ["A", "A", "A", "AAAA", "AAAA", "MX", "TXT", "SRV", "PTR", "NS", "SOA", "CAA"]


def zone(rng: Random) -> tuple[list[str], list[str]]:
    """Names, and unbound's lines about them: few or many records, short or long."""
    names, lines = [], ['local-zone: "example.test." static']
    for _ in range(400):
        labels = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=rng.randint(2, 18)))]
        name = ".".join(labels + rng.sample(content.WORDS, rng.choice([0, 1, 1, 2])) + ["example.test."])
        names.append(name)
        for _ in range(content.log_uniform(rng, 1, 12)):
            lines.append(f'local-data: "{name} 300 IN A 203.0.113.{rng.randrange(256)}"')
        for _ in range(rng.choice([0, 0, 1, 2, 4])):
            lines.append(f'local-data: "{name} 300 IN AAAA 2001:db8:ffff::{rng.randrange(65536):x}"')
        if rng.random() < 0.4:
            lines.append(f'local-data: "{name} 300 IN MX 10 mail{rng.randrange(9)}.{name}"')
        if rng.random() < 0.5:
            written = content.text(rng, content.log_uniform(rng, 20, 240))
            lines.append(f"local-data: '{name} 300 IN TXT \"{written}\"'")
        if rng.random() < 0.2:
            lines.append(f'local-data: "{name} 300 IN SRV 0 5 5060 sip.{name}"')
    return names, lines


def serve(pair: Pair) -> None:
    """unbound with some hundred names."""
    pair.shared["names"], lines = zone(Random(f"{pair.seed}/zone"))
    unbound(pair, lines)


def unbound(pair: Pair, lines: list[str]) -> None:
    """unbound on ports 53 and 853 of every server address; `lines` are its zones and records."""
    cert, key = content.certificate(pair.folder)
    options = ['username: ""', 'chroot: ""', f'directory: "{pair.folder}"', 'pidfile: ""', "do-daemonize: no"]
    options += ["use-syslog: no", "access-control: 0.0.0.0/0 allow", "access-control: ::/0 allow"]
    options += ["incoming-num-tcp: 100"]
    options += [f'tls-service-pem: "{cert}"', f'tls-service-key: "{key}"', "so-reuseport: no", "num-threads: 1"]
    options += ["interface-automatic: yes", 'interface-automatic-ports: "53 853"', "tls-port: 853"]
    config = pair.folder / "unbound.conf"
    body = "\n".join(f"  {line}" for line in options + lines)
    config.write_text(f"server:\n{body}\nremote-control:\n  control-enable: no\n")
    pair.serve("unbound", "-d", "-c", config)
    time.sleep(3)


def question(pair: Pair, rng: Random) -> list[str]:
    """A name and a type, now and then one that does not exist."""
    name = rng.choice(pair.shared["names"])
    if rng.random() < 0.15:
        name = f"{rng.choice(content.WORDS)}{rng.randrange(1000)}.{name}"
    return [name, rng.choice(TYPES)]


def look_up(pair: Pair, rng: Random) -> None:
    """Up to four lookups at one server with one tool."""
    server = pair.pick(rng)
    tool = rng.choices(["dig", "kdig", "host", "nslookup"], [5, 3, 1, 1])[0]
    for _ in range(rng.choice([1, 1, 2, 3, 4])):
        name, kind = question(pair, rng)
        if tool in ("host", "nslookup"):
            pair.client(*(["host", name, server] if tool == "host" else ["nslookup", name, server]), timeout_s=15)
            continue
        flags = [f"+bufsize={rng.choice([512, 1232, 1232, 4096])}"] if rng.random() < 0.6 else []
        flags += ["+dnssec"] if rng.random() < 0.2 else []
        flags += ["+tcp"] if rng.random() < 0.12 else []
        flags += [rng.choice(["+cookie", "+nocookie"])] if tool == "dig" else []
        questions = [name, kind]
        for _ in range(rng.choice([0, 0, 0, 1, 3])):
            questions += question(pair, rng)
        pair.client(tool, f"@{server}", *flags, *questions, timeout_s=15)
        time.sleep(rng.expovariate(3.0))


def look_up_over_tls(pair: Pair, rng: Random) -> None:
    """One TLS connection with one or more questions, sometimes padded."""
    server = pair.pick(rng)
    keep = rng.random() < 0.85
    flags = ["+tls"] + (["+keepopen"] if keep else [])
    flags += [rng.choice(["+padding", "+nopadding", "+padding=128", "+padding=468"])]
    flags += ["+dnssec"] if rng.random() < 0.2 else []
    questions: list[str] = []
    for _ in range(content.log_uniform(rng, 1, 20 if keep else 2)):
        questions += question(pair, rng)
    pair.client("kdig", f"@{server}", *flags, *questions, timeout_s=30)


def serve_time(pair: Pair) -> None:
    """chronyd that answers, and keeps its hands off this machine's clock (-x)."""
    config = pair.folder / "chrony.conf"
    config.write_text(f"local stratum 3\nallow all\ncmdport 0\npidfile {pair.folder}/s.pid\n")
    pair.serve("chronyd", "-x", "-d", "-u", "root", "-f", config)


def ask_time(pair: Pair, rng: Random) -> None:
    """ntpdig once or some times, or chronyd (-x: it sets nothing) that polls for a while from one port."""
    server = pair.pick(rng)
    kind = rng.random()
    if kind < 0.3:
        pair.client("ntpdig", "-p", str(rng.choice([1, 1, 2, 4])), "-t", "2", server, timeout_s=25)
        return
    config = pair.folder / f"chrony-{rng.randrange(10**9)}.conf"
    fixed = f"acquisitionport {rng.randint(20_000, 60_000)}\n" if kind < 0.94 else ""
    poll = rng.choice([-3, -2, -1, 0, 1])
    source = f"server {server} minpoll {poll} maxpoll {poll + rng.randint(0, 2)}"
    source += rng.choice([" iburst", " iburst", " burst", ""])
    source += rng.choice(["", "", " xleave", " extfield F323"])
    config.write_text(f"{source}\n{fixed}cmdport 0\nport 0\npidfile {config}.pid\n")
    pair.client("chronyd", "-x", "-d", "-u", "root", "-f", config, timeout_s=rng.uniform(3, 20))
