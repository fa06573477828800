"""The link: a process between two TAP devices that holds frames back, paces them and loses some.

It stands where `tc netem` would, on kernels without it. Each server address is the far end of a path of its own
(paths.py); every flow on a path has a slightly different delay, and the path's rate wanders as if others used it too.
The TTL loses the path's hops, as it would on the way through routers. ARP and ICMP pass untouched.
"""

from __future__ import annotations

import argparse
import fcntl
import heapq
import ipaddress
import os
import select
import struct
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from paths import SERVERS, Path, draw, server_address

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
UDP, TCP = 17, 6
LOAD_PERIOD_S = 4.0  # how often the share of the rate that others leave us is drawn anew


def open_tap(name: str) -> int:
    """Create the TAP device `name` and return its non-blocking descriptor."""
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


@dataclass
class Lane:
    """One direction of a path: the bottleneck queue and what it remembers."""

    path: Path
    rate_bps: float
    rng: Random
    free_at: float = 0.0  # when the bottleneck has sent all it holds
    last_out: float = 0.0
    share: float = 1.0
    share_until: float = 0.0
    losing: bool = False
    flow_factor: dict[bytes, float] = field(default_factory=dict)

    def leaves_at(self, now: float, length: int, flow: bytes) -> float | None:
        """When a frame that came `now` comes out, or None if it is lost."""
        rng, path = self.rng, self.path
        if now >= self.share_until:
            self.share, self.share_until = rng.uniform(0.5, 1.0), now + LOAD_PERIOD_S
        self.losing = rng.random() < (path.burst if self.losing else path.loss)
        if self.losing:
            return None
        start = max(now, self.free_at)
        if start - now > path.queue_s:
            return None
        self.free_at = start + length * 8 / (self.rate_bps * self.share)
        factor = self.flow_factor.setdefault(flow, rng.uniform(0.95, 1.2))
        out = self.free_at + path.delay_s * factor + rng.expovariate(1.0) * path.jitter_s
        self.last_out = max(out, self.last_out)  # first in, first out: no reordering
        return self.last_out


def forward_time_to_live(frame: bytearray, hops: int) -> None:
    """Take `hops` from the TTL, and keep the IPv4 header checksum right (RFC 1624)."""
    if frame[12:14] == b"\x86\xdd":
        frame[21] = max(frame[21] - hops, 1)
        return
    before = frame[22] << 8 | frame[23]
    frame[22] = max(frame[22] - hops, 1)
    after = frame[22] << 8 | frame[23]
    total = (~(frame[24] << 8 | frame[25]) & 0xFFFF) + (~before & 0xFFFF) + after
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into("!H", frame, 24, ~total & 0xFFFF)


def addresses_and_flow(frame: bytearray) -> tuple[bytes, bytes, bytes] | None:
    """Source, destination and a direction-independent flow key of a TCP or UDP frame; None for any other."""
    if frame[12:14] == b"\x08\x00":
        protocol, ports_at, source, destination = frame[23], 14 + (frame[14] & 15) * 4, frame[26:30], frame[30:34]
    elif frame[12:14] == b"\x86\xdd":
        protocol, ports_at, source, destination = frame[20], 54, frame[22:38], frame[38:54]
    else:
        return None
    if protocol not in (TCP, UDP):
        return None
    ports = sorted((bytes(frame[ports_at : ports_at + 2]), bytes(frame[ports_at + 2 : ports_at + 4])))
    return bytes(source), bytes(destination), bytes([protocol]) + b"".join(ports)


def lanes(seed: str, network: int) -> tuple[dict[bytes, Lane], dict[bytes, Lane]]:
    """The lanes (up, down) by server address."""
    up, down = {}, {}
    for family in (4, 6):
        for number in range(1, SERVERS + 1):
            path = draw(seed, family, number)
            address = ipaddress.ip_address(server_address(family, network, number)).packed
            up[address] = Lane(path, path.rate_up_bps, Random(f"{seed}/{family}/{number}/up"))
            down[address] = Lane(path, path.rate_down_bps, Random(f"{seed}/{family}/{number}/down"))
    return up, down


def carry(client_tap: int, server_tap: int, up: dict[bytes, Lane], down: dict[bytes, Lane]) -> None:
    """Carry frames between the two devices for ever."""
    waiting: list[tuple[float, int, int, bytes]] = []
    count = 0
    while True:
        timeout = max(waiting[0][0] - time.monotonic(), 0.0) if waiting else 1.0
        for tap in select.select([client_tap, server_tap], [], [], timeout)[0]:
            other = server_tap if tap == client_tap else client_tap
            while True:
                try:
                    frame = bytearray(os.read(tap, 2048))
                except BlockingIOError:
                    break
                now = time.monotonic()
                leaves: float | None = now
                known = addresses_and_flow(frame)
                if known:
                    source, destination, flow = known
                    lane = up.get(destination) if tap == client_tap else down.get(source)
                    if lane:
                        leaves = lane.leaves_at(now, len(frame), flow)
                        forward_time_to_live(frame, lane.path.hops)
                if leaves is not None:
                    count += 1
                    heapq.heappush(waiting, (leaves, count, other, bytes(frame)))
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, tap, out = heapq.heappop(waiting)
            with suppress(OSError):  # the device is down or its queue is full: the frame is lost, as on any link
                os.write(tap, out)


def main() -> None:
    """Create both devices, hand them to their namespaces, say so, and carry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--network", type=int, required=True)
    parser.add_argument("--client", required=True, help="client namespace")
    parser.add_argument("--server", required=True, help="server namespace")
    options = parser.parse_args()
    taps = []
    for side, namespace in (("c", options.client), ("s", options.server)):
        name = f"ndrec{options.network}{side}"
        taps.append(open_tap(name))
        subprocess.run(["ip", "link", "set", name, "netns", namespace, "name", "eth0"], check=True)
    os.nice(-10)  # the clock of the link must not wait for the programs that use it
    up, down = lanes(options.seed, options.network)
    print("ready", flush=True)
    carry(taps[0], taps[1], up, down)


if __name__ == "__main__":
    main()
