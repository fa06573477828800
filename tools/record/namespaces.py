"""A pair of network namespaces, client and server, with the link between them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path as File
from random import Random
from typing import IO, Any

from paths import SERVERS, client_address, draw, server_address

HERE = File(__file__).resolve().parent
VENV = File(os.environ.get("NETDIFFUS_RECORD_VENV", "/var/tmp/netdiffus-record/venv"))


class Pair:
    """Two namespaces that see only each other; everything started here ends with `close`."""

    def __init__(self, label: str, network: int, seed: int, folder: File) -> None:
        self.label, self.network, self.folder = label, network, folder
        self.seed = f"{seed}/{label}"
        self.client_name, self.server_name = f"ndrec-{network}-c", f"ndrec-{network}-s"
        self.shared: dict[str, Any] = {}  # what a label's servers leave for its sessions
        self.lock = threading.Lock()
        self.processes: list[subprocess.Popen[Any]] = []
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.log: IO[bytes] = (folder / "log.txt").open("wb")

    def open(self) -> None:
        """Create the namespaces, start the link and give both sides their addresses."""
        self.clear()
        for name in (self.client_name, self.server_name):
            subprocess.run(["ip", "netns", "add", name], check=True)
        self._start_link()
        for name, lines in zip((self.client_name, self.server_name), self._addresses(), strict=True):
            before = ["link set lo up", "link set eth0 up"]
            batch = "\n".join(before + lines) + "\n"
            subprocess.run(["ip", "-n", name, "-batch", "-"], input=batch.encode(), check=True)
            inside = ["ip", "netns", "exec", name]
            offload = "ethtool -K eth0 gso off tso off gro off tx off rx off"
            subprocess.run([*inside, "sh", "-c", offload], check=False, stdout=self.log, stderr=self.log)
        self._write_names()

    def _start_link(self) -> None:
        link = subprocess.Popen(
            [sys.executable, str(HERE / "link.py"), "--seed", self.seed, "--network", str(self.network)]
            + ["--client", self.client_name, "--server", self.server_name],
            stdout=subprocess.PIPE,
            stderr=self.log,
        )
        self.processes.append(link)
        if not link.stdout or link.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{self.label}: the link did not start, see {self.folder}/log.txt")

    def _addresses(self) -> tuple[list[str], list[str]]:
        """What `ip` is told of the client's addresses and routes, and of the servers'."""
        mine, theirs = [], []
        for family, bits in ((4, 32), (6, 128)):
            client = client_address(family, self.network)
            quiet = " nodad" if family == 6 else ""
            mine.append(f"addr add {client}/{bits} dev eth0{quiet}")
            for number in range(1, SERVERS + 1):
                server = server_address(family, self.network, number)
                theirs.append(f"addr add {server}/{bits} dev eth0{quiet}")
                mtu = draw(self.seed, family, number).mtu
                mine.append(f"route add {server}/{bits} dev eth0 src {client} mtu {mtu}")
            theirs.append(f"route add {client}/{bits} dev eth0")
            # A route to everywhere, which ends at the server's side: without one, browsers hold IPv6 for absent.
            everywhere = "0.0.0.0/0" if family == 4 else "::/0"
            mine.append(f"route add {everywhere} dev eth0 src {client}")
        return mine, theirs

    def _write_names(self) -> None:
        """The servers' names, and the name server, for both namespaces."""
        addresses = [
            server_address(family, self.network, number) for family in (4, 6) for number in range(1, SERVERS + 1)
        ]
        names = [
            (address, " ".join(self.host(address, prefix) for prefix in ("www", "cdn", "img"))) for address in addresses
        ]
        hosts = "".join(f"{address} {three}\n" for address, three in names)
        for name in (self.client_name, self.server_name):
            etc = File("/etc/netns") / name
            etc.mkdir(parents=True, exist_ok=True)
            (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n" + hosts)
            (etc / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")

    def host(self, address: str, prefix: str = "www") -> str:
        """A name for a server address, resolved by the namespaces' hosts file."""
        number = int(address.split(":")[-1], 16) if ":" in address else int(address.split(".")[-1])
        return f"{prefix}{number}.v{6 if ':' in address else 4}.example.test"

    def pick(self, rng: Random, family: int | None = None) -> str:
        """A server address, and with it a path; IPv4 three times out of five."""
        family = family or rng.choices([4, 6], [3, 2])[0]
        return server_address(family, self.network, rng.randint(1, SERVERS))

    def serve(self, *command: str | File, **options: Any) -> subprocess.Popen[Any]:
        """Start a long-running program in the server's namespace."""
        return self.start(self.server_name, command, **options)

    def client(self, *command: str | File, timeout_s: float = 90, **options: Any) -> subprocess.CompletedProcess[Any]:
        """Run a program in the client's namespace to its end (or stop it after `timeout_s`)."""
        return self.run(self.client_name, command, timeout_s, **options)

    def run(
        self, name: str, command: tuple[str | File, ...], timeout_s: float, **options: Any
    ) -> subprocess.CompletedProcess[Any]:
        """Run a program in namespace `name` to its end (or stop it after `timeout_s`)."""
        process = self.start(name, command, **options)
        feed = options.get("feed")
        if feed and process.stdin:
            threading.Thread(target=feed, args=(process.stdin,), daemon=True).start()
        try:
            process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            stop(process)
        with self.lock:
            if process in self.processes:
                self.processes.remove(process)
        output = process.stdout.read() if process.stdout else b""
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def start(self, name: str, command: tuple[str | File, ...], **options: Any) -> subprocess.Popen[Any]:
        """Start `command` in namespace `name`; its words go to the log unless asked for otherwise."""
        feed = options.pop("feed", None)
        options.setdefault("stdin", subprocess.PIPE if feed else subprocess.DEVNULL)
        options.setdefault("stdout", self.log)
        options.setdefault("stderr", self.log)
        words = ["ip", "netns", "exec", name, *map(str, command)]
        process = subprocess.Popen(words, start_new_session=True, **options)
        with self.lock:
            self.processes.append(process)
        return process

    def close(self) -> None:
        """Stop all that runs in the namespaces, and remove them."""
        for process in reversed(self.processes):
            stop(process)
        self.clear()
        self.log.close()

    def clear(self) -> None:
        """Remove the namespaces of this pair and of its clients, also what an earlier run left."""
        known = os.listdir("/run/netns") if File("/run/netns").exists() else []
        for name in known:
            if name == self.server_name or name.startswith(self.client_name):
                remove(name)


def remove(name: str) -> None:
    """End whatever runs in a namespace, and remove it."""
    listing = subprocess.run(["ip", "netns", "pids", name], capture_output=True, check=False)
    for pid in listing.stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue
    subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)
    shutil.rmtree(File("/etc/netns") / name, ignore_errors=True)


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process and its group, kindly first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            process.send_signal(number)
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            continue
