"""Times in tables of labels: ISO 8601, seconds or nanoseconds since 1970, or a format that the user names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

from netdiffus.errors import InputError

FIRST_NS, LAST_NS = -(2**63), 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SLASHED = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.]\d{4} +\d{1,2}:\d{2}(:\d{2})?( *[AaPp]\.?[Mm]\.?)?")
FURTHEST = timedelta(hours=14)


@dataclass(frozen=True)
class TimeFormat:
    """How times are written.

    Attributes:
        format: as of datetime.strptime, e.g. "%d/%m/%Y %H:%M"; None: ISO 8601 or seconds since 1970.
        offset: from UTC, of times that name none themselves.
    """

    format: str | None = None
    offset: timezone = UTC

    @classmethod
    def of(cls, format: str | None, utc_offset: str | None) -> TimeFormat:
        """`--time-format` and `--utc-offset`.

        Raises:
            InputError: the format is none, or the offset is not [+-]HH[:MM] up to 14 hours.
        """
        if format is not None:
            try:
                datetime.strptime(datetime(2017, 7, 3, 9, tzinfo=UTC).strftime(format), format)
                if "%" not in format:
                    raise ValueError
            except (ValueError, re.error):
                raise InputError(
                    "a format of times with fields such as %d/%m/%Y %H:%M for --time-format", repr(format), "correct it"
                ) from None
        return cls(format, UTC if utc_offset is None else parse_offset(utc_offset))

    def ns(self, cell: str) -> int:
        """The time in nanoseconds since 1970.

        Raises:
            ValueError: it is none of this format, or too far away.
        """
        if self.format is None:
            try:
                seconds = Decimal(cell)
            except InvalidOperation:
                moment = datetime.fromisoformat(cell)
            else:
                if not seconds.is_finite() or seconds.copy_abs() > LAST_NS:  # before it takes as many digits as it says
                    raise ValueError("time is too far away")
                return in_range(int(seconds * 10**9))
        else:
            moment = datetime.strptime(cell, self.format)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=self.offset)
        since = moment - EPOCH
        return in_range((since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000)

    def expected(self) -> str:
        """How a time is written, for messages."""
        return "ISO 8601 or seconds since 1970" if self.format is None else f"as in --time-format {self.format!r}"

    def advice(self, cell: str) -> str:
        """What to do about a cell that is no such time."""
        found = SLASHED.fullmatch(cell.strip())
        if self.format is not None or found is None:
            return "correct it, leave it empty, or name its format with --time-format"
        clock = ("%I:%M" if found[4] else "%H:%M") + (":%S" if found[3] else "") + (" %p" if found[4] else "")
        sign = re.sub(r"\d", "", cell.strip().split()[0])[0]
        day_first, month_first = (f"{sign.join(fields)}{sign}%Y {clock}" for fields in (("%d", "%m"), ("%m", "%d")))
        said = f"--time-format '{day_first}' (day first, as CICFlowMeter) or '{month_first}'"
        if int(found[1]) > 12 or int(found[2]) > 12:
            said = f"--time-format '{day_first if int(found[1]) > 12 else month_first}'"
        return f"pass {said}, and --utc-offset where it is no UTC"


def parse_offset(text: str) -> timezone:
    """`--utc-offset -03:00`, -3, +0530 or Z as an offset from UTC.

    Raises:
        InputError: it is something else, or more than 14 hours.
    """
    if text.strip().upper() in ("Z", "UTC"):
        return UTC
    found = re.fullmatch(r"\s*([+-]?)(\d{1,2}):?([0-5]\d)?\s*", text, re.ASCII)
    if found:
        away = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        if away <= FURTHEST:
            return timezone(-away if found[1] == "-" else away)
    raise InputError("--utc-offset from -14:00 to +14:00", text, "write it as -03:00")


def in_range(ns: int) -> int:
    """The same nanoseconds, if 64 bits hold them; else ValueError."""
    if not FIRST_NS <= ns <= LAST_NS:
        raise ValueError("time is too far away")
    return ns
