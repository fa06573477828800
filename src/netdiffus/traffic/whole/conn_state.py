"""The state of a connection and the history of its flags, as Zeek's conn.log has them (Zeek manual, conn.log)."""

from __future__ import annotations

import numpy as np

from netdiffus.arrays import Ints
from netdiffus.traffic.whole.flows import DOWN, UP
from netdiffus.traffic.whole.kernel import FIN_SEEN, RST_SEEN, SYN_ACK_SEEN, SYN_SEEN
from netdiffus.wire.headers.fields import TCP

STATES = (
    "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH",
)  # fmt: skip
"""Attempt without answer; established; ended by both; refused; half closed by the client, by the server; reset by the
client, by the server; SYN then reset by the client, SYN and ACK then reset by the server, nothing else seen; the same
with FIN; anything else."""
HISTORY_BITS = 8


def conn_state(protocol: Ints, packets: Ints, history: Ints, reset_by: Ints) -> Ints:
    """The place in STATES of each connection (F,).

    Protocols other than TCP have S0 where only the client sent, SHR where only the server did, else SF.

    Args:
        protocol, reset_by: (F,); reset_by is UP, DOWN or -1.
        packets, history: of client and server (F, 2), bits of traffic/whole/kernel.py.
    """
    client, server = history[:, UP], history[:, DOWN]
    syn, answered = client & SYN_SEEN > 0, server & SYN_ACK_SEEN > 0
    fin, fin_back = client & FIN_SEEN > 0, server & FIN_SEEN > 0
    reset, reset_back = reset_by == UP, reset_by == DOWN
    open_ = syn & answered
    cases = [
        (~syn & answered & (server & RST_SEEN > 0), "RSTRH"),
        (~syn & answered & fin_back & (packets[:, UP] == 0), "SHR"),
        (~syn, "OTH"),
        (~answered & reset_back, "REJ"),
        (~answered & reset, "RSTOS0"),
        (~answered & fin, "SH"),
        (~answered & (packets[:, DOWN] == 0), "S0"),
        (~answered, "OTH"),
        (open_ & fin & fin_back, "SF"),
        (open_ & reset, "RSTO"),
        (open_ & reset_back, "RSTR"),
        (open_ & fin, "S2"),
        (open_ & fin_back, "S3"),
        (open_, "S1"),
    ]
    tcp = np.select([case for case, _ in cases], [STATES.index(name) for _, name in cases], STATES.index("OTH"))
    silent, unasked = packets[:, DOWN] == 0, packets[:, UP] == 0
    other = np.select([silent, unasked], [STATES.index("S0"), STATES.index("SHR")], STATES.index("SF"))
    return np.where(protocol == TCP, tcp, other).astype(np.int64)


def history_bits(history: Ints) -> Ints:
    """Which of the flags each side has sent, one column a flag and side, (F, 16)."""
    return (history[:, :, None] >> np.arange(HISTORY_BITS) & 1).reshape(len(history), 2 * HISTORY_BITS)
