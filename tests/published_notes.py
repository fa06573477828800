"""Folders of notes to publish: a card and two texts, and what is in one."""

import json
from pathlib import Path

from netdiffus.store.cards import Card
from netdiffus.store.ownership import FolderKind, fixed
from netdiffus.store.publish import publish_folder


class Note(Card):
    FILE, KIND, MADE_BY = "card.json", "note", "a test"
    text: str


KIND = FolderKind("note", "card.json", fixed(("card.json", "a.txt", "deep/b.txt"), Note.read))


def write(out: Path, text: str, names=("a.txt", "deep/b.txt")) -> None:
    with publish_folder(out, KIND) as folder:
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        Note(text=text).write(folder)


def read(out: Path) -> dict[str, str]:
    """What lies in a folder; the card by its text."""
    found = {str(p.relative_to(out)): p.read_text() for p in sorted(out.rglob("*")) if p.is_file()}
    if "card.json" in found:
        found["card.json"] = json.loads(found["card.json"])["text"]
    return found


def whole(text: str) -> dict[str, str]:
    return dict.fromkeys(("a.txt", "card.json", "deep/b.txt"), text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
