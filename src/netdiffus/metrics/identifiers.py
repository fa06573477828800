"""Identifiers: do addresses, ports or host names of the training part occur in the synthetic set?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address

import numpy as np

from netdiffus.metrics.inputs import Identifiers
from netdiffus.metrics.intervals import Interval, share_interval
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType

KINDS = {
    "mac": re.compile(r"(?<![\w:])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![\w:])", re.IGNORECASE),
    "ipv4": re.compile(r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w]|\.\d)"),
    "ipv6": re.compile(r"(?<![\w:])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])", re.IGNORECASE),
    "port": re.compile(r"(?<=[\d\]a-z]:)\d{1,5}(?!\d|[\w.:])"),
    "host": re.compile(r"(?<![\w.@-])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}(?![\w-])", re.IGNORECASE),
}


SHARE = ScoreType(
    "identifiers.KIND", "min",
    "share of the training part's `mac`, `ipv4`, `ipv6`, `port`, `host` found in a synthetic table's texts, or in "
    "captures and datasets of captures: ends of flows, Ethernet addresses, host names in payload; floor: of as many "
    "identifiers of the test part",
    useless=1.0, useless_is="1", unit="share", evidence=("identifiers",),
)  # fmt: skip


def identifiers(texts: Identifiers, rng: np.random.Generator) -> Iterator[Score]:
    """For each kind, the share of the training part's identifiers that occur in the synthetic texts.

    The floor is what as many identifiers of the real test part would contain.
    """
    train, test, synthetic = (identifiers_in(part) for part in (texts.train, texts.test, texts.synthetic))
    for kind in KINDS:
        known = train[kind]
        if not known:
            continue
        value = len(known & synthetic[kind]) / len(known)
        span = expected(len(known), len(known & test[kind]), len(test[kind]), len(synthetic[kind]))
        note = f"of {len(known):,} distinct in the training part; the synthetic set has {len(synthetic[kind]):,}"
        yield SHARE.of(kind).score(value, span, note=note)


def expected(known: int, shared: int, held_out: int, released: int) -> Interval:
    """The share of `known` identifiers among `released` ones, if these hit them as often as held-out ones do.

    Of `held_out` identifiers in the test part, `shared` are known. Ports are hit by chance, servers because
    many clients talk to them; a larger set hits more.
    """
    if not held_out or not released:
        return Interval(0.0, 0.0, 0.0)
    rate = share_interval(shared / held_out, held_out, released)
    middle, low, high = (min(1.0, share * released / known) for share in (rate.middle, rate.low, rate.high))
    return Interval(middle, low, high)


def identifiers_in(texts: Iterable[str]) -> dict[str, frozenset[str]]:
    """The distinct identifiers of each kind in some texts, in lower case; parts of addresses are not hosts."""
    result: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for text in texts:
        rest = text
        for kind, pattern in KINDS.items():
            result[kind].update(match.lower() for match in pattern.findall(rest) if kind != "ipv6" or _is_ipv6(match))
            if kind in ("mac", "ipv4", "ipv6"):
                rest = pattern.sub(lambda match: "0" * len(match[0]), rest)
    return {kind: frozenset(values) for kind, values in result.items()}


def _is_ipv6(text: str) -> bool:
    """Whether it is an address and not, say, a time of day."""
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return text != "::"


METRIC = Metric(
    identifiers,
    Identifiers,
    "Do addresses, ports or host names of the training traffic come out again?",
    "privacy",
    (SHARE,),
)
