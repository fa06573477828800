"""PAYLOADS: what the packets of synthetic flows carry.

A builder is asked twice. Before flows are compiled it may propose other sizes, so that what it will write fits: the
compiler settles sizes, sequence numbers and segments from them. After that it may write the payload of packets;
what it does not write is filled by a policy of payload.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from netdiffus.compiler.application import Acquaintances, speak
from netdiffus.compiler.compile import Packets
from netdiffus.compiler.payload import Content
from netdiffus.compiler.specs import FlowRows
from netdiffus.traffic.payload.knowledge import PayloadKnowledge


class Payload(Protocol):
    """A builder of payload."""

    @property
    def policy(self) -> str:
        """Of payload.py: what fills packets where `content` is None."""

    def propose(self, flows: FlowRows, rng: np.random.Generator) -> FlowRows:
        """The flows with the sizes that the builder wants; they are not compiled yet."""

    def content(
        self, packets: Packets, seed: int, known: PayloadKnowledge | None, company: Acquaintances | None = None
    ) -> Content | None:
        """What packets carry; None: the policy fills all of them.

        Args:
            known: what the model's dataset said of payload. company: what flows know of each other, of sessions.
        """


@dataclass(frozen=True)
class Filler:
    """Payload that says nothing: any size will do."""

    policy: str

    def propose(self, flows: FlowRows, rng: np.random.Generator) -> FlowRows:
        """The flows as they are."""
        return flows

    def content(
        self, packets: Packets, seed: int, known: PayloadKnowledge | None, company: Acquaintances | None = None
    ) -> Content | None:
        """None: all of it is filled."""
        return None


@dataclass(frozen=True)
class Spoken:
    """Payload that is what each flow's label speaks, with the sizes that were drawn."""

    policy: str = "random"

    def propose(self, flows: FlowRows, rng: np.random.Generator) -> FlowRows:
        """The flows as they are: what is written fits them."""
        return flows

    def content(
        self, packets: Packets, seed: int, known: PayloadKnowledge | None, company: Acquaintances | None = None
    ) -> Content | None:
        """The application layers; random bytes where nothing fits."""
        return speak(packets, seed, known, company)


PAYLOADS: dict[str, Payload] = {"random": Filler("random"), "zero": Filler("zero"), "protocol": Spoken()}
