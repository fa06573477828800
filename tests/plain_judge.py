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


class Read(NamedTuple):
    """A packet's header fields, and what is known of its sender and of the peer."""

    packet: Seen
    seq: int
    ack: int
    flags: int
    window: int
    options: dict[int, bytes]
    mine: dict
    peer: dict

    @property
    def length(self) -> int:
        """Sequence numbers that it takes."""
        return self.packet.size + bool(self.flags & SYN) + bool(self.flags & FIN)

    @property
    def both_open(self) -> bool:
        """Whether both sides have sent SYN."""
        return self.mine["syn"] is not None and self.peer["syn"] is not None


def _one(packet: Seen, sides: list[dict], before: int) -> set[str]:
    """The rules in the order of the RFC; what is known of the sides grows with each."""
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
    if has is None:
        return found | {"options malformed"}
    one = Read(packet, seq, ack, flags, window, has, mine, peer)
    found |= (_opening(one) if flags & SYN else _agreed(one)) | _timestamps(one) | _numbers(one) | _window(one)
    _remember(one)
    return found


def _opening(one: Read) -> set[str]:
    """SYN and SYN-ACK."""
    found, mine, peer, has = set(), one.mine, one.peer, one.options
    if one.flags & ACK and (peer["syn"] is None or one.ack not in ((peer["syn"] + 1) % MOD, peer["syn_next"])):
        found.add("SYN-ACK")
    mine["syn_next"] = (one.seq + one.length) % MOD
    mine["syn"], mine["offers"], mine["syn_time"] = one.seq, has, one.packet.time_ns
    if 5 in has or (3 in has and has[3][0] > 14):
        found.add("options of SYN")
    return found


def _agreed(one: Read) -> set[str]:
    """Options of the other segments are those that both SYN offered."""
    found, mine, peer, has = set(), one.mine, one.peer, one.options
    if one.flags & ACK and one.both_open and "round_trip" not in mine:
        mine["round_trip"] = peer.get("round_trip", one.packet.time_ns - mine["syn_time"])
    if {2, 3, 4} & set(has):
        found.add("options of SYN elsewhere")
    if one.both_open:
        agreed = 8 in mine["offers"] and 8 in peer["offers"]
        if not one.flags & RST and agreed != (8 in has):
            found.add("timestamps missing or not agreed")
        if 5 in has and not (4 in mine["offers"] and 4 in peer["offers"]):
            found.add("SACK not agreed")
    return found


def _timestamps(one: Read) -> set[str]:
    """RFC 7323: values do not decrease, and echoes repeat one."""
    found, mine, peer = set(), one.mine, one.peer
    if 8 in one.options and not one.flags & RST:
        value, echo = struct.unpack("!II", one.options[8])
        if mine["values"] and _distance(value, mine["values"][-1]) < 0:
            found.add("timestamps go back")
        if peer["syn"] is not None and one.flags & ACK and peer["values"] and echo not in peer["values"]:
            found.add("echo of nothing")
        mine["values"].append(value)
    return found


def _numbers(one: Read) -> set[str]:
    """Sequence and acknowledgement numbers."""
    found, mine, peer = set(), one.mine, one.peer
    if mine["next"] is not None and not one.flags & RST:
        ahead = _distance(one.seq, mine["next"])
        if ahead > 0:
            found.add("segment missing")
        if one.packet.size and ahead >= 0 and mine["fin"]:
            found.add("data after FIN")
        if one.length and ahead < 0:
            found |= _again(one.packet, one.seq, one.length, ahead, mine, peer)
    if one.flags & ACK and peer["next"] is not None and _distance(one.ack, peer["next"]) > 0:
        found.add("acknowledges what was not sent")
    return found


def _window(one: Read) -> set[str]:
    """Nothing is sent beyond the window that the peer announced."""
    found, mine, peer, size = set(), one.mine, one.peer, one.packet.size
    if not one.window and not one.flags & RST:
        found.add("zero window")
    if size and peer["win"] is not None and not one.flags & (SYN | FIN | RST):
        shift = _shift(mine, peer) if not peer["win_syn"] else 0
        room = _distance(peer["ack"] + (peer["win"] << shift), one.seq)
        if room <= size and (room == size or _distance(peer["edge"], one.seq) < size):
            found.add("window full or passed")
    return found


def _remember(one: Read) -> None:
    """What later packets are judged by."""
    packet, mine, peer, flags, ack, window = one.packet, one.mine, one.peer, one.flags, one.ack, one.window
    if flags & ACK and not flags & RST and one.both_open:
        mine["win"], mine["ack"], mine["win_syn"] = window, ack, bool(flags & SYN)
        edge = (ack + (window << (0 if flags & SYN else _shift(peer, mine)))) % MOD
        mine["edge"] = edge if "edge" not in mine or _distance(edge, mine["edge"]) > 0 else mine["edge"]
    following = (one.seq + one.length) % MOD
    if not flags & RST and (mine["next"] is None or _distance(following, mine["next"]) > 0):
        mine["next"], mine["time"] = following, packet.time_ns
    if one.length or ack != mine.get("last_ack") or window != mine.get("last_window"):
        mine["repeats"] = mine.get("repeats", 0) if ack == mine.get("last_ack") else 0
    else:
        mine["repeats"] = mine.get("repeats", 0) + 1
    mine["last_window"] = window
    mine["fin"] = mine["fin"] or bool(flags & FIN)
    mine["rst"] = mine["rst"] or bool(flags & RST)
    mine["last"] = packet.time_ns
    mine["last_ack"] = ack


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
