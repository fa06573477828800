"""The timestamps option (RFC 7323 section 3): TSval from the sender's clock, TSecr as one of the peer's TSvals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.compiler.fidelity import Fidelity
from netdiffus.compiler.rules import Broken
from netdiffus.compiler.specs import FlowRows
from netdiffus.compiler.tcp_options import HAS_TIMESTAMPS, describe
from netdiffus.wire.headers.fields import ACK, RST, SYN, TCP
from netdiffus.wire.kernels.compiled import compiled, i64
from netdiffus.wire.kernels.serial import signed

TIMESTAMPS = Broken.TIMESTAMPS.value
"""Flags as the numbers that kernels read."""

USUAL_MHZ = np.array([1000, 2000, 10_000, 100_000, 200_000, 250_000, 1_000_000], np.int64)
"""Clocks of common systems, ticks in 1000 seconds."""
LINUX_MHZ = 1_000_000
FAR, NONE = 1 << 30, -1 << 60
FARTHEST = 4096
"""Timestamps back that an echo is looked for: one that is older is a number of ticks away from the latest."""


@compiled
def _ticks(elapsed_ns: int, mhz: int) -> int:
    """Whole ticks of a clock in a time, with no product beyond 64 bits."""
    seconds = elapsed_ns // 1_000_000_000
    rest = elapsed_ns - seconds * 1_000_000_000
    return seconds * mhz // 1000 + rest * mhz // 1_000_000_000_000


@compiled
def _rate(ticks: int, elapsed_ns: int, usual: NDArray[np.int64]) -> int:
    """The clock that made so many ticks in a time: a usual one within a twentieth, else as measured."""
    if ticks < 8 or elapsed_ns < 10_000_000:
        return LINUX_MHZ
    measured = ticks * 1e12 / elapsed_ns
    best = usual[np.argmin(np.abs(np.log(usual / measured)))]
    if abs(best / measured - 1) < 0.05:
        return i64(best)
    return min(i64(measured + 0.5), i64(1_000_000_000))


@compiled
def _infer(
    flows: NDArray[np.void],
    first: NDArray[np.int64],
    counts: NDArray[np.int64],
    rows: NDArray[np.void],
    segments: NDArray[np.void],
    stamped: NDArray[np.bool_],
    usual: NDArray[np.int64],
    seen: NDArray[np.int64],
) -> None:
    for f in range(flows.size):
        g = flows[f]
        if g.protocol != TCP:
            continue
        begin_ns, end_ns, latest = np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(2, np.int64)
        started, n = np.zeros(2, np.bool_), np.zeros(2, np.int64)
        for i in range(first[f], first[f] + counts[f]):
            p, s = segments[i], i64(segments[i].direction)
            if stamped[p.layout]:
                if not started[s]:
                    started[s], begin_ns[s], g.ts_base[s] = True, p.time_ns, p.ts_value
                end_ns[s], latest[s] = p.time_ns, i64(p.ts_value)
        for s in range(2):
            g.ts_mhz[s] = _rate(signed(latest[s] - i64(g.ts_base[s])), end_ns[s] - begin_ns[s], usual)
        for i in range(first[f], first[f] + counts[f]):
            p, s = segments[i], i64(segments[i].direction)
            if not stamped[p.layout]:
                continue
            clock = i64(g.ts_base[s]) + _ticks(p.time_ns - begin_ns[s], g.ts_mhz[s])
            rows[i].ts_offset = signed(i64(p.ts_value) - clock)
            other, echo = 1 - s, i64(p.ts_echo)
            rows[i].echo_behind = 0
            rows[i].echo_offset = signed(echo)
            if p.flags & ACK and n[other]:
                rows[i].echo_offset = signed(echo - seen[other, n[other] - 1])
                for k in range(min(n[other], i64(FARTHEST))):
                    if seen[other, n[other] - 1 - k] == echo:
                        rows[i].echo_behind, rows[i].echo_offset = k, 0
                        break
            if not p.flags & RST and (n[s] == 0 or signed(i64(p.ts_value) - seen[s, n[s] - 1]) > 0):
                seen[s, n[s]] = i64(p.ts_value)
                n[s] += 1


@compiled
def _assign(
    flows: NDArray[np.void],
    first: NDArray[np.int64],
    counts: NDArray[np.int64],
    rows: NDArray[np.void],
    segments: NDArray[np.void],
    stamped: NDArray[np.bool_],
    broken: NDArray[np.uint32],
    enforced: bool,
    generated: bool,
    seen: NDArray[np.int64],
) -> None:
    for f in range(flows.size):
        g = flows[f]
        if g.protocol != TCP:
            continue
        opened = counts[f] > 0 and segments[first[f]].flags & (SYN | ACK) == SYN
        first_echo = np.full(2, NONE, np.int64)
        begin_ns, n, echoed = np.full(2, -1, np.int64), np.zeros(2, np.int64), np.zeros(2, np.int64)
        for i in range(first[f], first[f] + counts[f]):
            r, p, s = rows[i], segments[i], i64(segments[i].direction)
            if p.dropped or not stamped[p.layout]:
                continue
            if begin_ns[s] < 0:
                begin_ns[s] = p.time_ns
            other, offset, behind, away = 1 - s, i64(r.ts_offset), i64(r.echo_behind), i64(r.echo_offset)
            held = enforced and not p.flags & RST  # nobody looks at the clock of a reset
            if held and abs(offset) > FAR:
                offset = i64(0)
                broken[i] |= np.uint32(TIMESTAMPS)
            value = i64(g.ts_base[s]) + _ticks(p.time_ns - begin_ns[s], g.ts_mhz[s]) + offset
            if held and n[s] and signed(value - seen[s, n[s] - 1]) < 0:
                value = seen[s, n[s] - 1]
                broken[i] |= np.uint32(TIMESTAMPS)
            known = p.flags & ACK and n[other]
            if enforced:
                place = min(max(n[other] - 1 - behind, echoed[s]), n[other] - 1) if known else i64(0)
                early = (
                    not opened and behind == 0 and (not generated or (echoed[s] == 0 and not n[other]))
                )  # sent before the capture
                if (known and place != n[other] - 1 - behind) or (away and not early) or (not known and behind):
                    behind, away = n[other] - 1 - place, i64(0)
                    broken[i] |= np.uint32(TIMESTAMPS)
                if known and away == 0:
                    echoed[s] = place
            echo = away
            if known:
                echo += seen[other, min(max(n[other] - 1 - behind, 0), n[other] - 1)]
            if generated and not known and p.flags & ACK:
                if first_echo[s] == NONE:
                    first_echo[s] = echo
                elif echo != first_echo[s]:
                    echo = first_echo[s]
                    broken[i] |= np.uint32(TIMESTAMPS)
            p.ts_value, p.ts_echo = value & 0xFFFF_FFFF, echo & 0xFFFF_FFFF
            if not p.flags & RST and (n[s] == 0 or signed(value - seen[s, n[s] - 1]) > 0):
                seen[s, n[s]] = value & 0xFFFF_FFFF
                n[s] += 1


def _scratch(flows: FlowRows) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    longest = int(flows.counts.max(initial=0))
    return describe(flows.layouts)["has"] & HAS_TIMESTAMPS != 0, np.zeros((2, longest + 1), np.int64)


def infer_timestamps(flows: FlowRows, segments: NDArray[np.void]) -> None:
    """Fill ts_offset, echo_behind and echo_offset of the rows, and the clocks of the flows."""
    stamped, seen = _scratch(flows)
    _infer(flows.flows, flows.first, flows.counts, flows.rows, segments, stamped, USUAL_MHZ, seen)


def assign_timestamps(
    flows: FlowRows, segments: NDArray[np.void], broken: NDArray[np.uint32], *, fidelity: Fidelity
) -> None:
    """Fill ts_value and ts_echo of the segments whose layout has timestamps.

    GENERATED lets a side whose peer has shown no timestamp yet echo one number only.
    """
    stamped, seen = _scratch(flows)
    _assign(
        flows.flows,
        flows.first,
        flows.counts,
        flows.rows,
        segments,
        stamped,
        broken,
        fidelity.enforced,
        fidelity.generated,
        seen,
    )
