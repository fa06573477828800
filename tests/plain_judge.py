"""A second, plain reading of TCP's rules over header bytes, that shares nothing with the compiler: for tests."""

import struct
from collections.abc import Iterable
from typing import NamedTuple

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
MOD = 1 << 32


class Seen(NamedTuple):
    """One packet of a flow: IP and transport header, payload bytes, time and direction."""

    header: bytes
    size: int
    time_ns: int
    direction: int


def ip(header: bytes) -> tuple[int, int]:
    """(protocol, where the transport header begins)."""
    return (header[9], 20) if header[0] >> 4 == 4 else (header[6], 40)


def checksum_is_zero_sum(data: bytes) -> bool:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total == 0xFFFF


def options(data: bytes) -> dict[int, bytes] | None:
    """Options by kind; None where they are malformed."""
    found: dict[int, bytes] = {}
    while data and data[0] != 0:
        if data[0] == 1:
            data = data[1:]
            continue
        if len(data) < 2 or not 2 <= data[1] <= len(data) or data[0] in found:
            return None
        found[data[0]], data = data[2 : data[1]], data[data[1] :]
    return found


def faults(packets: Iterable[Seen]) -> set[str]:
    """What is wrong with the packets of one TCP flow, as words."""
    found: set[str] = set()
    sides = [{"next": None, "fin": False, "rst": False, "syn": None, "values": [], "win": None} for _ in range(2)]
    before = -1
    for packet in packets:
        found |= _one(packet, sides, before)
        before = packet.time_ns
    return found


def _distance(a: int, b: int) -> int:
    """a - b, the nearer way round."""
    return (a - b + MOD // 2) % MOD - MOD // 2


def _one(packet: Seen, sides: list[dict], before: int) -> set[str]:
    found = set()
    if packet.time_ns < before:
        found.add("time goes back")
    header, at = packet.header, ip(packet.header)[1]
    if at == 20 and not checksum_is_zero_sum(header[:20]):
        found.add("IPv4 checksum")
    seq, ack, bits, window = struct.unpack_from("!IIHH", header, at + 4)
    flags, has = bits & 0x1FF, options(header[at + 20 :])
    mine, peer = sides[packet.direction], sides[1 - packet.direction]
    if bits >> 12 != (len(header) - at) // 4:
        found.add("data offset")
    if bits & 0xE00:
        found.add("reserved bits")
    if bin(flags & (SYN | FIN | RST)).count("1") > 1 or not flags & (ACK | SYN | RST):
        found.add("flags")
    if mine["rst"] and not flags & RST:
        found.add("after reset")
    length = packet.size + bool(flags & SYN) + bool(flags & FIN)
    if has is None:
        return found | {"options malformed"}
    if flags & SYN:
        if flags & ACK and (peer["syn"] is None or ack not in ((peer["syn"] + 1) % MOD, peer["syn_next"])):
            found.add("SYN-ACK")
        mine["syn_next"] = (seq + length) % MOD
        mine["syn"], mine["offers"], mine["syn_time"] = seq, has, packet.time_ns
        if 5 in has or (3 in has and has[3][0] > 14):
            found.add("options of SYN")
    else:
        if flags & ACK and mine["syn"] is not None and peer["syn"] is not None and "round_trip" not in mine:
            mine["round_trip"] = peer.get("round_trip", packet.time_ns - mine["syn_time"])
        if {2, 3, 4} & set(has):
            found.add("options of SYN elsewhere")
        if mine["syn"] is not None and peer["syn"] is not None:
            agreed = 8 in mine["offers"] and 8 in peer["offers"]
            if not flags & RST and agreed != (8 in has):
                found.add("timestamps missing or not agreed")
            if 5 in has and not (4 in mine["offers"] and 4 in peer["offers"]):
                found.add("SACK not agreed")
    if 8 in has and not flags & RST:
        value, echo = struct.unpack("!II", has[8])
        if mine["values"] and _distance(value, mine["values"][-1]) < 0:
            found.add("timestamps go back")
        if peer["syn"] is not None and flags & ACK and peer["values"] and echo not in peer["values"]:
            found.add("echo of nothing")
        mine["values"].append(value)
    if mine["next"] is not None and not flags & RST:
        ahead = _distance(seq, mine["next"])
        if ahead > 0:
            found.add("segment missing")
        if packet.size and ahead >= 0 and mine["fin"]:
            found.add("data after FIN")
        if length and ahead < 0:
            found |= _again(packet, seq, length, ahead, mine, peer)
    if flags & ACK and peer["next"] is not None and _distance(ack, peer["next"]) > 0:
        found.add("acknowledges what was not sent")
    if not window and not flags & RST:
        found.add("zero window")
    if packet.size and peer["win"] is not None and not flags & (SYN | FIN | RST):
        shift = _shift(mine, peer) if not peer["win_syn"] else 0
        room = _distance(peer["ack"] + (peer["win"] << shift), seq)
        if room <= packet.size and (room == packet.size or _distance(peer["edge"], seq) < packet.size):
            found.add("window full or passed")
    if flags & ACK and not flags & RST and mine["syn"] is not None and peer["syn"] is not None:
        mine["win"], mine["ack"], mine["win_syn"] = window, ack, bool(flags & SYN)
        edge = (ack + (window << (0 if flags & SYN else _shift(peer, mine)))) % MOD
        mine["edge"] = edge if "edge" not in mine or _distance(edge, mine["edge"]) > 0 else mine["edge"]
    if not flags & RST and (mine["next"] is None or _distance(seq + length, mine["next"]) > 0):
        mine["next"], mine["time"] = (seq + length) % MOD, packet.time_ns
    if length or ack != mine.get("last_ack") or window != mine.get("last_window"):
        mine["repeats"] = mine.get("repeats", 0) if ack == mine.get("last_ack") else 0
    else:
        mine["repeats"] = mine.get("repeats", 0) + 1
    mine["last_window"] = window
    mine["fin"] = mine["fin"] or bool(flags & FIN)
    mine["rst"] = mine["rst"] or bool(flags & RST)
    mine["last"] = packet.time_ns
    mine["last_ack"] = ack
    return found


def _shift(mine: dict, peer: dict) -> int:
    """The window scale of `peer`."""
    both = 3 in mine.get("offers", {}) and 3 in peer.get("offers", {})
    return min(peer["offers"][3][0], 14) if both else 0


def _again(packet: Seen, seq: int, length: int, ahead: int, mine: dict, peer: dict) -> set[str]:
    """Old data: a keep-alive, what the peer has already, the last segment again, late enough, or out of order."""
    acked = peer.get("last_ack")
    known = acked is not None and packet.size and _distance((seq + packet.size) % MOD, acked) <= 0
    keep_alive = packet.size <= 1 and length <= 1 and ahead == -1
    round_trip = mine.get("round_trip") or peer.get("round_trip") or 3_000_000
    late = packet.time_ns - mine.get("time", 0) >= round_trip
    asked = acked == seq and peer.get("repeats", 0) > 1 and packet.time_ns - peer.get("last", 0) < 20_000_000
    return set() if known or keep_alive or ahead + length == 0 or late or asked else {"out of order"}
