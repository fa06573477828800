"""Secure shell: a person typing (pexpect drives the real ssh), and files copied by scp, sftp and rsync."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path as File
from random import Random

import content
import pexpect
from namespaces import Pair

COMMANDS = ["ls", "ls -la", "ls -l /usr/bin | head -40", "cd /usr/share/doc", "find /etc/apt | head -60"]
COMMANDS += ["cat /etc/services", "grep -r Debian /etc/os-release", "ps aux | head -30", "uptime", "df -h", "free -m"]
COMMANDS += ["date", "who", "id", "uname -a", "env | sort", "echo $((6 * 7))", "history | tail"]
COMMANDS += ["for i in 1 2 3 4 5; do date; sleep 1; done"]
CIPHERS = ["chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes128-ctr"]


def sshd(pair: Pair, *more: str) -> list[str]:
    """Start sshd on every server address; returns the options a client needs."""
    for name in ("host", "user"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(pair.folder / name)]
        subprocess.run(make, check=True)
    (pair.folder / "authorized").write_text((pair.folder / "user.pub").read_text())
    File("/run/sshd").mkdir(exist_ok=True)
    lines = ["Port 22", f"HostKey {pair.folder}/host", f"AuthorizedKeysFile {pair.folder}/authorized", "StrictModes no"]
    lines += [f"PidFile {pair.folder}/sshd.pid", "PermitRootLogin prohibit-password", "MaxStartups 500", "UseDNS no"]
    lines += ["Subsystem sftp internal-sftp", "PrintMotd no", "PrintLastLog no", "UsePAM no", *more]
    (pair.folder / "sshd.conf").write_text("\n".join(lines) + "\n")
    pair.serve("/usr/sbin/sshd", "-D", "-e", "-f", pair.folder / "sshd.conf")
    options = ["-F", "/dev/null", "-i", str(pair.folder / "user"), "-o", "StrictHostKeyChecking=no"]
    return [*options, "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=20"]


def serve(pair: Pair) -> None:
    pair.shared["options"] = sshd(pair)


def type_text(terminal: pexpect.spawn, written: str, rng: Random, speed: float) -> None:
    """Type as a person does: log-normal pauses, now and then a slip and its correction."""
    for letter in written:
        if rng.random() < 0.02:
            terminal.send(rng.choice("asdfjkl"))
            time.sleep(rng.lognormvariate(-1.3, 0.5) * speed)
            terminal.send("\x7f")
        terminal.send(letter)
        time.sleep(rng.lognormvariate(-2.1, 0.6) * speed)
    terminal.send("\r")


def type_session(pair: Pair, rng: Random, least: int = 1, most: int = 5) -> None:
    """Log in, type `least` to `most` commands, perhaps page through a file or edit one, log out."""
    words = ["netns", "exec", pair.client_name, "ssh", "-tt", *pair.shared["options"]]
    words += ["-c", rng.choice(CIPHERS), *(["-C"] if rng.random() < 0.2 else []), f"root@{pair.pick(rng)}"]
    size = rng.choice([(24, 80), (40, 120), (50, 180)])
    surroundings = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "xterm"}
    terminal = pexpect.spawn("ip", words, timeout=90, dimensions=size, env=surroundings)
    speed = rng.uniform(0.6, 1.6)
    try:
        terminal.expect("[#$] ")
        for _ in range(rng.randint(least, most)):
            pause(terminal, rng.lognormvariate(-0.2, 0.7))
            kind = rng.random()
            if kind < 0.75:
                type_text(terminal, rng.choice(COMMANDS), rng, speed)
            elif kind < 0.88:
                type_text(terminal, "less /etc/services", rng, speed)
                for _ in range(rng.randint(2, 8)):
                    pause(terminal, rng.lognormvariate(-0.8, 0.6))
                    terminal.send(rng.choice([" ", "j", "j", "k", "G", "/tcp\r"]))
                terminal.send("q")
            else:
                type_text(terminal, f"cat > /dev/null # {rng.choice(content.WORDS)}", rng, speed)
                type_text(terminal, content.text(rng, rng.randint(20, 80)), rng, speed)
                terminal.send("\x04")
            pause(terminal, 0.3)
        type_text(terminal, "exit", rng, speed)
        terminal.expect(pexpect.EOF)
    finally:
        end(terminal)


def end(terminal: pexpect.spawn) -> None:
    """End the program if it still runs, with patience: on a busy machine it takes its time."""
    terminal.ptyproc.delayafterterminate = 2.0
    terminal.close(force=True)


def pause(terminal: pexpect.spawn, seconds: float) -> None:
    """Let time pass and read what the far end shows."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        terminal.expect([pexpect.TIMEOUT, ".+"], timeout=left)


def serve_files(pair: Pair, least: int = 2_000, most: int = 1_500_000) -> None:
    """Files of `least` to `most` bytes to copy, and the server."""
    rng = Random(f"{pair.seed}/files")
    pair.shared["options"] = sshd(pair)
    sizes = [content.log_uniform(rng, least, most) for _ in range(50)]
    pair.shared["files"] = content.files(pair.folder / "files", sizes, rng)


def copy(pair: Pair, rng: Random, timeout_s: float = 40) -> None:
    """Copy one to four files, there or back, with scp, sftp or rsync."""
    server = pair.pick(rng)
    host = f"[{server}]" if ":" in server else server
    options = [*pair.shared["options"], "-o", f"Ciphers={rng.choice(CIPHERS)}"]
    some = rng.sample(pair.shared["files"], rng.choice([1, 1, 1, 2, 4]))
    names = [str(pair.folder / "files" / name) for name in some]
    away = pair.folder / f"copy-{rng.randrange(10**9)}"
    away.mkdir()
    slow = ["-l", str(rng.randint(1000, 4000))] if rng.random() < 0.2 else []
    tool = rng.choice(["scp", "scp", "scp -O", "sftp", "rsync"])
    if tool == "rsync":
        shell = " ".join(["ssh", *options])
        there = [*names, f"root@{host}:{away}/"] if rng.random() < 0.5 else [f"root@{host}:{names[0]}", f"{away}/"]
        pair.client("rsync", "-a", "-e", shell, *there, timeout_s=timeout_s)
    elif tool == "sftp":
        batch = ["pwd"]
        for name in names:
            batch.append(rng.choice([f"put {name} {away}/", f"get {name} {away}/", "ls /usr/share"]))
        (away / "batch").write_text("\n".join(batch) + "\n")
        pair.client("sftp", *slow, *options, "-b", away / "batch", f"root@{host}", timeout_s=timeout_s)
    else:
        there = [*names, f"root@{host}:{away}/"] if rng.random() < 0.5 else [f"root@{host}:{names[0]}", f"{away}/"]
        pair.client(*tool.split(), *slow, *options, *there, timeout_s=timeout_s)
    subprocess.run(["rm", "-rf", str(away)], check=False)
