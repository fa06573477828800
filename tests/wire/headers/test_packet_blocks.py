"""Blocks of packets: bytes that were not captured are filled with zeros, piece by piece."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netdiffus.wire.headers.packets import Packet, PacketBlock

PACKETS = st.lists(st.tuples(st.binary(max_size=9), st.integers(0, 9)), max_size=8)


@given(packets=PACKETS, snap=st.integers(1, 20), piece=st.integers(1, 40), seed=st.integers(0, 9))
def test_filled_packets_are_whole(packets, snap, piece, seed) -> None:
    """Against filling packets one by one; the block's packets lie in another order than their bytes."""
    every = [Packet(time, data, len(data) + more) for time, (data, more) in enumerate(packets)]
    order = np.random.default_rng(seed).permutation(len(every))
    block = PacketBlock.of(every, 1).rows(order)
    parts = list(block.filled(snap_bytes=snap, part_bytes=piece))
    expected = [every[k]._replace(data=every[k].data.ljust(every[k].length, b"\0")[:snap]) for k in order]
    assert [packet for part in parts for packet in part.packets()] == expected
    most = max((len(packet.data) for packet in expected), default=0)
    assert all(len(part.data) < piece + most for part in parts)
