"""The option layouts that a model keeps; the bytes of unknown options could name someone, and stay behind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.compiler.specs import FlowRows
from netdiffus.compiler.tcp_options import (
    CANONICAL,
    END,
    HAS_TIMESTAMPS,
    LENGTHS,
    MALFORMED,
    NOP,
    SACK,
    describe,
    later_place,
    syn_layout,
)

OF_SYN = 0b0111
"""The bits HAS_... of options that stand on SYN only."""
MOST_BLOCKS = 3, 4
"""SACK blocks beside timestamps, and without."""


def plain_layouts(rows: FlowRows) -> tuple[bytes, ...]:
    """CANONICAL and the layouts that occur in `rows`, as `plain` leaves them."""
    used = (rows.layouts[place] for place in np.unique(rows.rows["layout"]).tolist())
    return tuple(dict.fromkeys([*CANONICAL, *(plain(layout) for layout in used)]))


def layout_places(rows: FlowRows, layouts: tuple[bytes, ...]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The place of each packet's layout in another table (CANONICAL in it), and whether it is another layout there."""
    table = {layout: place for place, layout in enumerate(layouts)}
    chosen = [layout if layout in table else own(layout) for layout in map(plain, rows.layouts)]
    places = np.array([table[layout] for layout in chosen], np.int64)
    other = np.array([a != b for a, b in zip(chosen, rows.layouts, strict=True)])
    return places[rows.rows["layout"]], other[rows.rows["layout"]]


def plain(layout: bytes) -> bytes:
    """The layout itself if all its options are known and well formed, else `own` of it."""
    has = int(describe((layout,))[0]["has"])
    return layout if not has & MALFORMED and _kinds(layout) <= {*LENGTHS, SACK} else own(layout)


def own(layout: bytes) -> bytes:
    """The layout of CANONICAL with the same known options; none where it is malformed."""
    has, blocks, _ = describe((layout,))[0].tolist()
    if has & MALFORMED:
        return b""
    if has & OF_SYN:
        return syn_layout(has & (OF_SYN | HAS_TIMESTAMPS))
    stamped = bool(has & HAS_TIMESTAMPS)
    return CANONICAL[later_place(stamped, min(blocks, MOST_BLOCKS[not stamped]))]


def _kinds(layout: bytes) -> set[int]:
    """The option kinds of a well-formed layout."""
    found, pos = set[int](), 0
    while pos < len(layout) and layout[pos] != END:
        if layout[pos] == NOP:
            pos += 1
            continue
        found.add(layout[pos])
        pos += layout[pos + 1]
    return found
