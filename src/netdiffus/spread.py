"""Spread: how independent pieces of work are done, here one after another, or elsewhere side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Spread(Protocol):
    """Does pieces of work; a piece may run in another process, more than once, and beside others."""

    def __call__(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """What the function gives for each item, in their order; items are taken as there is room for them."""


def one_by_one(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Each piece when its result is asked for, in this process."""
    return map(function, items)
