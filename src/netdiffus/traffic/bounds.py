"""LOW,HIGH of a scale as a user enters them."""

from __future__ import annotations

from netdiffus import limits
from netdiffus.errors import InputError


def parse_range(text: str, option: str = "--gasf") -> tuple[float, float]:
    """LOW,HIGH of an option as two numbers.

    Raises:
        InputError: it is not two numbers within limits.RANGE, the lower one first.
    """
    try:
        low, high = (float(part) for part in text.split(","))
        if not -limits.RANGE <= low < high <= limits.RANGE:
            raise ValueError
    except ValueError:
        raise InputError(f"{option} LOW,HIGH, e.g. {option} -1460,1460", repr(text[:60]), f"correct {option}") from None
    return low, high
