"""Moments: ISO 8601 and numbers become nanoseconds, to the last digit, and what is neither is refused in words."""

import pytest

from netdiffus.errors import InputError
from netdiffus.traffic.moments import moment_ns

NEW_YEAR = 1_767_225_600 * 10**9


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-01-01", NEW_YEAR),
        ("20260101", NEW_YEAR),
        (" 2026-01-01T00:00:00Z ", NEW_YEAR),
        ("2026-01-01T01:30+01:30", NEW_YEAR),
        ("2026-01-01 00:00:00.123456789", NEW_YEAR + 123_456_789),
        ("2026-01-01T00:00:00,5+00:00", NEW_YEAR + 500_000_000),
        ("1767225600", NEW_YEAR),
        (str(NEW_YEAR + 7), NEW_YEAR + 7),
        ("0", 0),
        ("-1", -(10**9)),
        ("1969-12-31T23:59:59.25", -750_000_000),
        ("2262-04-11T23:47:16.854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_moments(text, ns) -> None:
    assert moment_ns(text) == ns


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("soon", r"a time such as 2026-01-01, .* or 1767225600 \(seconds since 1970\); got 'soon'; correct it"),
        ("", "a time such as"),
        ("2026", "a time such as"),
        ("2026-02-30", "a time such as"),
        ("1e9", "a time such as"),
        ("nan", "a time such as"),
        ("٢٠٢٦١٢٣", "a time such as"),
        ("1767225600000", "a time in seconds or nanoseconds; got 1767225600000; multiply it"),
        ("2262-04-11T23:47:16.854775808", "a time between the years 1678 and 2262"),
        ("99999999999999999999", "a time between the years 1678 and 2262"),
        ("9999-12-31T23:59:59-23:59", "a time between the years 1678 and 2262"),
        ("0001-01-01T00:00:00+23:59", "a time between the years 1678 and 2262"),
    ],
)
def test_what_is_no_moment(text, words) -> None:
    with pytest.raises(InputError, match=words):
        moment_ns(text)
