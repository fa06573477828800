"""Packets and hosts as tokens: what of a row, and of a flow's facts, is a choice among few.

A packet's **kind** is what it is (protocol, direction, flags, option layout, where its data lies in the stream), its
**reply** how it answers the peer (which segment it acknowledges, which timestamp it echoes, SACK). A flow's **hosts**
are the two stacks: version, protocol, TTLs, clocks, and for each side how it usually fills the rest of the IP header.
Each is a tuple of small numbers here, a token of a Vocabulary there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Ints
from netdiffus.compiler.endpoints import port_like, speaks_from
from netdiffus.compiler.specs import CLIENT, FLOW, LAST_END, NEXT, ROW, SERVER, UNACKNOWLEDGED, ZERO, FlowRows
from netdiffus.compiler.timestamps import USUAL_MHZ
from netdiffus.wire.headers.fields import TCP

KIND = ("protocol", "direction", "flags", "icmp_type", "icmp_code", "layout", "place", "ip", "mss", "wscale") + (
    "ttl_step",
    "no_checksum",
)
OF_ROW = tuple(name for name in KIND if name in (ROW.names or ()))
REPLY = ("ack_behind", "echo_behind", *(f"sack_{block}_{edge}" for block in range(4) for edge in range(2)))
HOSTS = ("protocol", "version", "client_port", "client_ttl", "server_ttl", "client_mhz", "server_mhz") + (
    "client_label",
    "server_label",
    "client_ip",
    "server_ip",
)

IN_ORDER, FIRST_OPEN, AFTER_LAST, NUMBER_ZERO, KEEP_ALIVE, AGAIN = range(6)
"""Where a packet's data lies (`place`): behind all that was sent; at the first byte that is not acknowledged; behind
the sender's last segment; at the number 0; one byte back; over the last bytes that were sent."""
PLACE_FROM = np.array([NEXT, UNACKNOWLEDGED, LAST_END, ZERO, NEXT, NEXT], np.uint8)

USUAL = -1
"""An `ip` as the sender usually has it."""
ID_SMALL, ID_ANY = 16, 1 << 16
"""Identifications that count up by more than 1: by up to so many, as a counter of many flows does, or by any number."""


def ip_tokens(rows: FlowRows) -> Ints:
    """DSCP, ECN, don't fragment, and the step of the identification (0, 1, a few, any) of each packet as a number."""
    step = rows.rows["id_step"].astype(np.int64)
    kind = np.select([step <= 1, step <= ID_SMALL], [step, 2], 3)
    token: Ints = rows.rows["tos"] + (rows.rows["dont_fragment"].astype(np.int64) << 8) + (kind << 9)
    return token


def usual_ip(rows: FlowRows) -> Ints:
    """The most frequent `ip_tokens` of each flow's sides, (F, 2); of a side that sends nothing its peer's."""
    end = rows.owner * 2 + rows.rows["direction"]
    pairs, counts = np.unique(np.stack([end, ip_tokens(rows)], axis=1), axis=0, return_counts=True)
    order = np.argsort(counts, kind="stable")  # the most frequent one is written last
    flat = np.full(2 * len(rows), USUAL, np.int64)
    flat[pairs[order, 0]] = pairs[order, 1]
    usual = flat.reshape(-1, 2)
    return np.where(usual == USUAL, usual[:, ::-1], usual)


def kind_tokens(rows: FlowRows, layout: Ints, lost: dict[str, int]) -> Ints:
    """(P, len(KIND)) numbers.

    Args:
        rows: whose packets they are.
        layout: of each packet, in the codec's own table.
        lost: gets how many packets a token does not hold, by reason.
    """
    packets, protocol = rows.rows, rows.flows["protocol"][rows.owner].astype(np.int64)
    ip = ip_tokens(rows)
    ip[ip == usual_ip(rows)[rows.owner, packets["direction"]]] = USUAL
    offset, size = packets["seq_offset"], packets["size"]
    back = (packets["seq_from"] == NEXT) & (offset < 0)
    tcp = protocol == TCP
    place = np.select(
        [~tcp | (packets["flags"] & 2 != 0), packets["seq_from"] != NEXT, back & (offset == -1) & (size <= 1), back],
        [IN_ORDER, packets["seq_from"].astype(np.int64), KEEP_ALIVE, AGAIN],
        IN_ORDER,
    )
    asked = np.select([place == KEEP_ALIVE, place == AGAIN], [-1, -size], 0)
    _count(lost, "a sequence number elsewhere", offset != asked)
    _count(lost, "an urgent pointer", packets["urgent"] != 0)
    _count(lost, "a number in ICMP", packets["icmp_rest"] != 0)
    _count(lost, "a step of the identification", packets["id_step"] > 1)
    columns = {name: packets[name] for name in OF_ROW}
    columns |= {"protocol": protocol, "layout": layout, "place": place, "ip": ip}
    return np.stack([columns[name].astype(np.int64) for name in KIND], axis=1)


