"""All builders: any sizes and directions are written or refused with a reason, and nothing outside them is touched."""

from __future__ import annotations

import numpy as np
import pytest

from netdiffus.traffic.payload.protocols import PORTS, PROTOCOLS
from netdiffus.traffic.payload.talk import Misfit, Talk
from payload_talks import MARGIN, UDP_PROTOCOLS, fill_of, talk_of

RARE = ("tracker",)


def drawn_sizes(rng: np.random.Generator, n: int) -> list[int]:
    """Sizes of a flow: small and large ones, those of real hellos among them, in any direction."""
    pools = ([517, 1448, 64, 20, 48, 8, 1, 68, 16], np.arange(1, 60), np.arange(1, 1500), np.arange(1, 40_000))
    sizes = [int(rng.choice(pools[rng.integers(0, 4)])) * (1 if rng.random() < 0.5 else -1) for _ in range(n)]
    sizes[0] = abs(sizes[0]) if rng.random() < 0.8 else sizes[0]
    return sizes


def transports(protocol: str) -> list[str]:
    """What a protocol runs over."""
    if protocol in UDP_PROTOCOLS:
        return ["udp"]
    return ["tcp", "udp"] if protocol in ("dns", "sip", "bittorrent", "ethereum") else ["tcp"]


def attempt(protocol: str, talk: Talk) -> bool:
    """Whether the builder wrote the flow; if not, it left all as it was."""
    try:
        PROTOCOLS[protocol](talk, fill_of(1))
    except Misfit as misfit:
        reason = str(misfit)
    else:
        return True
    assert 10 < len(reason) < 90
    return False


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_any_sizes_are_written_or_refused(protocol: str) -> None:
    rng = np.random.default_rng(len(protocol))
    written = 0
    for _ in range(150):
        transport = transports(protocol)[rng.integers(0, len(transports(protocol)))]
        talk = talk_of(drawn_sizes(rng, int(rng.integers(1, 12))), transport=transport)
        written += attempt(protocol, talk)
        assert bytes(talk.out[:MARGIN]) == bytes(MARGIN)
        assert bytes(talk.out[-MARGIN:]) == bytes(MARGIN)
    assert written or protocol in ("rtcp", "sip", "stun", "dns", "ssdp", "dhcp", "webrtc", "quic", *RARE)


def test_ports_name_protocols_that_exist() -> None:
    assert {name for ports in PORTS.values() for name in ports.values()} <= set(PROTOCOLS)
