"""What `repair` does about each rule that a packet breaks by itself: the smallest change to its bytes."""

from __future__ import annotations

from collections.abc import Callable

from netdiffus.wire.conformance.checksums import PLACES
from netdiffus.wire.conformance.edit import END, NOP, Edit, items, without
from netdiffus.wire.conformance.options import (
    KIND_MSS,
    KIND_PERMITTED,
    KIND_SACK,
    KIND_SCALE,
    KIND_TIMES,
    LENGTHS,
)
from netdiffus.wire.conformance.segments import DROP_PERMITTED, DROP_SACK, DROP_SCALE, DROP_TIMES
from netdiffus.wire.headers.fields import ACK, FIN, RST, WHOLE

SINGLE = (KIND_MSS, KIND_SCALE, KIND_PERMITTED, KIND_SACK, KIND_TIMES)
DROPS = {DROP_TIMES: KIND_TIMES, DROP_SACK: KIND_SACK, DROP_SCALE: KIND_SCALE, DROP_PERMITTED: KIND_PERMITTED}


def _record_length(e: Edit) -> None:
    e.length = len(e.data)


def _group(e: Edit) -> None:
    e.data[6] &= 0xFE


def _header_length(e: Edit) -> None:
    if len(e.data) >= e.network + 20:
        e.set(e.network, b"\x45")


def _total(e: Edit) -> None:
    e.set_total(e.on_wire)


def _header_checksum(e: Edit) -> None:
    e.data[e.network + 10 : e.network + 12] = int(e.sums["header_value"]).to_bytes(2, "big")


def _reserved_flag(e: Edit) -> None:
    e.set(e.network + 6, bytes([e.data[e.network + 6] & 0x7F]))


def _hops(hops: int) -> Callable[[Edit], None]:
    def fix(e: Edit) -> None:
        e.set(e.network + (8 if e.p["version"] == 4 else 7), bytes([hops]))

    return fix


def _ip_options(e: Edit) -> None:
    start, end = e.network + 20, e.network + (e.data[e.network] & 15) * 4
    whole = items(bytes(e.data[start:end]))
    e.set(start, b"".join(whole[:-1]).ljust(end - start, bytes([END])))


def _ip_nops(e: Edit) -> None:
    start, end = e.network + 20, e.network + (e.data[e.network] & 15) * 4
    options = bytes(e.data[start:end])
    e.set_options(start, end, without(options, [False] * len(items(options))))


def _udp_length(e: Edit) -> None:
    if e.p["fragment"] == WHOLE:
        before, size = bytes(e.data[e.transport + 4 : e.transport + 6]), e.total - int(e.p["network_bytes"])
        e.set(e.transport + 4, size.to_bytes(2, "big"))
        e.carry(before, size.to_bytes(2, "big"), network=False)  # once more: it is in the pseudo header too


def _checksum(e: Edit) -> None:
    at = e.transport + PLACES[int(e.p["protocol"])]
    if e.sums["transport_value"] or e.u16(at) != 0:
        e.data[at : at + 2] = int(e.sums["transport_value"]).to_bytes(2, "big")


def _crc(e: Edit) -> None:
    e.data[e.transport + 8 : e.transport + 12] = int(e.sums["transport_value"]).to_bytes(4, "little")


def _data_offset(e: Edit) -> None:
    at = e.transport + 12
    e.set(at, bytes([0x50 | e.data[at] & 0x0F]))


def _flags(clear: int, put: int) -> Callable[[Edit], None]:
    def fix(e: Edit) -> None:
        e.set(e.transport + 13, bytes([e.data[e.transport + 13] & ~clear | put]))

    return fix


def _reserved_bits(e: Edit) -> None:
    e.set(e.transport + 12, bytes([e.data[e.transport + 12] & 0xF1]))


def _tcp_options(e: Edit) -> tuple[int, int]:
    start = e.transport + 20
    return start, e.transport + (e.data[e.transport + 12] >> 4) * 4


def _option_length(e: Edit) -> None:
    start, end = _tcp_options(e)
    options = bytes(e.data[start:end])
    parts = items(options)
    last = parts[-1]
    if last[0] > NOP and (len(last) < 2 or last[1] != len(last)):  # runs past the header
        e.set(start, b"".join(parts[:-1]).ljust(end - start, bytes([END])))
        return
    e.set_options(start, end, without(options, [not _has_right_length(part) for part in parts]))


def _has_right_length(option: bytes) -> bool:
    kind, size = option[0], len(option)
    if kind == KIND_SACK:
        return size in (10, 18, 26, 34)
    return kind not in LENGTHS or size == LENGTHS[kind]


