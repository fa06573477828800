"""The packets of compiled flows as bit images have them: header bytes, direction, payload size and gap."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.compiler import Packets
from netdiffus.imaging.bits import PacketRows


def flows_of(packets: Packets) -> Iterator[tuple[int, PacketRows, int]]:
    """(place of the flow, its packets, time of its first packet in ns) of each compiled flow that has packets.

    Transport checksums, of payload, are 0.
    """
    headers, segments = packets.headers, packets.segments
    at = np.append(headers.offset, len(headers.data))
    gaps = np.diff(segments["time_ns"], prepend=0)
    ends = np.append(np.flatnonzero(np.diff(packets.owner, prepend=-1)), len(segments))
    for begin, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        some = slice(begin, end)
        gap_ns = gaps[some].copy()
        gap_ns[0] = 0
        rows = PacketRows(
            headers.data[at[begin] : at[end]],
            headers.network[some],
            headers.transport[some],
            segments["direction"][some].astype(np.int64),
            segments["size"][some].astype(np.int64),
            gap_ns,
        )
        yield int(packets.owner[begin]), rows, int(segments["time_ns"][begin])
