"""Whole packets from compiled headers: link header, headers, payload, and the checksum over it.

The payload is zero, or random bytes that nobody sent before: each byte depends on the seed, the flow, the side, and its
place in the sender's stream, so that a retransmission carries the bytes of the original, and an echo's reply those of
its request. ICMP errors quote a packet that their receiver could have sent, since receivers read it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.compiler.compile import Packets
from netdiffus.errors import InputError
from netdiffus.wire.headers import links
from netdiffus.wire.headers.fields import ICMP, ICMPV6, TCP, UDP
from netdiffus.wire.kernels.compiled import compiled, i64, u64

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
def _put(out: Bytes, pos: int, size: int, value: int) -> None:
    for j in range(size):
        out[pos + j] = (value >> (8 * (size - 1 - j))) & 0xFF


@compiled
def _sum(data: Bytes, pos: int, size: int) -> int:
    """The sum of big-endian words of 16 bits, the last one filled with 0; not yet folded."""
    total, even = i64(0), size & ~1
    for j in range(pos, pos + even, 2):
        total += i64(data[j]) << 8 | i64(data[j + 1])
    return total + (i64(data[pos + even]) << 8 if size & 1 else 0)


@compiled
def _fold(total: int) -> int:
    """The checksum of a sum (RFC 1071)."""
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


@compiled
def _quote(out: Bytes, pos: int, size: int, outer: int, version: int) -> None:
    """A UDP packet from the receiver of the packet at `outer` to its sender, as far as `size` bytes go."""
    head = 20 if version == 4 else 40
    inside = max(size - head, 8)
    for j in range(head):
        out[pos + j] = 0
    if version == 4:
        _put(out, pos, 4, 0x4500_0000 | (head + inside))
        _put(out, pos + 6, 4, 0x4000_4011)
        for j in range(4):
            out[pos + 12 + j], out[pos + 16 + j] = out[outer + 16 + j], out[outer + 12 + j]
        _put(out, pos + 10, 2, _fold(_sum(out, pos, 20)))
    else:
        _put(out, pos, 4, 0x6000_0000)
        _put(out, pos + 4, 4, inside << 16 | 0x1140)
        for j in range(16):
            out[pos + 8 + j], out[pos + 24 + j] = out[outer + 24 + j], out[outer + 8 + j]
    _put(out, pos + head, 4, 0x8000_829A)  # from port 32768 to 33434, where traceroute begins
    _put(out, pos + head + 4, 4, inside << 16)
    total = _sum(out, pos + (12 if version == 4 else 8), 8 if version == 4 else 32) + 17 + inside
    _put(out, pos + head + 6, 2, _fold(total + _sum(out, pos + head, max(size - head, 8))))


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
            _put(out, pos, 6, client if s else ROUTER)
            _put(out, pos + 6, 6, ROUTER if s else client)
            _put(out, pos + 12, 2, 0x0800 if g.version == 4 else 0x86DD)
            pos += 14
        head = network[i] + transport[i]
        for k in range(head):
            out[pos + k] = headers[header_at[i] + k]
        body, at = pos + head, pos + network[i]
        icmp = g.protocol == ICMP or g.protocol == ICMPV6
        echo = icmp and (p.icmp_type in (0, 8) if g.version == 4 else p.icmp_type >= 128)
        if policy == 2:
            out[body : body + size] = given[given_at[i] : given_at[i] + size]
        elif policy == 0:
            side, place = (i64(0), i64(p.icmp_rest) << 16) if echo else (s, i64(p.position))
            key = _mix(_mix(seed ^ u64(owner[i] + 1)) + u64(side + 1))
            _random(out, body, size, key, place)
        else:
            for k in range(size):
                out[body + k] = 0
        if icmp and not echo and policy != 2 and size >= (28 if g.version == 4 else 48):
            _quote(out, body, size, pos, i64(g.version))
        if p.no_checksum:
            continue
        total = _sum(out, at, transport[i] + size)
        if g.protocol != ICMP:  # the pseudo-header
            wide = 8 if g.version == 4 else 32
            total += _sum(out, at - wide, wide) + i64(g.protocol) + transport[i] + size
        checksum = _fold(total)
        if checksum == 0 and g.protocol == UDP:
            checksum = 0xFFFF  # 0 says that there is none (RFC 768)
        _put(out, at + (16 if g.protocol == TCP else 6 if g.protocol == UDP else 2), 2, checksum)


def build_packets(
    packets: Packets,
    chosen: NDArray[np.int64],
    *,
    link: str = "ethernet",
    payload: str = "random",
    seed: int = 0,
    given: Bytes | None = None,
) -> tuple[Bytes, NDArray[np.int64], NDArray[np.int64]]:
    """Some packets as bytes.

    Args:
        packets: what was compiled.
        chosen: places of packets, (N,).
        link: one of LINKS.
        payload: one of POLICIES.
        seed: of the random payload.
        given: payload of all packets, one after the other; instead of the policy.

    Returns:
        the bytes, and the offset and size of each packet in them, (N,) int64.

    Raises:
        InputError: link or payload is not known, or the payload that is given has another size.
    """
    if link not in LINKS or payload not in POLICIES:
        raise InputError(
            f"a link among {', '.join(LINKS)} and a payload among {', '.join(POLICIES)}",
            f"{link}, {payload}",
            "choose one of those",
        )
    sizes = packets.segments["size"].astype(np.int64)
    if given is not None and len(given) != sizes.sum():
        raise InputError(f"{sizes.sum():,} bytes of payload", f"{len(given):,}", "give the payload of every packet")
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
        2 if given is not None else POLICIES.index(payload),
        np.uint64(seed & 0xFFFF_FFFF_FFFF_FFFF),
        np.zeros(0, np.uint8) if given is None else given,
        np.cumsum(sizes) - sizes,
        out,
        at,
    )
    return out, at, whole
