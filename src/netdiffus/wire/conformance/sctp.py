"""Rules about SCTP (RFC 9260): its common header and its checksum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.wire.conformance import checksums
from netdiffus.wire.conformance.rules import ERROR, WARNING, Rule
from netdiffus.wire.headers.fields import LATER, SCTP, TRANSPORT_LONG
from netdiffus.wire.headers.packets import PacketBlock

SHORT, PORT_ZERO, CHECKSUM, OFFLOAD = range(4)
RULES = (
    Rule("sctp-short", ERROR, "RFC 9260 section 3", "the IP payload is shorter than the 12 bytes of the common header"),
    Rule("sctp-port-zero", WARNING, "RFC 9260 section 3.1", "a port is 0, which is reserved"),
    Rule("sctp-checksum", ERROR, "RFC 9260 section 6.8, appendix A", "the CRC-32C is wrong", "it is computed"),
    Rule("sctp-checksum-offload", WARNING, "RFC 9260 section 6.8, appendix A",
         "the CRC-32C is 0: probably checksum offload", "it is computed"),
)  # fmt: skip


def judge(block: PacketBlock, fields: NDArray[np.void], sums: NDArray[np.void], found: NDArray[np.bool_]) -> None:
    """Mark in `found` (N, len(RULES)) which packets break which rules."""
    sctp = (fields["protocol"] == SCTP) & (fields["fragment"] != LATER)
    found[:, SHORT] = sctp & (fields["status"] == TRANSPORT_LONG)
    ported = sctp & (fields["transport_bytes"] > 0)
    found[:, PORT_ZERO] = ported & ((fields["source_port"] == 0) | (fields["destination_port"] == 0))
    found[:, CHECKSUM] = sctp & (sums["transport"] == checksums.WRONG)
    found[:, OFFLOAD] = sctp & (sums["transport"] == checksums.PARTIAL)
