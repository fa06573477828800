"""How many traces of each label are drawn: as the user names them, by the training mix, or in equal parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from netdiffus import limits
from netdiffus.errors import InputError
from netdiffus.manifest import shown
from netdiffus.models.manifest import ModelManifest
from netdiffus.models.packet_codec import PacketCodec, label_of

DEFAULT_COUNT = 1000


def label_counts(mix: Mapping[str, int], count: int | dict[str, int], *, balance: bool) -> dict[str, int]:
    """How many traces of each label: as named, or `count` in all by the training mix or in equal parts.

    Shares are rounded by largest remainder, so that they add up to `count`.

    Raises:
        InputError: a label that the model does not know, or a count out of its range.
    """
    if isinstance(count, dict):
        unknown = [label for label in count if label not in mix]
        if unknown:
            raise InputError(f"labels among {', '.join(mix)}", repr(unknown[0]), "correct --count")
        check_counts(count)
        return count
    check_counts(count)
    weights = np.array([1.0 if balance else number for number in mix.values()])
    exact = count * weights / weights.sum()
    whole = np.floor(exact).astype(int)
    for index in np.argsort(whole - exact, kind="stable")[: count - whole.sum()]:
        whole[index] += 1
    return {label: int(number) for label, number in zip(mix, whole, strict=True) if number}


def check_counts(count: int | Mapping[str, int]) -> None:
    """Raise InputError unless counts are from 1 on, and together at most limits.TRACES."""
    counts = [count] if isinstance(count, int) else list(count.values())
    least, total = min(counts, default=0), sum(counts)
    if least < 1:
        raise InputError("a count of at least 1", shown(least), "correct --count")
    if total > limits.TRACES:
        raise InputError(f"at most {limits.TRACES:,} traces at a time", shown(total), "lower --count, and run it again")


def class_counts(
    mix: Mapping[str, int], count: int | dict[str, int], *, balance: bool, protocol: str | None
) -> dict[str, int]:
    """How many flows of each class LABEL/PROTOCOL: labels as `label_counts` has it, their protocols by the mix.

    Args:
        protocol: this one alone, "tcp" or "udp"; None: all.
    """
    kept = {name: n for name, n in mix.items() if protocol is None or name.endswith(f"/{protocol}")}
    if not kept:
        raise InputError("a protocol that the training flows have", str(protocol), "leave --protocol out")
    labels: Counter[str] = Counter()
    for name, n in kept.items():
        labels[label_of(name)] += n
    counts: dict[str, int] = {}
    for label, n in label_counts(labels, count, balance=balance).items():
        counts |= label_counts({name: n for name, n in kept.items() if label_of(name) == label}, n, balance=False)
    return {name: counts[name] for name in mix if name in counts}


def counts_of(
    manifest: ModelManifest, count: int | dict[str, int], *, balance: bool, protocol: str | None = None
) -> dict[str, int]:
    """How many traces of each label of a model; `protocol` is of flows, as in `class_counts`.

    Raises:
        InputError: as in `label_counts`.
    """
    mix = manifest.card.labels
    if isinstance(manifest.codec, PacketCodec):
        return class_counts(mix, count, balance=balance, protocol=protocol)
    return label_counts(mix, count, balance=balance)


def parse_counts(texts: Sequence[str] | None) -> int | dict[str, int]:
    """`--count 1000` as 1000, `--count web=10 --count dns=20` as {"web": 10, "dns": 20}; nothing as the default.

    Blanks at the ends of a label do not count, as in `prepare`.

    Raises:
        InputError: neither form, both mixed, a label that is named twice, or a count out of its range.
    """
    if not texts:
        return DEFAULT_COUNT
    pairs = [(label.strip(), equals, number) for label, equals, number in (text.rpartition("=") for text in texts)]
    try:
        numbers = [int(number) for _, _, number in pairs]
    except ValueError:
        numbers = []
    labels = [label for label, _, _ in pairs]
    is_total = len(texts) == 1 and not pairs[0][1]
    if not numbers or not (is_total or (all(labels) and len(set(labels)) == len(labels))):
        said = " ".join(texts)[:200]
        raise InputError("--count N, or --count LABEL=N once for each label", said, "correct --count")
    counts = numbers[0] if is_total else dict(zip(labels, numbers, strict=True))
    check_counts(counts)
    return counts
