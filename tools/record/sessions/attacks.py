"""Attacks on hosts of our own: a port scan (nmap), password guessing (hydra) and slow HTTP (slowhttptest)."""

from __future__ import annotations

import subprocess
from pathlib import Path as File
from random import Random

import content
from namespaces import Pair

from sessions import brokers, shell, web

SCRIPTS = ["http-title", "http-headers", "http-methods", "ssl-cert", "ssl-enum-ciphers", "ssh-hostkey"]
SCRIPTS += ["ssh2-enum-algos", "ssh-auth-methods", "banner", "redis-info", "ftp-syst"]
FTPD = """
listen=YES
listen_ipv6=NO
background=NO
anonymous_enable=NO
local_enable=YES
secure_chroot_dir=/var/run/vsftpd/empty
max_clients=200
delay_failed_login=1
seccomp_sandbox=NO
"""


def ftpd(pair: Pair) -> None:
    """vsftpd on port 21, for both families."""
    File("/var/run/vsftpd/empty").mkdir(parents=True, exist_ok=True)
    config = pair.folder / "ftpd.conf"
    config.write_text(FTPD.replace("listen=YES", "listen=NO").replace("listen_ipv6=NO", "listen_ipv6=YES"))
    pair.serve("vsftpd", config)


def serve_many(pair: Pair) -> None:
    """Hosts worth scanning: web, shell, files, messages, a store."""
    content.pages(web.nginx(pair), 3, Random(f"{pair.seed}/pages"))
    web.api_server(pair)
    shell.sshd(pair)
    ftpd(pair)
    brokers.serve_redis(pair)
    brokers.serve_mqtt(pair)


def scan(pair: Pair, rng: Random) -> None:
    """A scan of some ports: half-open, full, of versions, or with scripts."""
    server = pair.pick(rng)
    words = ["nmap", "-n", "-Pn", f"-T{rng.choice([3, 4, 4, 5])}", *(["-6"] if ":" in server else [])]
    kind = rng.random()
    open_ports = ["21", "22", "80", "443", "1883", "6379", "8883"]
    if kind < 0.25:
        ports = [str(rng.randint(1, 9999)) for _ in range(rng.randint(2, 8))]
        words += [rng.choice(["-sS", "-sT", "-sS", "-sA", "-sX"]), "-p", ",".join(ports)]
        words += ["--data-length", str(rng.randint(4, 30))] if rng.random() < 0.2 else []
    elif kind < 0.7:
        ports = rng.sample(open_ports, rng.randint(1, 3))
        ports += [str(rng.randint(1, 9999)) for _ in range(rng.randint(0, 2))]
        words += [rng.choice(["-sV", "-sV", "-A"]), "--version-intensity", str(rng.randint(1, 8))]
        words += ["-p", ",".join(ports)]
    else:
        words += [rng.choice(["-sT", "-sS"]), "--script", ",".join(rng.sample(SCRIPTS, 3))]
        words += ["-p", ",".join(rng.sample(open_ports, 3))]
    pair.client(*words, server, timeout_s=60)


def serve_guess(pair: Pair) -> None:
    tries = Random(pair.seed).randint(4, 6)
    shell.sshd(pair, "PasswordAuthentication yes", "KbdInteractiveAuthentication no", f"MaxAuthTries {tries}")
    ftpd(pair)


def guess(pair: Pair, rng: Random) -> None:
    """Try some passwords of a list at the shell or file server."""
    server = pair.pick(rng)
    words = [f"{rng.choice(content.WORDS)}{rng.randrange(1000)}" for _ in range(rng.randint(3, 20))]
    name = pair.folder / f"words-{rng.randrange(10**9)}"
    name.write_text("\n".join(words) + "\n")
    who = rng.choice(["admin", "oracle", "test", "backup", "guest"])
    tool = ["hydra", "-I", *(["-6"] if ":" in server else []), "-l", who, "-P", str(name)]
    tool += [
        "-t",
        str(rng.choice([1, 2, 4, 6])),
        "-W",
        str(rng.choice([0, 0, 1, 3])),
        *(["-c", "1"] if rng.random() < 0.1 else []),
    ]
    target = f"[{server}]" if ":" in server else server
    pair.client(*tool, f"{rng.choices(['ssh', 'ftp'], [3, 1])[0]}://{target}", timeout_s=50, cwd=pair.folder)
    subprocess.run(["rm", "-f", str(pair.folder / "hydra.restore")], check=False)


def serve_slow(pair: Pair) -> None:
    rng = Random(f"{pair.seed}/pages")
    www = web.nginx(pair, "client_header_timeout 25; client_body_timeout 20; send_timeout 20;")
    content.pages(www, 3, rng)
    content.files(www, [400_000], rng)
    web.api_server(pair)


def slow(pair: Pair, rng: Random) -> None:
    """Connections that send headers or a body, or read an answer, as slowly as the server bears."""
    scheme, host = rng.choice(["http", "http", "https"]), pair.host(pair.pick(rng))
    words = ["nice", "-n", "14", "slowhttptest", "-c", str(rng.randint(8, 25)), "-r", str(rng.randint(1, 8))]
    words += [
        "-l",
        str(rng.randint(12, 40)),
        "-i",
        str(rng.randint(1, 6)),
        "-x",
        str(rng.choice([8, 24, 64])),
        "-p",
        "3",
    ]
    kind = rng.choice(["-H", "-H", "-B", "-X"])
    path = {"-H": f"/{rng.randrange(3)}.html", "-B": "/api/upload", "-X": "/f400000.bin"}[kind]
    if kind == "-B":
        words += ["-s", str(content.log_uniform(rng, 500, 8000)), "-t", "POST"]
    if kind == "-X":
        words += ["-w", str(rng.randint(10, 300)), "-y", str(rng.randint(400, 1500))]
        words += ["-n", "2", "-z", str(rng.randint(20, 200))]
    pair.client(*words, kind, "-u", f"{scheme}://{host}{path}", timeout_s=60)
