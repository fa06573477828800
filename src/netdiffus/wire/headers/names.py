"""Names in frames: MAC addresses of link headers, and host names in what follows them."""

from __future__ import annotations

import re

import numpy as np

from netdiffus.wire.headers import links
from netdiffus.wire.headers.packets import PacketBlock

HOST = re.compile(rb"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?[.\x01-\x1f])+[A-Za-z]{2,24}(?![A-Za-z0-9-])")
SHORTEST = 6  # shorter ones are found in any random bytes
MAC_BYTES = 6
EVERYONE = b"\xff" * MAC_BYTES


def mac_texts(block: PacketBlock) -> frozenset[str]:
    """The distinct addresses in Ethernet headers, as aa:bb:cc:dd:ee:ff; without broadcast and multicast ones."""
    frames = block.offset[(block.link == links.ETHERNET) & (block.captured >= 2 * MAC_BYTES)]
    places = np.concatenate([frames, frames + MAC_BYTES])[:, None] + np.arange(MAC_BYTES)
    found = {row.tobytes() for row in np.unique(block.data[places], axis=0)} if len(frames) else set()
    return frozenset(address.hex(":") for address in found if not address[0] & 1)


def host_names(data: bytes) -> frozenset[str]:
    """Names like www.example.org in bytes, in lower case: written with dots, or as DNS has them (RFC 1035, 3.1).

    There each part follows a byte with its length; where such a byte does not fit, the name ends.
    """
    return frozenset(name for match in HOST.finditer(data) for name in _names(data, match) if len(name) >= SHORTEST)


def _names(data: bytes, match: re.Match[bytes]) -> list[str]:
    parts = re.split(rb"([.\x01-\x1f])", match[0])
    names, name = [], [parts[0]]
    for sign, part in zip(parts[1::2], parts[2::2], strict=True):
        if sign != b"." and sign[0] != len(part):
            names.append(name)
            name = []
        name.append(part)
    return [b".".join(each).decode().lower() for each in [*names, name] if len(each) > 1]
