"""Shapes: what many flows of many hosts share in their first payload bytes, and nothing that only some of them have.

A place of a message keeps a byte value only where at least LEAST_FLOWS flows, of at least LEAST_PAIRS pairs of hosts,
have it there (k-anonymity; Sweeney 2002). Everything else is drawn anew, as a digit, a printable character or
any byte. Text that could be a name, an address or a secret is drawn anew even where many share it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from netdiffus.arrays import Bytes, Ints
from netdiffus.manifest import Count, Manifest
from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.talk import Talk

LEAST_FLOWS, LEAST_PAIRS = 20, 5
MESSAGES, BYTES = 6, 128
"""Of a flow, the messages that are looked at, and the bytes of each."""
CLASSES = ("any", "printable", "digit")
PLACE = r"^([0-9a-f]{2}:\d{1,9} )*((any|printable|digit):\d{1,9}|length[124](be|le)[+-]\d{1,5}|)$"
"""What a place says: values with the flows that have them, then the class of all others, or a length field."""
PRESENT = 0.5
"""Places that fewer of the flows have are not kept."""
EXACT = 0.95
"""A length field says the size of its message, less a constant, in so many of the flows."""
SENSITIVE = re.compile(
    rb"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})+|(?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){3,}"
    rb"|[\x21-\x3f\x41-\x7e]{1,64}@[\x21-\x3f\x41-\x7e]{1,64}"
    rb"|(?i:host|user|login|name|cookie|auth\w*|token|session|pass\w*|secret)[:= ]+"
    rb"[^\r\n;& ]+"
    rb"|[0-9a-fA-F-]{16,}"
)
"""Host names, addresses, mail addresses, what stands behind words for secrets, and long identifiers."""
TEXT = re.compile(rb"[\x20-\x7e]{6,}")


class Shape(Manifest):
    """The shape of one message of a flow.

    Attributes:
        side: 0 client, 1 server. number: of the message among those of its flow, from 0.
        flows: that it was counted in. places: what each byte is, see PLACE.
    """

    side: Annotated[int, Field(ge=0, le=1)]
    number: Annotated[int, Field(ge=0, lt=MESSAGES)]
    flows: Count
    places: list[Annotated[str, Field(pattern=PLACE)]] = Field(max_length=BYTES)


def shape_of(
    side: int, number: int, datas: Sequence[bytes], sizes: Ints, pairs: Ints, addresses: set[bytes]
) -> Shape | None:
    """The shape of one message in many flows; None: too few flows or pairs of hosts.

    Args:
        datas: its first bytes in each flow (F). sizes: of the whole messages, (F,). pairs: of hosts, as numbers, (F,).
        addresses: of hosts, packed; no run of kept values equals one.
    """
    if len(datas) < LEAST_FLOWS or len(np.unique(pairs)) < LEAST_PAIRS:
        return None
    lengths = np.array([min(len(data), BYTES) for data in datas])
    width = int(np.sum([(lengths > place).mean() >= PRESENT for place in range(BYTES)]))
    values = np.zeros((len(datas), width), np.uint8)
    for row, data in enumerate(datas):
        values[row, : min(len(data), width)] = np.frombuffer(data[:width], np.uint8)
    columns = [_kept(values[lengths > place, place], pairs[lengths > place]) for place in range(width)]
    for place in _sensitive(columns, addresses):
        columns[place] = {}
    lengths_at = _length_fields(values, lengths, sizes)
    places: list[str] = []
    for place in range(width):
        column = values[lengths > place, place]
        places.append(lengths_at.get(place, "") or _said(column, columns[place]))
    for place, said in lengths_at.items():
        for more in range(1, int(said[6])):
            places[place + more] = ""
    return Shape(side=side, number=number, flows=len(datas), places=places)


def _kept(column: Bytes, pairs: Ints) -> dict[int, int]:
    """The values that enough flows of enough pairs share, and how many flows have each."""
    found, counts = np.unique(column, return_counts=True)
    often = found[counts >= LEAST_FLOWS]
    enough = [value for value in often.tolist() if len(np.unique(pairs[column == value])) >= LEAST_PAIRS]
    return {value: int((column == value).sum()) for value in enough}


def _sensitive(columns: Sequence[dict[int, int]], addresses: set[bytes]) -> set[int]:
    """Places whose kept values could be a name, an address or a secret."""
    modal = bytes(max(column, key=column.__getitem__) if column else 0 for column in columns)
    dotted = re.sub(rb"(?<=[a-z0-9])[\x01-\x3f](?=[a-z0-9])", b".", modal)  # names of DNS have lengths for dots
    found = {place for text in (modal, dotted) for match in SENSITIVE.finditer(text) for place in range(*match.span())}
    for size in (4, 16):
        for place in range(len(modal) - size + 1):
            if modal[place : place + size] in addresses:
                found.update(range(place, place + size))
    return found


def _said(column: Bytes, kept: dict[int, int]) -> str:
    """What a place says in dataset.json."""
    rest = column[~np.isin(column, list(kept))]
    said = "".join(f"{value:02x}:{count} " for value, count in sorted(kept.items(), key=lambda item: -item[1]))
    if not len(rest):
        return said
    digits, printable = (rest >= 48) & (rest <= 57), (rest >= 32) & (rest <= 126)
    kind = "digit" if digits.all() else "printable" if printable.all() else "any"
    return f"{said}{kind}:{len(rest)}"


def _length_fields(values: Bytes, lengths: Ints, sizes: Ints) -> dict[int, str]:
    """Places at which the size of the message stands, less a constant, and how it is written."""
    found: dict[int, str] = {}
    if len(np.unique(sizes)) < LEAST_PAIRS:
        return found
    for width in (4, 2, 1):
        for place in range(min(values.shape[1], 32) - width + 1):
            if any(place + k in taken for k in range(width) for taken in _spans(found)):
                continue
            part = values[:, place : place + width].astype(np.int64)
            for order, powers in (("be", range(width - 1, -1, -1)), ("le", range(width))):
                number = (part * np.array([256**power for power in powers])).sum(axis=1)
                less = sizes - number
                usual = int(np.bincount(np.clip(less + 512, 0, 1024)).argmax()) - 512
                whole = (lengths >= place + width) & (less == usual)
                if abs(usual) <= 64 and whole.mean() >= EXACT:
                    found[place] = f"length{width}{order}{-usual:+d}"
                    break
    return found


def _spans(found: dict[int, str]) -> list[range]:
    return [range(place, place + int(said[6])) for place, said in found.items()]


def readable(shape: Shape) -> list[str]:
    """Runs of kept text that a person should look at: they might be names."""
    values = [re.findall(r"([0-9a-f]{2}):", place)[:1] for place in shape.places]
    modal = bytes(int(value[0], 16) if value else 0 for value in values)
    return [match.group().decode() for match in TEXT.finditer(modal)]


class Mould:
    """A shape that messages are drawn from."""

    def __init__(self, shape: Shape) -> None:
        self._places = [_choices(place) for place in shape.places]
        self._lengths = [
            (at, int(place[6]), place[7:9], int(place[9:]))
            for at, place in enumerate(shape.places)
            if place.startswith("length")
        ]

    def drawn(self, size: int, fill: Fill) -> bytes:
        """The first bytes of a message of `size` bytes."""
        out = bytearray()
        for values, shares, kind in self._places[:size]:
            drawn = fill.share()
            value = next((value for value, share in zip(values, shares, strict=True) if drawn < share), None)
            out += bytes([value]) if value is not None else _anew(kind, fill)
        for at, width, order, more in self._lengths:
            if at + width <= len(out):
                number = max(size + more, 0) % 256**width
                out[at : at + width] = number.to_bytes(width, "big" if order == "be" else "little")
        return bytes(out)


def _choices(place: str) -> tuple[list[int], list[float], str]:
    """Values, their cumulated shares, and the class of the rest."""
    pairs = re.findall(r"([0-9a-f]{2}):(\d+) ", place)
    rest = re.search(r"(any|printable|digit):(\d+)$", place)
    counts = np.array([int(count) for _, count in pairs], float)
    total = counts.sum() + (int(rest.group(2)) if rest else 0)
    shares: NDArray[np.float64] = np.cumsum(counts) / max(total, 1)
    return [int(value, 16) for value, _ in pairs], shares.tolist(), rest.group(1) if rest else "any"


def _anew(kind: str, fill: Fill) -> bytes:
    return fill.text("digits" if kind == "digit" else "base64", 1) if kind != "any" else fill.raw(1)


def build_shaped(talk: Talk, moulds: dict[tuple[int, int], Mould], fill: Fill) -> None:
    """Write the first messages of a flow from their shapes, by side and number."""
    for number, message in enumerate(talk.messages[:MESSAGES]):
        mould = moulds.get((message.side, number))
        if mould is not None:
            talk.put(message.at, mould.drawn(message.size, fill))
