"""PAYLOADS: what the packets of synthetic flows carry.

A builder is asked twice. Before flows are compiled it may propose other sizes, so that what it will write fits: the
compiler settles sizes, sequence numbers and segments from them. After that it may write the payload of every packet;
what it does not write is filled by a policy of payload.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from netdiffus.arrays import Bytes
from netdiffus.compiler.compile import Packets
from netdiffus.compiler.specs import FlowRows


class Payload(Protocol):
    """A builder of payload."""

    @property
    def policy(self) -> str:
        """Of payload.py: what fills packets where `content` is None."""

    def propose(self, flows: FlowRows, rng: np.random.Generator) -> FlowRows:
        """The flows with the sizes that the builder wants; they are not compiled yet."""

    def content(self, packets: Packets, seed: int) -> Bytes | None:
        """The payload of all packets, one after the other, in the order of `packets`; None: the policy fills it."""


@dataclass(frozen=True)
class Filler:
    """Payload that says nothing: any size will do."""

    policy: str

    def propose(self, flows: FlowRows, rng: np.random.Generator) -> FlowRows:
        """The flows as they are."""
        return flows

    def content(self, packets: Packets, seed: int) -> Bytes | None:
        """None: all of it is filled."""
        return None


PAYLOADS: dict[str, Payload] = {"random": Filler("random"), "zero": Filler("zero")}