def reply_tokens(rows: FlowRows, lost: dict[str, int]) -> Ints:
    """(P, len(REPLY)) numbers; arguments as of `kind_tokens`."""
    packets = rows.rows
    _count(lost, "an acknowledgement inside a segment", packets["ack_offset"] != 0)
    _count(lost, "an echo of no timestamp that was sent", packets["echo_offset"] != 0)
    _count(lost, "a SACK edge inside a segment", (packets["sack_offset"] != 0).any(axis=(1, 2)))
    _count(lost, "a timestamp beside the sender's clock", packets["ts_offset"] != 0)
    _count(lost, "another flow label than before", packets["label_step"] != 0)
    columns = [packets["ack_behind"], packets["echo_behind"], *packets["sack_ahead"].reshape(-1, 8).T]
    return np.stack(columns, axis=1).astype(np.int64)


def host_tokens(rows: FlowRows) -> Ints:
    """(F, len(HOSTS)) numbers: clocks are common ones, a client port stands for all that are drawn alike, unless the
    class speaks from that one."""
    flows = rows.flows
    port = flows["port"].astype(np.int64)
    rate = flows["ts_mhz"]
    nearest = np.abs(np.log(np.maximum(rate, 1)[:, :, None] / USUAL_MHZ)).argmin(axis=2)
    clock = np.where(rate > 0, USUAL_MHZ[nearest], 0)
    client_port = np.where(speaks_from(port), port[:, CLIENT], port_like(port[:, CLIENT], flows["protocol"]))
    columns = [flows["protocol"], flows["version"], client_port]
    for pair in (flows["ttl"], clock, flows["flow_label"] != 0, usual_ip(rows)):
        columns += [pair[:, CLIENT], pair[:, SERVER]]
    return np.stack([column.astype(np.int64) for column in columns], axis=1)


def packets_of_tokens(
    kind: Ints, reply: Ints, hosts: Ints, size: Ints, owner: Ints, rng: np.random.Generator
) -> NDArray[np.void]:
    """Rows (P,) of the tokens of packets (P, ...) and of their flows' hosts (F, len(HOSTS)); gap and window are 0.

    Args:
        size: payload bytes of each packet. owner: the flow of each.
        rng: draws identifications that count up by more than 1.
    """
    column = {name: kind[:, k] for k, name in enumerate(KIND)}
    packets = np.zeros(len(kind), ROW)
    for name in OF_ROW:
        packets[name] = column[name]
    sides = hosts[:, [HOSTS.index("client_ip"), HOSTS.index("server_ip")]]
    ip = np.where(column["ip"] == USUAL, sides[owner, column["direction"]], column["ip"])
    step = ip >> 9
    drawn = np.select(
        [step == 2, step == 3],
        [rng.integers(2, ID_SMALL + 1, len(kind)), rng.integers(ID_SMALL + 1, ID_ANY, len(kind))],
        step,
    )
    packets["tos"], packets["dont_fragment"], packets["id_step"] = ip & 0xFF, ip >> 8 & 1, drawn
    packets["size"], packets["seq_from"] = size, PLACE_FROM[column["place"]]
    packets["seq_offset"] = np.select([column["place"] == KEEP_ALIVE, column["place"] == AGAIN], [-1, -size], 0)
    packets["ack_behind"], packets["echo_behind"] = reply[:, 0], reply[:, 1]
    packets["sack_ahead"] = reply[:, 2:].reshape(-1, 4, 2)
    return packets


def flows_of_tokens(hosts: Ints, server_port: Ints) -> NDArray[np.void]:
    """Facts (F,) of FLOW of hosts (F, len(HOSTS)) and server ports, 0 where they are to be drawn; no addresses yet."""
    column = {name: hosts[:, k] for k, name in enumerate(HOSTS)}
    flows = np.zeros(len(hosts), FLOW)
    flows["version"], flows["protocol"] = column["version"], column["protocol"]
    flows["port"][:, SERVER], flows["port"][:, CLIENT] = server_port, column["client_port"]
    for side, name in ((CLIENT, "client"), (SERVER, "server")):
        flows["ts_mhz"][:, side], flows["flow_label"][:, side] = column[f"{name}_mhz"], column[f"{name}_label"]
        flows["ttl"][:, side] = column[f"{name}_ttl"]
    silent = flows["ttl"] == 0  # of a side that sent nothing there is no TTL: the common one, should it send now
    flows["ttl"][silent] = 64
    return flows


def add(lost: dict[str, int], more: Mapping[str, int]) -> None:
    """Counts added to counts."""
    for reason, count in more.items():
        lost[reason] = lost.get(reason, 0) + count


def _count(lost: dict[str, int], reason: str, marked: NDArray[np.bool_]) -> None:
    if marked.any():
        add(lost, {reason: int(np.count_nonzero(marked))})
