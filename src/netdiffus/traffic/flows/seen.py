"""What was seen in a capture beside its flows: packets, times, link layers, and what was odd."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netdiffus.wire.conformance.flows import SAME_TIME_PACKETS
from netdiffus.wire.conformance.times import ALL_EQUAL, FLOW_EQUAL
from netdiffus.wire.conformance.times import RULES as TIMES
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.fields import faults
from netdiffus.wire.headers.links import link_name
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.headers.tunnel_names import name_tunnels
from netdiffus.wire.headers.tunnels import look_inside

NO_PACKETS = "file holds no packets"
ALL_STILL, FLOW_STILL = (TIMES[rule].says for rule in (ALL_EQUAL, FLOW_EQUAL))


@dataclass(frozen=True)
class CaptureSummary:
    """What was read from one capture file.

    Attributes:
        file, sha256, bytes: name without folder, hash and size of the file as it is stored.
        packets: all packet records in it.
        first_ns, last_ns: earliest and latest time; both 0 without packets.
        flows: flows that were kept; `short_flows` had fewer packets than asked for and were not.
        links: packets by the name of their link layer.
        faults: what was left out or odd, in plain words, and how often.
    """

    file: str
    sha256: str
    bytes: int
    packets: int
    first_ns: int
    last_ns: int
    flows: int
    short_flows: int
    links: dict[str, int]
    faults: dict[str, int]


class Stored(Protocol):
    """A capture as it is stored; attributes are those of reader.Capture."""

    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    @property
    def n_bytes(self) -> int: ...

    @property
    def faults(self) -> Counter[str]: ...


@dataclass
class Seen:
    """What was seen so far.

    Attributes:
        inner: look inside tunnels. packets: records. first_ns, last_ns: earliest and latest time.
        links: packets by the name of their link layer. faults: what was odd, in plain words, and how often.
    """

    inner: bool
    packets: int = 0
    first_ns: int = 2**63 - 1
    last_ns: int = 0
    links: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def take(self, block: PacketBlock) -> NDArray[np.void]:
        """The header fields of the next packets."""
        fields = dissect(block)
        if self.inner:
            fields, unseen = look_inside(block, fields)
            self.faults += unseen
        self.faults += name_tunnels(block, fields, inner=self.inner)
        self.faults += faults(fields)
        for number, count in _counted(block.link):
            self.links[link_name(number)] += count
        self.packets += len(block)
        self.first_ns = min(self.first_ns, int(block.time_ns.min()))
        self.last_ns = max(self.last_ns, int(block.time_ns.max()))
        return fields

    def merge(self, later: Seen) -> None:
        """Add what was seen behind it."""
        self.packets += later.packets
        self.first_ns, self.last_ns = min(self.first_ns, later.first_ns), max(self.last_ns, later.last_ns)
        self.links += later.links
        self.faults += later.faults


def still_packets(flows: NDArray[np.void]) -> int:
    """Packets in flows (of FLOW) whose times are all the same, though there are many."""
    still = (flows["n_packets"] >= SAME_TIME_PACKETS) & (flows["start_ns"] == flows["last_ns"])
    return int(flows["n_packets"][still].sum())


def summary_of(capture: Stored, seen: Seen, flows: tuple[int, int], still: int) -> CaptureSummary:
    """What is said of a capture.

    Args:
        seen: with all faults. flows: how many were kept, and had too few packets. still: as still_packets says.
    """
    return CaptureSummary(
        file=capture.name,
        sha256=capture.sha256,
        bytes=capture.n_bytes,
        packets=seen.packets,
        first_ns=seen.first_ns if seen.packets else 0,
        last_ns=seen.last_ns,
        flows=flows[0],
        short_flows=flows[1],
        links=dict(seen.links),
        faults=dict(seen.faults) | _of_the_whole(seen, still, odd=bool(capture.faults)),
    )


def _of_the_whole(seen: Seen, still: int, *, odd: bool) -> dict[str, int]:
    """What concerns the file and not its packets; of times it says what `check` says."""
    if not seen.packets:
        return {} if odd else {NO_PACKETS: 1}
    if seen.packets > 1 and seen.first_ns == seen.last_ns:
        return {ALL_STILL: seen.packets}
    return {FLOW_STILL: still} if still else {}


def _counted(numbers: NDArray[np.int32]) -> list[tuple[int, int]]:
    """Each number and how often it is there; they are nearly always all the same."""
    if (numbers == numbers[0]).all():
        return [(int(numbers[0]), len(numbers))]
    distinct, counts = np.unique(numbers, return_counts=True)
    return list(zip(distinct.tolist(), counts.tolist(), strict=True))
