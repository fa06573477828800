"""What a prompt says of a flow: label, protocol, and quantised facts; templates that say it, and what a text names.

Facts are rounded to two or three steps a factor of two, so that a text of one's own meets words that were learned.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import NamedTuple

from netdiffus.errors import InputError
from netdiffus.manifest import shown

STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8)
"""Mantissas of a quantised fact."""
PROTOCOLS = ("tcp", "udp", "icmp")
FIELDS = ("label", "protocol", "packets", "bytes", "duration", "port")
"""What stands in braces in a template."""
TEMPLATES = (
    "{label}, {protocol}, {packets} packets, {bytes} bytes, {duration} s, port {port}",
    "{label}, {protocol}, {packets} packets",
    "{label}, {protocol}",
)
"""Every flow is learned with each of them in turn, so that short texts steer too."""
MOST_TEMPLATES, LONGEST = 64, 400
_PACKETS = re.compile(r"(\d[\d,]{0,9})\s*packets?\b")


class Facts(NamedTuple):
    """Facts of a flow: packets that its picture shows, payload bytes in them, seconds that they take, server's port."""

    packets: int
    bytes: int
    seconds: float
    port: int


@dataclass(frozen=True)
class Named:
    """What a free text names; None or empty: nothing that is known.

    Attributes:
        label: the longest known label in it. protocol: tcp, udp or icmp. packets: N of "N packets".
    """

    label: str | None
    protocol: str | None
    packets: int | None


def quantised(value: float) -> float:
    """The nearest of STEPS times a power of ten, by ratio; 0 for what is not above 0."""
    if not value > 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(value))
    return min(
        (step * scale for scale in (power, 10 * power) for step in STEPS), key=lambda x: abs(math.log(x / value))
    )


def as_words(value: float) -> str:
    """A quantised number as it stands in a prompt: 1500, 0.002."""
    return f"{quantised(value):.10g}" if 1e-4 <= value < 1e10 or not value else f"{quantised(value):.3g}"


def prompt(template: str, label: str, protocol: str, facts: Facts) -> str:
    """The text of a flow."""
    return template.format(
        label=label, protocol=protocol, packets=as_words(facts.packets), bytes=as_words(facts.bytes),
        duration=as_words(facts.seconds), port=facts.port,
    )  # fmt: skip


def checked_templates(lines: Iterable[str], name: str) -> list[str]:
    """The templates among lines of a text; blank lines, and those that begin with #, are left out.

    Args:
        name: of the text, for errors.

    Raises:
        InputError: there are none or too many, one is too long, or has another field than FIELDS.
    """
    kept = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not 1 <= len(kept) <= MOST_TEMPLATES:
        raise InputError(f"1 to {MOST_TEMPLATES} templates, one a line, in {name}", str(len(kept)), "correct the file")
    for line in kept:
        try:
            fields = [part for part in Formatter().parse(line) if part[1] is not None]
        except ValueError as error:
            raise InputError(
                f"templates in {name}", f"{shown(line)}: {error}", "double braces that stand for themselves"
            ) from None
        odd = [str(each[1]) for each in fields if each[1] not in FIELDS or each[2] or each[3]]
        if odd or len(line) > LONGEST:
            got = f"{{{odd[0][:40]}}}" if odd else f"one of {len(line)} characters"
            allowed = ", ".join(f"{{{field}}}" for field in FIELDS)
            raise InputError(f"templates of at most {LONGEST} characters with {allowed} in {name}", got, "correct it")
    return kept


def named_in(text: str, labels: Sequence[str]) -> Named:
    """What a free text names: a label and a protocol as whole words in any case, and a number of packets."""
    low = text.lower()
    found = [label for label in labels if label and _has(low, label.lower())]
    protocols = [name for name in PROTOCOLS if _has(low, name)]
    counts = _PACKETS.search(low)
    return Named(
        max(found, key=len) if found else None, protocols[0] if protocols else None,
        int(counts[1].replace(",", "")) if counts else None,
    )  # fmt: skip


def _has(text: str, words: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(words)}(?![\w-])", text) is not None
