"""A real TCP stack as judge: the client side of a capture's flows is replayed against this machine's kernel.

In a network namespace of its own the kernel holds every server's address and listens; what the client of a flow sent
goes in through a tun device, what the kernel answers comes out there. Where the capture's server sent data, FIN or RST,
the program behind the socket does. The client's packets stay as they are but for what names the kernel's own choices:
acknowledgements and SACK blocks are moved to its sequence numbers, timestamps echo its own.

    unshare -rn python -m bench.kernel CAPTURE [FLOWS]       prints one line of JSON
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.conversations import Segment, conversations, segment
from bench.replay import replay

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
DEVICE = "judge0"
SETUP = (
    "ip link set lo up",
    f"ip link set {DEVICE} up",
    "ip route add local 198.18.0.0/15 dev lo",
    f"ip route add 10.0.0.0/8 dev {DEVICE} initcwnd 1000",
    "ip -6 route add local 2001:db8:5::/48 dev lo",
    f"ip -6 route add 2001:db8:c::/48 dev {DEVICE} initcwnd 1000",
)
SWITCHES = {8: "tcp_timestamps", 4: "tcp_sack", 3: "tcp_window_scaling"}
"""Options that the kernel agrees to or not, as the capture's server did."""


@dataclass
class Tally:
    """What the kernel made of the flows: in how many it completed the handshake, took all of the data, or reset
    the connection although the program behind it did not."""

    flows: int = 0
    handshakes: int = 0
    with_data: int = 0
    data_whole: int = 0
    bytes_sent: int = 0
    bytes_taken: int = 0
    resets: int = 0
    refused: list[str] = field(default_factory=list)


class Judge:
    """The namespace's kernel behind a tun device."""

    def __init__(self) -> None:
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
        for command in SETUP:
            subprocess.run(command.split(), check=True)
        self.listening: dict[tuple[int, int], socket.socket] = {}
        self.switched: dict[str, bool] = {}

    def listen(self, version: int, port: int) -> socket.socket:
        """The socket that listens on a port, on all addresses."""
        if (version, port) not in self.listening:
            of = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
            if version == 6:
                of.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            of.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            of.bind(("0.0.0.0" if version == 4 else "::", port))
            of.listen(64)
            self.listening[version, port] = of
        return self.listening[version, port]

    def switch(self, agreed: Segment) -> None:
        """Options on or off, as in the capture's SYN with ACK."""
        kinds = {kind for kind, _, _ in agreed.options()}
        for kind, name in SWITCHES.items():
            if self.switched.get(name) != (kind in kinds):
                Path(f"/proc/sys/net/ipv4/{name}").write_text(str(int(kind in kinds)))
                self.switched[name] = kind in kinds

    def answers(self, ends: frozenset[bytes], wait_s: float = 0.0) -> list[Segment]:
        """What the kernel has sent in a connection; waits for the first segment up to wait_s."""
        found: list[Segment] = []
        until = time.monotonic() + wait_s
        while True:
            left = 0.0 if found else max(0.0, until - time.monotonic())
            if not select.select([self.tun], [], [], left)[0]:
                return found
            one = segment(os.read(self.tun, 65_600))
            if one is not None and frozenset(one.ends) == ends:
                found.append(one)


def judge(path: Path, most: int = 300) -> Tally:
    """Replay the first flows with a handshake; in a namespace of its own (see above)."""
    kernel, tally = Judge(), Tally()
    for flow in conversations(path)[:most]:
        replay(kernel, flow, tally)
    return tally


def ask(path: Path, most: int = 300) -> Tally | str:
    """The same in a new namespace; a text says why this machine does not allow it."""
    command = ["unshare", "-rn", sys.executable, "-m", "bench.kernel", str(path), str(most)]
    root = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": f"{root / 'src'}:{root}"}
    try:
        run = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment, check=False)
    except FileNotFoundError:
        return "unshare is not installed"
    if run.returncode:
        return "no network namespace with a tun device here: " + (run.stderr.strip().splitlines() or ["no words"])[-1]
    return Tally(**json.loads(run.stdout))


if __name__ == "__main__":
    print(json.dumps(vars(judge(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 300))))
