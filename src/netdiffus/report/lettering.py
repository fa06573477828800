"""Labels as matplotlib can draw them: on one line, not too long, in letters that its font has."""

from __future__ import annotations

from functools import cache

from matplotlib.font_manager import FontProperties, findfont, get_font

from netdiffus.text import visible

LONGEST = 24
UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def drawable(label: str) -> str:
    """The label for a picture; draw it with parse_math=False, or dollar signs are taken for mathematics."""
    text = visible(label)
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return "".join(letter if _is_known(letter) else UNKNOWN for letter in text)


@cache
def _is_known(letter: str) -> bool:
    return bool(get_font(findfont(FontProperties())).get_char_index(ord(letter)))
