"""How things came from each other, as a small graph: captures → datasets → models → synthetic sets → reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from netdiffus.studio.catalogue import Item

COLUMNS = (("capture", "table"), ("dataset",), ("model",), ("synthetic",), ("report",))
MOST = 8
"""Things in a column; the newest are shown."""
WIDE, HIGH, STEP, ROW, LETTERS = 168, 34, 210, 46, 22


@dataclass(frozen=True)
class Node:
    """A box of the graph."""

    item: Item
    x: int
    y: int
    text: str


@dataclass(frozen=True)
class Graph:
    """Boxes, and lines between pairs of points."""

    nodes: list[Node]
    lines: list[tuple[int, int, int, int]]
    width: int
    height: int
    left_out: int

    @property
    def words(self) -> list[str]:
        """The same in words, for those who hear it."""
        return [f"{node.item.kind} {node.item.shown}" for node in self.nodes]


def parents(item: Item, items: Sequence[Item]) -> list[Item]:
    """What an item was made from, of the items that are there."""
    match item.kind:
        case "dataset":
            made = {(PurePosixPath(file).name, size) for file, size in item.sources}
            return [other for other in items if (PurePosixPath(other.shown).name, other.size) in made]
        case "model":
            return [other for other in items if other.kind == "dataset" and _same(item.origin.dataset, other.identity)]
        case "synthetic":
            return [other for other in items if other.kind == "model" and _same(item.origin.model, other.identity)]
        case "report":
            origin = item.origin
            return [
                other for other in items
                if other.kind == "synthetic" and PurePosixPath(other.shown).name == origin.synthetic
                and (not origin.model or _same(origin.model, other.origin.model))
            ]  # fmt: skip
    return []


def graph(items: Sequence[Item]) -> Graph:
    """The newest things of each kind and what they were made from."""
    shown: dict[str, Node] = {}
    left_out, height = 0, 0
    columns = [[item for item in items if item.kind in kinds and not item.broken] for kinds in COLUMNS]
    columns = [column for column in columns if column]
    for column, found in enumerate(columns):
        own = sorted(found, key=lambda item: -item.changed)
        left_out += max(len(own) - MOST, 0)
        for row, item in enumerate(sorted(own[:MOST], key=lambda item: item.name)):
            shown[item.name] = Node(item, column * STEP, row * ROW, _short(item.shown))
            height = max(height, row * ROW + HIGH)
    lines = []
    for node in shown.values():
        for parent in parents(node.item, items):
            if parent.name in shown:
                start = shown[parent.name]
                lines.append((start.x + WIDE, start.y + HIGH // 2, node.x, node.y + HIGH // 2))
    return Graph(list(shown.values()), lines, max(len(columns) - 1, 0) * STEP + WIDE, height, left_out)


def _same(one: str, other: str) -> bool:
    """Whether two hashes agree, of which one may be cut to 16 digits."""
    length = min(len(one), len(other))
    return length >= 16 and one[:length] == other[:length]


def _short(name: str) -> str:
    last = PurePosixPath(name).name
    return last if len(last) <= LETTERS else last[: LETTERS - 9] + "…" + last[-8:]
