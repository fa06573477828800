"""Whole packets from compiled headers: link header, headers, payload, and the checksum over it.

The payload is zero, or random bytes that nobody sent before: each byte depends on the seed, the flow, the side, and its
place in the sender's stream, so that a retransmission carries the bytes of the original, and an echo's reply those of
its request. ICMP errors quote a packet that their receiver could have sent, since receivers read it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.compiler.compile import Packets
from netdiffus.errors import InputError
from netdiffus.wire.headers import links
from netdiffus.wire.headers.fields import ICMP, ICMPV6, TCP, UDP
from netdiffus.wire.kernels.bytes import put
from netdiffus.wire.kernels.checksum import checksum, ones_sum
from netdiffus.wire.kernels.compiled import compiled, i64, u64


@dataclass(frozen=True)
class Content:
    """Payload that was written.

    Attributes:
        data: bytes. at: where each packet's payload begins in them, (P,); -1: the policy "random" fills it.
        ja4: fingerprints of the TLS clients that were drawn, by flow.
        written: flows by protocol. misfits: flows that were left random, by reason.
    """

    data: Bytes
    at: NDArray[np.int64]
    ja4: dict[int, str] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    misfits: dict[str, int] = field(default_factory=dict)


POLICIES = ("random", "zero")
LINKS = {"ethernet": links.ETHERNET, "raw": links.RAW}
ETHERNET_BYTES = 14
ROUTER = 0x0600_0000_0001
"""The MAC address of everything behind the client; locally administered, as the clients' are."""


@compiled
def _mix(x: Any) -> int:
    """64 bits, each depending on all of x: the finaliser of SplitMix64 (Steele et al. 2014)."""
    x = (x ^ (x >> u64(30))) * u64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> u64(27))) * u64(0x94D049BB133111EB)
    mixed: int = x ^ (x >> u64(31))
    return mixed


@compiled
def _random(out: Bytes, pos: int, size: int, key: Any, place: int) -> None:
    """Bytes place to place + size of the stream that the key names."""
    word = u64(0)
    for j in range(size):
        at = place + j
        if j == 0 or at & 7 == 0:
            word = _mix(key + u64(at >> 3) * u64(0x9E3779B97F4A7C15))
        out[pos + j] = u64(word >> u64(8 * (at & 7))) & u64(0xFF)


@compiled
def _quote(out: Bytes, pos: int, size: int, outer: int, version: int) -> None:
    """A UDP packet from the receiver of the packet at `outer` to its sender, as far as `size` bytes go."""
    head = 20 if version == 4 else 40
    inside = max(size - head, 8)
    for j in range(head):
        out[pos + j] = 0
    if version == 4:
        put(out, pos, 4, 0x4500_0000 | (head + inside))
        put(out, pos + 6, 4, 0x4000_4011)
        for j in range(4):
            out[pos + 12 + j], out[pos + 16 + j] = out[outer + 16 + j], out[outer + 12 + j]
        put(out, pos + 10, 2, checksum(ones_sum(out, pos, pos + 20, 0)))
    else:
        put(out, pos, 4, 0x6000_0000)
        put(out, pos + 4, 4, inside << 16 | 0x1140)
        for j in range(16):
            out[pos + 8 + j], out[pos + 24 + j] = out[outer + 24 + j], out[outer + 8 + j]
    put(out, pos + head, 4, 0x8000_829A)  # from port 32768 to 33434, where traceroute begins
    put(out, pos + head + 4, 4, inside << 16)
    total = ones_sum(out, pos + (12 if version == 4 else 8), pos + head, 17 + inside)
    put(out, pos + head + 6, 2, checksum(ones_sum(out, pos + head, pos + max(size, head + 8), total)))


