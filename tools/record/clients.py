"""Clients of their own: network namespaces bridged to the client's end of a pair's link, one per host.

Each client has one address, of one family, and a network stack of its own: ports, identifications and clocks go on
from one of its connections to the next. It asks a name server for everything else.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path as File
from random import Random
from typing import Any

from namespaces import Pair, remove
from paths import SERVERS, server_address

HOSTS = 240  # server addresses with names; the rest answer names
ROLES = ("www", "api", "imap", "smtp", "ntp", "mqtt", "host")
DOMAIN = "s.example.test"


class Client:
    """One host, as long as its namespace lives."""

    def __init__(self, pair: Pair, number: int, rng: Random) -> None:
        self.pair, self.number = pair, number
        self.name = f"{pair.client_name}{number}"
        self.family = rng.choices([4, 6], [3, 2])[0]
        self.address = address(self.family, pair.network, number)
        self.resolver = server_address(self.family, pair.network, rng.randint(HOSTS + 1, SERVERS))
        self.mtu = rng.choices([1500, 1492, 1480, 1420, 1400], [70, 12, 8, 5, 5])[0]

    def open(self) -> None:
        """Create the namespace, plug it into the bridge, tell it its address and its name server."""
        remove(self.name)
        etc = File("/etc/netns") / self.name
        etc.mkdir(parents=True, exist_ok=True)
        (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        (etc / "resolv.conf").write_text(f"nameserver {self.resolver}\n")
        port, bits = f"c{self.number}", 32 if self.family == 4 else 128
        everywhere = "0.0.0.0/0" if self.family == 4 else "::/0"
        quiet = " nodad" if self.family == 6 else ""
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        batch(self.pair.client_name, f"link add {port} type veth peer name eth0 netns {self.name}")
        batch(self.pair.client_name, f"link set {port} master br0", f"link set {port} up")
        lines = ["link set lo up", "link set eth0 up", f"addr add {self.address}/{bits} dev eth0{quiet}"]
        batch(self.name, *lines, f"route add {everywhere} dev eth0 src {self.address} mtu {self.mtu}")
        without_offload(self.pair, self.name, "eth0")

    def run(self, *command: str | File, timeout_s: float = 90, **options: Any) -> subprocess.CompletedProcess[Any]:
        """Run a program on this host to its end (or stop it after `timeout_s`)."""
        return self.pair.run(self.name, command, timeout_s, **options)

    def start(self, *command: str | File, **options: Any) -> subprocess.Popen[Any]:
        """Start a program on this host."""
        return self.pair.start(self.name, command, **options)

    def close(self) -> None:
        """End what runs on this host, and remove it."""
        remove(self.name)


def address(family: int, network: int, number: int) -> str:
    """Address of client `number` (1..60000) in namespace pair `network`."""
    high, low = divmod(number - 1, 250)
    return f"10.{network}.{high + 1}.{low + 1}" if family == 4 else f"fd00:{network:x}::{high + 1:x}:{low + 1:x}"


def batch(name: str, *lines: str) -> None:
    """Run lines of ip(8) in a namespace."""
    subprocess.run(["ip", "-n", name, "-batch", "-"], input="\n".join((*lines, "")).encode(), check=True)


def without_offload(pair: Pair, name: str, device: str) -> None:
    """Have the stack send what a wire would carry: whole checksums, no frame above the MTU."""
    offload = f"ethtool -K {device} gso off tso off gro off tx off rx off"
    subprocess.run(["ip", "netns", "exec", name, "sh", "-c", offload], check=False, stdout=pair.log, stderr=pair.log)


def bridge(pair: Pair) -> None:
    """Turn the client's end of the link into a bridge for many clients, and tell the servers where they are."""
    pair.shared["clients"] = iter(range(1, 60_000))
    pair.shared["sessions"] = []
    batch(pair.client_name, "link add br0 type bridge mcast_snooping 0", "link set eth0 master br0", "link set br0 up")
    routes = [f"route add 10.{pair.network}.0.0/16 dev eth0", f"route add fd00:{pair.network:x}::/64 dev eth0"]
    batch(pair.server_name, *routes)


def zone(pair: Pair) -> list[str]:
    """unbound's lines: roles of numbered hosts, each at its number; pages share the hosts of their cdn and img."""
    lines = ['local-zone: "." static', f'local-zone: "{DOMAIN}." static']
    for number in range(1, HOSTS + 1):
        places = dict.fromkeys(ROLES, number) | {"cdn": 1 + number % 20, "img": 21 + number % 30}
        for role, place in places.items():
            for kind, family in (("A", 4), ("AAAA", 6)):
                where = server_address(family, pair.network, place)
                lines.append(f'local-data: "{role}{number}.{DOMAIN}. 300 IN {kind} {where}"')
    return lines


def host(rng: Random, role: str) -> str:
    """The name of some host in a role."""
    return f"{role}{rng.randint(1, HOSTS)}.{DOMAIN}"


def go(pair: Pair, rng: Random, session: Callable[[Client, Random], None]) -> None:
    """A client comes, has a session or a few with long pauses between them, and leaves."""
    time.sleep(rng.expovariate(0.3))
    with pair.lock:
        number = next(pair.shared["clients"])
    client = Client(pair, number, rng)
    client.open()
    try:
        for again in range(rng.choices([1, 2, 3], [80, 16, 4])[0]):
            if again:
                time.sleep(rng.uniform(90, 150))
            began = time.time_ns()
            session(client, rng)
            time.sleep(2.0)  # what is still on its way belongs to this session
            pair.shared["sessions"].append((client.address, began, time.time_ns()))
    finally:
        client.close()
