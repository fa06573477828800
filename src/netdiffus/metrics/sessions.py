"""Sessions: how many flows, how they follow each other in time and in kind, and whether look-ups come first.

A session is all flows of one client without a silence of a minute (traffic/flow_sessions.py), unless the traffic says
itself which flows are of one. Flows of the same label, protocol and server port are of one kind; of server ports, those
above 1023 that only one flow in a hundred has count as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Ints
from netdiffus.metrics.fields import Field, joined
from netdiffus.metrics.intervals import interval
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import resamples
from netdiffus.metrics.samples import Parts, Rows
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.whole import NEEDS, WholeSets, compared, one_each, some_each, too_few
from netdiffus.traffic.whole.flows import WholeFlows
from netdiffus.traffic.whole.lookups import UNKNOWN, after_lookup, is_connection

MOST = 20_000  # sessions of each side
FEWEST = 10
WELL_KNOWN, RARE = 1024, 0.01
MOST_KINDS = 1 << 20
NO_SESSIONS = "no client of the real traffic has several flows in one session"


def _kind(name: str, meaning: str, useless: float | None = 1.0) -> ScoreType:
    return ScoreType(
        f"sessions.{name}", "min", meaning, useless=useless, useless_is="1" if useless else "", evidence=("sessions",)
    )


FLOWS = _kind("flows", "Kolmogorov-Smirnov of the flows of a session")
GAPS = _kind("gaps", "the same of the times between the starts of its flows")
ORDER = _kind(
    "order",
    "1 - correlation of the frequencies of pairs, the kinds of a flow and of the next; every session counts the same",
)
LOOKUPS = _kind("lookups", "difference of the shares of connections that follow their look-up within ten seconds")
TYPES = (FLOWS, GAPS, ORDER, LOOKUPS)


@dataclass(frozen=True)
class Sessions:
    """The sessions of a whole's flows.

    Attributes:
        sizes: flows of each session (S,).
        gaps: times between the starts of its flows, in ns.
        pairs: kinds of a flow and of the next, as one number.
        weights: of its pairs, which add up to 1: else one long session would outweigh all others.
        followers: for each connection, whether it follows its look-up.
    """

    sizes: Field
    gaps: Field
    pairs: Field
    weights: Field
    followers: Field


def sessions(sets: WholeSets, rng: np.random.Generator) -> Iterator[Score]:
    """The four scores; the floor is between halves of the real sessions."""
    flows = [whole.flows for whole in sets.wholes]
    by_name = all(len(part) and np.mean(part.named[is_connection(part)] != UNKNOWN) > 0.5 for part in flows)
    codes = _codes(flows)
    found = [_sessions(part, own, by_name=by_name) for part, own in zip(flows, codes, strict=True)]
    rows = sets.rows([np.zeros(len(part.sizes.counts), "U1") for part in found], rng, MOST)
    why = too_few(rows, FEWEST, "sessions")
    if found[0].sizes.values.max(initial=0) < 2:
        why = NO_SESSIONS
    if why:
        yield from (kind.score(None, note=why) for kind in TYPES)
        return
    fields = {FLOWS: [part.sizes for part in found], GAPS: [part.gaps for part in found]}
    yield from (score for score in compared(fields, rows, rng) if score.label is None)
    pairs, weights, followers = (
        joined([getattr(part, name) for part in found]) for name in ("pairs", "weights", "followers")
    )
    how = "an answer named the server" if by_name else "a look-up of the client had ended"
    yield _ordered(pairs, weights, rows, rng)
    yield _looked_up(followers, rows, rng, how)


def _ordered(pairs: Field, weights: Field, rows: Parts[Rows], rng: np.random.Generator) -> Score:
    draws = [_order(pairs, weights, *draw) for draw in resamples(rows, rng)]
    value = _order(pairs, weights, rows.test, rows.synthetic)
    return ORDER.score(value, interval(draws, lowest=0.0, highest=1.0))


def _looked_up(followers: Field, rows: Parts[Rows], rng: np.random.Generator, how: str) -> Score:
    real, synthetic = (_share(followers, part) for part in (rows.test, rows.synthetic))
    if real is None or synthetic is None:
        return LOOKUPS.score(None, note="a side has no connections")
    shares = [[_share(followers, part) for part in draw] for draw in resamples(rows, rng)]
    apart = [abs(one - two) for one, two in shares if one is not None and two is not None]
    note = f"{synthetic:.1%}, real {real:.1%}: {how} at most ten seconds before"
    return LOOKUPS.score(abs(real - synthetic), interval(apart, lowest=0.0, highest=1.0) if apart else None, note=note)


def _order(pairs: Field, weights: Field, real: Rows, other: Rows) -> float:
    """The correlation matrix distance (Herdin et al. 2005) of the pairs of two sets of sessions; 1 if one has none."""
    a, b = (pairs.of(part.numbers) for part in (real, other))
    if not len(a) or not len(b):
        return float(len(a) != len(b))
    _, number = np.unique(np.concatenate([a, b]), return_inverse=True)
    p, q = (
        np.bincount(codes, weights.of(part.numbers), number.max() + 1)
        for codes, part in zip(np.split(number, [len(a)]), (real, other), strict=True)
    )
    return 1 - min(1.0, float(p @ q / np.sqrt((p @ p) * (q @ q))))


def _share(followers: Field, part: Rows) -> float | None:
    values = followers.of(part.numbers)
    return float(values.mean()) if len(values) else None


def _sessions(flows: WholeFlows, codes: Ints, *, by_name: bool) -> Sessions:
    _, session = np.unique(flows.session, return_inverse=True)
    count = int(session.max(initial=-1)) + 1
    order = np.lexsort((flows.start_ns, session))
    session, start, code = session[order], flows.start_ns[order], codes[order]
    same = session[1:] == session[:-1]
    gaps, pairs = np.diff(start)[same], (code[:-1] * MOST_KINDS + code[1:])[same]
    wanted = is_connection(flows)[order]
    follow = (flows.named == 1 if by_name else after_lookup(flows))[order]
    sizes = np.bincount(session, minlength=count)
    return Sessions(
        one_each(sizes),
        some_each(session[1:][same], gaps, count),
        some_each(session[1:][same], pairs, count),
        some_each(session[1:][same], 1 / (sizes[session[1:][same]] - 1), count),
        some_each(session[wanted], follow[wanted], count),
    )


def _codes(parts: list[WholeFlows]) -> list[Ints]:
    """The kind of each flow of each part, as numbers that are the same in all parts."""
    ports = np.concatenate([part.server_port for part in parts])
    values, which, counts = np.unique(ports, return_inverse=True, return_counts=True)
    ports = np.where((values < WELL_KNOWN) | (counts > RARE * len(ports)), values, -1)[which]
    columns: list[NDArray[np.generic]] = [
        np.concatenate([part.labels for part in parts]), np.concatenate([part.protocol for part in parts]), ports
    ]  # fmt: skip
    numbers = np.stack([np.unique(column, return_inverse=True)[1].reshape(-1) for column in columns], axis=1)
    _, code = np.unique(numbers, axis=0, return_inverse=True)
    return np.split(code.reshape(-1).astype(np.int64), np.cumsum([len(part) for part in parts])[:-1])


METRIC = Metric(
    sessions, WholeSets, "Do the flows of a client depend on each other as in real sessions?", "whole", TYPES,
    missing=NEEDS,
)  # fmt: skip
