"""How close compiled packets stay to what their rows ask for."""

from __future__ import annotations

from enum import Enum


class Fidelity(Enum):
    """What a compilation is for.

    GENERATED: packets that a model drew. Every rule is enforced, and what is legal but suspicious is left out as well:
        SACK of bytes that came twice (RFC 2883), acknowledgements that were overtaken, retransmissions that go on into
        new data, a FIN in another place than before, repeated IPv4 identifications. Wireshark warns of those, and real
        captures have them.
    REAL: packets of a real capture. Every rule is enforced, and nothing is changed in a flow that obeys them.
    VERBATIM: no rule is enforced: what networks and captures do to packets (loss, reordering, segmentation offload)
        comes back as well.
    """

    GENERATED = "generated"
    REAL = "real"
    VERBATIM = "verbatim"

    @property
    def enforced(self) -> bool:
        """Whether rules change packets."""
        return self is not Fidelity.VERBATIM

    @property
    def generated(self) -> bool:
        """Whether what is legal but suspicious is left out, too."""
        return self is Fidelity.GENERATED
