"""Lines of text protocols: a head, text that fills the line, and a tail, chosen so that the line has a given size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.talk import Talk

CRLF = b"\r\n"


class Line(NamedTuple):
    """A line with room for text.

    Attributes:
        head, tail: before and after the text. least, most: characters of text. kind: an alphabet of fill.py.
    """

    head: bytes
    tail: bytes = CRLF
    least: int = 1
    most: int = 200
    kind: str = "letters"

    def room(self, size: int) -> int:
        """Characters of text in a line of `size` bytes."""
        return size - len(self.head) - len(self.tail)

    def fits(self, size: int) -> bool:
        """Whether it can have that size."""
        return self.least <= self.room(size) <= self.most

    def written(self, size: int, fill: Fill) -> bytes:
        """The line, of that size."""
        room = self.room(size)
        text = fill.words(room) if self.kind == "words" else fill.text(self.kind, room)
        return self.head + text + self.tail


def word(head: bytes) -> Line:
    """A line without text."""
    return Line(head, CRLF, 0, 0)


def fitted(options: Sequence[Line], size: int, fill: Fill) -> bytes | None:
    """One of the lines that can have this size; None: none can."""
    usable = [line for line in options if line.fits(size)]
    return fill.one(usable).written(size, fill) if usable else None


def paragraphs(size: int, fill: Fill, width: int = 72) -> bytes:
    """Text of `size` bytes in lines."""
    parts, left = [], size
    while left > width + 4:
        parts.append(fill.words(width) + CRLF)
        left -= width + 2
    parts.append(fill.words(left - 2) + CRLF if left >= 2 else b"\n"[:left])
    return b"".join(parts)


class Dialogue(NamedTuple):
    """What both sides of a text protocol say: client and server.

    Attributes:
        greetings: their first lines, one after the other. then: all later ones.
    """

    greetings: tuple[Sequence[Sequence[Line]], Sequence[Sequence[Line]]]
    then: tuple[Sequence[Line], Sequence[Line]]


def speak(talk: Talk, dialogue: Dialogue, fill: Fill) -> None:
    """Write each turn as a line of its size, or as text of several lines."""
    said = [0, 0]
    for turn in talk.turns():
        side = turn.side
        openings = dialogue.greetings[side]
        options = openings[said[side]] if said[side] < len(openings) else dialogue.then[side]
        said[side] += 1
        data = fitted(options, turn.size, fill) or fitted(dialogue.then[side], turn.size, fill)
        talk.put(turn.at, data if data is not None else paragraphs(turn.size, fill))
