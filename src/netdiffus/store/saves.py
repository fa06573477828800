"""Saves: a model in an object store while it is trained, whole at any moment.

A store replaces one object at a time. So a save writes over nothing: it is a prefix of its own, saves/NUMBER-MARK/, and
its manifest is sent last. The newest save with a manifest is the model; the one before it stays for those who copy it.
When the training ends, the files are sent to where those of a model lie, which nobody reads as long as there is a save,
and become the model when the saves are removed.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.store.cards import ModelCard
from netdiffus.store.objects import listed, remove, send

SAVES, MANIFEST = "saves", ModelCard.FILE
_IN_SAVE = re.compile(rf"({SAVES}/[0-9]{{6,}}-[0-9a-f]{{8}})/(.+)", re.DOTALL)


def whole(path: Path, below: Iterable[Path]) -> dict[str, Path]:
    """Of the objects below a prefix, those that are the result there: by their names in its folder."""
    saves, outside = _apart(path, below)
    newest = max((save for save, files in saves.items() if MANIFEST in files), key=_number, default="")
    return saves[newest] if newest else outside


def _apart(path: Path, below: Iterable[Path]) -> tuple[dict[str, dict[str, Path]], dict[str, Path]]:
    """The objects of each save, and those outside of any, by their names."""
    saves, outside = dict[str, dict[str, Path]](), dict[str, Path]()
    for each in below:
        name = each.relative_to(path).as_posix()
        found = _IN_SAVE.fullmatch(name)
        if found is None:
            outside[name] = each
        else:
            saves.setdefault(found[1], {})[found[2]] = each
    return saves, outside


def _number(save: str) -> tuple[int, str]:
    number, _, mark = save.removeprefix(f"{SAVES}/").partition("-")
    return int(number), mark


@dataclass
class Saves:
    """The saves of one training.

    Attributes:
        path: the model. there: the names of its files outside of saves.
        saves: in their order, of this training or of the one that it goes on with. current: whether the last is whole.
    """

    path: Path
    there: set[str] = field(default_factory=set)
    saves: list[str] = field(default_factory=list)
    current: bool = False

    @classmethod
    def found(cls, path: Path, files: Collection[str]) -> Saves:
        """Those that the training goes on with, or that its workers before these have left.

        Args:
            files: the names of those that a model may have.
        """
        saves, outside = _apart(path, listed(path))
        in_order = sorted(saves, key=lambda save: (MANIFEST in saves[save], _number(save)))
        current = bool(in_order) and MANIFEST in saves[in_order[-1]]
        return cls(path, set(outside) & set(files), in_order, current)

    def add(self, folder: Path) -> None:
        """Send a model, and remove the saves before the former one.

        Raises:
            InputError: the store does not take it; the former one stays.
        """
        last = max((_number(save)[0] for save in self.saves), default=0)
        save = f"{SAVES}/{last + 1:06}-{secrets.token_hex(4)}"
        try:
            send_folder(folder, self.path / save, MANIFEST)
        except BaseException:
            with suppress(InputError):  # a store that takes nothing may remove nothing
                remove(self.path / save)
            raise
        former, self.current = self.saves[-1:] if self.current else [], True
        for old in self.saves[: len(self.saves) - len(former)]:
            self._remove(old)
        self.saves = [*former, save]

    def settle(self, folder: Path) -> None:
        """Send the last model to where the files of a model lie, and remove the saves.

        Raises:
            InputError: the store does not take it; the former one stays.
        """
        if self.there and not self.current:
            self.add(folder)
        names = files_in(folder)
        try:
            send_folder(folder, self.path, MANIFEST)
        except BaseException:
            with suppress(InputError):
                for name in names - self.there:
                    remove(self.path / name)
            raise
        for name in self.there - names:
            remove(self.path / name)
        for old in self.saves:
            self._remove(old)
        if self.saves and not listed(self.path / SAVES):
            remove(self.path / SAVES)  # s3:// may keep an empty folder
        self.there, self.saves, self.current = names, [], False

    def _remove(self, save: str) -> None:
        """Its manifest first, so that what is left of it is no model."""
        remove(self.path / save / MANIFEST)
        remove(self.path / save)


def send_folder(folder: Path, path: Path, last: str) -> None:
    """Send the files of a folder to below a prefix, the one named `last` last."""
    for name in sorted(files_in(folder), key=lambda name: (name == last, name)):
        send(folder / name, path / name)


def files_in(folder: Path) -> set[str]:
    """The names, a/b, of the files in a folder and below it."""
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