def _drop(*kinds: int) -> Callable[[Edit], None]:
    def fix(e: Edit) -> None:
        start, end = _tcp_options(e)
        options = bytes(e.data[start:end])
        e.set_options(start, end, without(options, [part[0] in kinds for part in items(options)]))

    return fix


def _repeated(e: Edit) -> None:
    start, end = _tcp_options(e)
    options = bytes(e.data[start:end])
    kinds = [part[0] for part in items(options)]
    again = [kind in SINGLE and kind in kinds[:k] for k, kind in enumerate(kinds)]
    e.set_options(start, end, without(options, again))


def _scale_14(e: Edit) -> None:
    pos, _ = _tcp_options(e)
    for part in items(bytes(e.data[slice(*_tcp_options(e))])):
        if part[0] == KIND_SCALE:
            e.set(pos + 2, bytes([min(part[2], 14)]))
        pos += len(part)


FIRST: dict[str, Callable[[Edit], None]] = {
    "record-length": _record_length,
    "ethernet-source-group": _group,
    "ipv4-header-length": _header_length,
    "ipv4-total-length": _total,
    "ipv4-total-length-zero": _total,
    "ipv6-payload-length": _total,
    "ipv6-payload-length-zero": _total,
    "ipv4-options": _ip_options,
    "ipv4-nops": _ip_nops,
    "udp-length-under-8": _udp_length,
    "udp-length-over": _udp_length,
    "udp-length-less": _udp_length,
    "tcp-data-offset": _data_offset,
    "tcp-option-length": _option_length,
    "tcp-option-repeated": _repeated,
    "tcp-syn-fin": _flags(FIN | RST, 0),
    "tcp-mss-elsewhere": _drop(KIND_MSS),
    "tcp-window-scale-elsewhere": _drop(KIND_SCALE),
    "tcp-sack-permitted-elsewhere": _drop(KIND_PERMITTED),
    "tcp-sack-on-syn": _drop(KIND_SACK),
    "tcp-sack-blocks": _drop(KIND_SACK),
    "tcp-option-nops": _drop(),
}
"""Fixes that move or resize headers, or say what others mean: one at a time, each followed by another look."""
LATER: dict[str, Callable[[Edit], None]] = {
    "ipv4-reserved-flag": _reserved_flag,
    "ipv4-ttl-zero": _hops(64),
    "ipv6-hop-limit-zero": _hops(64),
    "icmpv6-hop-limit": _hops(255),
    "tcp-no-ack": _flags(0, ACK),
    "tcp-reserved-bits": _reserved_bits,
    "tcp-window-scale-over-14": _scale_14,
}
"""Fixes of single fields: all at once."""
LAST: dict[str, Callable[[Edit], None]] = {
    "ipv4-checksum": _header_checksum,
    "ipv4-checksum-offload": _header_checksum,
    "udp-checksum": _checksum,
    "udp-checksum-offload": _checksum,
    "udp-no-checksum": _checksum,
    "icmp-checksum": _checksum,
    "icmpv6-checksum": _checksum,
    "sctp-checksum": _crc,
    "sctp-checksum-offload": _crc,
    "tcp-checksum": _checksum,
    "tcp-checksum-offload": _checksum,
}
"""Checksums, when all else is right."""


def fix_alone(e: Edit, broken: set[str]) -> list[str]:
    """Fix a packet that breaks the rules named in `broken`; returns the names of those that were seen to.

    Only the first stage with something to do is done; the caller looks at the packet again.
    """
    for name, fix in FIRST.items():
        if name in broken:
            fix(e)
            return [name]
    for stage in (LATER, LAST):
        names = [name for name in stage if name in broken]
        for name in names:
            stage[name](e)
        if names:
            return names
    return []


def fix_order(e: Edit, what: int, ack: int, times: tuple[int, int] | None) -> None:
    """Fix a segment by what came before it: options to drop (bits of DROPS), acknowledgment, TSval and TSecr."""
    e.set(e.transport + 8, ack.to_bytes(4, "big"))
    start, end = _tcp_options(e)
    if times:
        pos = start
        for part in items(bytes(e.data[start:end])):
            if part[0] == KIND_TIMES and len(part) == LENGTHS[KIND_TIMES]:
                e.set(pos + 2, times[0].to_bytes(4, "big") + times[1].to_bytes(4, "big"))
                break
            pos += len(part)
    kinds = [kind for bit, kind in DROPS.items() if what & bit]
    if kinds:
        _drop(*kinds)(e)
