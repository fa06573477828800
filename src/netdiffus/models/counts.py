"""Counts of traces as a user enters them: in all, or of each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netdiffus import limits
from netdiffus.errors import InputError
from netdiffus.manifest import shown

DEFAULT_COUNT = 1000


def check_counts(count: int | Mapping[str, int]) -> None:
    """Raise InputError unless counts are from 1 on, and together at most limits.TRACES."""
    counts = [count] if isinstance(count, int) else list(count.values())
    least, total = min(counts, default=0), sum(counts)
    if least < 1:
        raise InputError("a count of at least 1", shown(least), "correct --count")
    if total > limits.TRACES:
        raise InputError(f"at most {limits.TRACES:,} traces at a time", shown(total), "lower --count, and run it again")


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