@compiled
def _build(
    chosen: NDArray[np.int64],
    headers: Bytes,
    header_at: NDArray[np.int64],
    network: NDArray[np.int64],
    transport: NDArray[np.int64],
    segments: NDArray[np.void],
    owner: NDArray[np.int64],
    flows: NDArray[np.void],
    ethernet: bool,
    policy: int,
    seed: Any,
    given: Bytes,
    given_at: NDArray[np.int64],
    out: Bytes,
    out_at: NDArray[np.int64],
) -> None:
    for j in range(chosen.size):
        i, pos = chosen[j], out_at[j]
        g, p, size = flows[owner[i]], segments[i], i64(segments[i].size)
        s = i64(p.direction)
        if ethernet:
            client = 0x0200_0000_0000 | i64(g.address[0, 1] & u64(0xFFFF_FFFF))
            put(out, pos, 6, client if s else ROUTER)
            put(out, pos + 6, 6, ROUTER if s else client)
            put(out, pos + 12, 2, 0x0800 if g.version == 4 else 0x86DD)
            pos += 14
        head = network[i] + transport[i]
        for k in range(head):
            out[pos + k] = headers[header_at[i] + k]
        body, at = pos + head, pos + network[i]
        icmp = g.protocol == ICMP or g.protocol == ICMPV6
        echo = icmp and (p.icmp_type in (0, 8) if g.version == 4 else p.icmp_type >= 128)
        given_here = policy == 2 and given_at[i] >= 0
        if given_here:
            out[body : body + size] = given[given_at[i] : given_at[i] + size]
        elif policy != 1:
            side, place = (i64(0), i64(p.icmp_rest) << 16) if echo else (s, i64(p.position))
            key = _mix(_mix(seed ^ u64(owner[i] + 1)) + u64(side + 1))
            _random(out, body, size, key, place)
        else:
            for k in range(size):
                out[body + k] = 0
        if icmp and not echo and not given_here and size >= (28 if g.version == 4 else 48):
            _quote(out, body, size, pos, i64(g.version))
        if p.no_checksum:
            continue
        total = ones_sum(out, at, at + transport[i] + size, 0)
        if g.protocol != ICMP:  # the pseudo-header
            wide = 8 if g.version == 4 else 32
            total = ones_sum(out, at - wide, at, total + i64(g.protocol) + transport[i] + size)
        value = checksum(total)
        if value == 0 and g.protocol == UDP:
            value = 0xFFFF  # 0 says that there is none (RFC 768)
        put(out, at + (16 if g.protocol == TCP else 6 if g.protocol == UDP else 2), 2, value)


def build_packets(
    packets: Packets,
    chosen: NDArray[np.int64],
    *,
    link: str = "ethernet",
    payload: str | Content = "random",
    seed: int = 0,
) -> tuple[Bytes, NDArray[np.int64], NDArray[np.int64]]:
    """Some packets as bytes.

    Args:
        packets: what was compiled.
        chosen: places of packets, (N,).
        link: one of LINKS.
        payload: one of POLICIES, or what was written.
        seed: of the random payload.

    Returns:
        the bytes, and the offset and size of each packet in them, (N,) int64.

    Raises:
        InputError: link or payload is not known, or the payload that is given is too short.
    """
    if link not in LINKS or (isinstance(payload, str) and payload not in POLICIES):
        raise InputError(
            f"a link among {', '.join(LINKS)} and a payload among {', '.join(POLICIES)}",
            f"{link}, {payload}",
            "choose one of those",
        )
    sizes = packets.segments["size"].astype(np.int64)
    given = Content(np.zeros(0, np.uint8), np.full(len(sizes), -1)) if isinstance(payload, str) else payload
    if len(given.at) != len(sizes):
        wanted = f"places of {len(sizes):,} packets in bytes of payload"
        raise InputError(wanted, f"{len(given.at):,}", "give the payload of every packet")
    end = int((given.at + sizes)[given.at >= 0].max(initial=0))
    if end > len(given.data):
        raise InputError(f"{end:,} bytes of payload", f"{len(given.data):,}", "give the payload of every packet")
    network, transport = packets.headers.network, packets.headers.transport
    whole = (network + transport + sizes)[chosen] + (ETHERNET_BYTES if link == "ethernet" else 0)
    at = np.cumsum(whole) - whole
    out = np.empty(int(whole.sum()), np.uint8)
    _build(
        chosen,
        packets.headers.data,
        packets.headers.offset,
        network,
        transport,
        packets.segments,
        packets.owner,
        packets.flows,
        link == "ethernet",
        POLICIES.index(payload) if isinstance(payload, str) else 2,
        np.uint64(seed & 0xFFFF_FFFF_FFFF_FFFF),
        given.data,
        given.at,
        out,
        at,
    )
    return out, at, whole
