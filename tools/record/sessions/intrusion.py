"""An attack of several steps: scan a host (nmap), guess a password (hydra), log in and look around (ssh, ftp)."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path as File
from random import Random

import clients
import content
import pexpect
from clients import Client
from namespaces import Pair
from paths import server_address

from sessions import attacks, brokers, names, shell, web

USERS = ["admin", "oracle", "test", "guest", "support", "deploy"]
OPEN = ["21", "22", "80", "443", "6379"]
LOOK = ["id", "uname -a", "w", "ls -la", "cat /etc/passwd", "ps aux | head -30", "df -h", "ip addr", "env"]


def accounts(pair: Pair) -> None:
    """Users with guessable passwords, who exist in the servers' namespace alone: ip(8) lays its files over /etc."""
    rng = Random(f"{pair.seed}/accounts")
    etc, home = File("/etc/netns") / pair.server_name, pair.folder / "home"
    home.mkdir(mode=0o755)
    passwd, shadow = File("/etc/passwd").read_text(), ""
    pair.shared["passwords"] = {}
    for number, user in enumerate(USERS):
        password = f"{rng.choice(content.WORDS)}{rng.randrange(1000)}"
        pair.shared["passwords"][user] = password
        make = subprocess.run(["openssl", "passwd", "-6", password], check=True, capture_output=True, text=True)
        passwd += f"{user}:x:{61_000 + number}:65534::{home}:/bin/bash\n"
        shadow += f"{user}:{make.stdout.strip()}:19700:0:99999:7:::\n"
    (etc / "passwd").write_text(passwd)
    (etc / "shadow").touch(0o600)
    (etc / "shadow").write_text(shadow)


def serve(pair: Pair) -> None:
    clients.bridge(pair)
    accounts(pair)
    content.pages(web.nginx(pair), 3, Random(f"{pair.seed}/pages"))
    shell.sshd(pair, "PasswordAuthentication yes", "KbdInteractiveAuthentication no", "MaxAuthTries 5")
    attacks.ftpd(pair)
    brokers.serve_redis(pair)
    names.unbound(pair, clients.zone(pair))


def attack(pair: Pair, rng: Random) -> None:
    clients.go(pair, rng, session)


def session(client: Client, rng: Random) -> None:
    """Scan a host, by name or address; guess at what is open there; log in."""
    name = clients.host(rng, "host")
    place = int(name.removeprefix("host").split(".")[0])
    target = server_address(client.family, client.pair.network, place)
    scan(client, rng, name if rng.random() < 0.5 else target)
    time.sleep(rng.lognormvariate(0.7, 0.6))
    user = rng.choice(USERS)
    service = rng.choices(["ssh", "ftp"], [3, 1])[0]
    guess(client, rng, service, user, target)
    time.sleep(rng.lognormvariate(0.9, 0.6))
    (log_in if service == "ssh" else fetch)(client, rng, user, target)


def scan(client: Client, rng: Random, target: str) -> None:
    """Some well-known and some other ports, half-open or full, the open ones perhaps asked for their versions."""
    ports = {*OPEN, *(str(rng.randint(1, 9999)) for _ in range(content.log_uniform(rng, 3, 50)))}
    words = ["nmap", "-n", "-Pn", f"-T{rng.choice([3, 4, 4])}", *(["-6"] if client.family == 6 else [])]
    words += [rng.choice(["-sS", "-sS", "-sT"]), *(["-sV", "--version-intensity", "2"] if rng.random() < 0.3 else [])]
    client.run(*words, "-p", ",".join(sorted(ports, key=int)), target, timeout_s=60)


def guess(client: Client, rng: Random, service: str, user: str, target: str) -> None:
    """Passwords of a list, the right one somewhere in it."""
    words = [f"{rng.choice(content.WORDS)}{rng.randrange(1000)}" for _ in range(rng.randint(3, 16))]
    words.insert(rng.randint(1, len(words)), client.pair.shared["passwords"][user])
    folder = client.pair.folder / f"guess-{client.number}"
    folder.mkdir(exist_ok=True)
    (folder / "words").write_text("\n".join(words) + "\n")
    tool = ["hydra", "-I", "-f", *(["-6"] if client.family == 6 else []), "-l", user, "-P", "words"]
    tool += ["-t", str(rng.choice([1, 2, 4])), "-W", str(rng.choice([0, 0, 1]))]
    where = f"[{target}]" if client.family == 6 else target
    client.run(*tool, f"{service}://{where}", timeout_s=90, cwd=folder)
    shutil.rmtree(folder)


def log_in(client: Client, rng: Random, user: str, target: str) -> None:
    """A shell, some commands, perhaps a file carried off."""
    words = ["netns", "exec", client.name, "ssh", "-tt", "-F", "/dev/null", "-o", "StrictHostKeyChecking=no"]
    words += ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "PubkeyAuthentication=no"]
    surroundings = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "xterm"}
    terminal = pexpect.spawn("ip", [*words, f"{user}@{target}"], timeout=90, env=surroundings)
    try:
        terminal.expect("assword:")
        terminal.sendline(client.pair.shared["passwords"][user])
        terminal.expect("[#$] ")
        for _ in range(rng.randint(2, 6)):
            shell.pause(terminal, rng.lognormvariate(-0.2, 0.7))
            shell.type_text(terminal, rng.choice(LOOK), rng, 0.5)
        shell.pause(terminal, 0.5)
        shell.type_text(terminal, "exit", rng, 0.5)
        terminal.expect(pexpect.EOF)
    finally:
        shell.end(terminal)


def fetch(client: Client, rng: Random, user: str, target: str) -> None:
    """The files of a user, listed over FTP."""
    where = f"[{target}]" if client.family == 6 else target
    words = [
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "--max-time",
        "40",
        "-u",
        f"{user}:{client.pair.shared['passwords'][user]}",
    ]
    for _ in range(rng.randint(1, 3)):
        client.run(*words, f"ftp://{where}/", timeout_s=45)
        time.sleep(rng.lognormvariate(0.0, 0.5))
