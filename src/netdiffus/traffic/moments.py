"""Moments as a user writes them: ISO 8601, or a number since 1970, as integer nanoseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from netdiffus.errors import InputError

NANOSECONDS = 1_000_000_000
MOST_SECONDS = 10**11
"""An integer below this is seconds (to the year 5138), one of 10^17 and more nanoseconds (since 1973)."""
LEAST_NANOSECONDS = 10**17
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FRACTION = re.compile(r"(?<=\d)[.,](\d{1,9})(?!\d)")


def moment_ns(text: str) -> int:
    """Nanoseconds since 1970, UTC.

    Args:
        text: ISO 8601 with up to nine digits of a second, in UTC where no offset is given; or an integer: seconds, or
            nanoseconds from 10^17 on, as in the column start_ns of FILE.labels.csv. Eight digits are a date.

    Raises:
        InputError: it is neither, or does not fit 64 bits.
    """
    plain = text.strip()
    if re.fullmatch(r"[+-]?\d{1,20}", plain, re.ASCII) and not re.fullmatch(r"\d{4}|\d{8}", plain):
        number = int(plain)
        if MOST_SECONDS <= abs(number) < LEAST_NANOSECONDS:
            raise InputError("a time in seconds or nanoseconds", plain, "multiply it, or write it as 2026-01-01T00:00")
        found = number if abs(number) >= LEAST_NANOSECONDS else number * NANOSECONDS
    else:
        fraction = FRACTION.search(plain)
        try:
            moment = datetime.fromisoformat(FRACTION.sub("", plain, count=1))
        except ValueError:
            raise InputError(
                "a time such as 2026-01-01, 2026-01-01T08:30:00+01:00 or 1767225600 (seconds since 1970)", repr(text),
                "correct it",
            ) from None  # fmt: skip
        whole = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH
        found = whole // timedelta(microseconds=1) * 1000
        found += int(fraction[1].ljust(9, "0")) if fraction else 0
    if not -(1 << 63) <= found < 1 << 63:
        raise InputError("a time between the years 1678 and 2262", text, "choose another")
    return found
