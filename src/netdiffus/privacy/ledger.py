"""The ledger: every look that a training takes at private data, what it costs, and what all of them cost together.

A look is a set of counts with discrete Gaussian noise. One unit (a flow, or a group of at most m flows) changes at most
`cells` of them, each by at most `sensitivity`; units are added or removed. The looks may choose what to count by what
earlier ones found: their noise is fixed beforehand, so they compose as if they had been chosen at once.

The arithmetic is Google's dp-accounting: privacy loss distributions of discrete Gaussians (Koskela et al., AISTATS
2020; Canonne et al., NeurIPS 2020), composed numerically, rounded towards too much.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from netdiffus import limits
from netdiffus.errors import InputError
from netdiffus.manifest import Manifest, Text

Unit = Literal["flow", "group"]
Positive = Annotated[float, Field(gt=0, le=1e12)]
TRIES = 24
"""Halvings of the interval in which the scale of all noise lies."""
CLOSE = 1e-3
"""The search ends where at least so much of epsilon (as a share) is left."""
LOSS_STEP = 1e-4
"""Between two privacy losses that are told apart."""


@dataclass(frozen=True)
class Look:
    """What is to be counted: its name, at most how many counts one unit changes and by how much each, and its weight
    in the budget."""

    name: str
    cells: int
    sensitivity: int
    weight: float


class Entry(Manifest):
    """A look that was paid for."""

    mechanism: Literal["discrete Gaussian"] = "discrete Gaussian"
    name: Text
    cells: int = Field(ge=1, le=limits.INTEGER)
    sensitivity: int = Field(ge=1, le=limits.INTEGER)
    sigma: Positive
    share: float = Field(gt=0, le=1)


class Guarantee(Manifest):
    """What a model promises, and the ledger that shows it.

    Attributes:
        epsilon, delta: of all that leaves the training data. unit: what is added or removed.
        most_per_group: rows of one group that are counted at most; 1 where the unit is a flow.
        entries: of the ledger. public: the public traces that the training began from; None: it began from none.
    """

    epsilon: Positive
    delta: float = Field(gt=0, lt=1)
    unit: Unit
    most_per_group: int = Field(ge=1, le=limits.INTEGER)
    entries: list[Entry] = Field(min_length=1, max_length=64)
    public: Text | None = None

    @property
    def sentence(self) -> str:
        """One sentence that can be quoted."""
        what = {
            "flow": "any one flow",
            "group": f"all flows of any one group (of which at most {self.most_per_group} are counted)",
        }[self.unit]
        return (
            f"This model, and any number of draws from it, satisfy ({self.epsilon:g}, {self.delta:g})-differential "
            f"privacy with respect to adding or removing {what} of the training data; the labels' names, the channels "
            f"and the largest length of a trace are public by declaration."
        )

    @property
    def spent(self) -> float:
        """Epsilon of the entries, computed again."""
        return epsilon_of(self.entries, self.delta)

    def sigma(self, name: str) -> float:
        """The noise of an entry."""
        return next(entry.sigma for entry in self.entries if entry.name == name)


def _accounting() -> Any:
    """The module of privacy loss distributions.

    Raises:
        InputError: dp-accounting is not installed.
    """
    try:
        from dp_accounting.pld import privacy_loss_distribution  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        action = "install it with: pip install 'netdiffus[privacy]'"
        raise InputError("the extra 'privacy'", f"no package {error.name}", action) from None
    return privacy_loss_distribution


def loss_of(entries: Iterable[Entry], step: float = LOSS_STEP) -> Any:
    """The privacy loss distribution of all entries together, as dp-accounting has it; None without entries.

    Args:
        step: between two losses that are told apart; between them they are rounded up.
    """
    pld, composed = _accounting(), None
    for entry in entries:
        once = pld.from_discrete_gaussian_mechanism(entry.sigma, entry.sensitivity, value_discretization_interval=step)
        every = once if entry.cells == 1 else once.self_compose(entry.cells)
        composed = every if composed is None else composed.compose(every)
    return composed


def epsilon_of(entries: Iterable[Entry], delta: float) -> float:
    """Epsilon at delta of all entries together."""
    composed = loss_of(entries)
    return 0.0 if composed is None else float(composed.get_epsilon_for_delta(delta))


def plan(looks: Sequence[Look], epsilon: float, delta: float) -> list[Entry]:
    """The ledger of looks: the least noise, split by their weights, whose epsilon at delta is not above `epsilon`."""
    whole = sum(look.weight for look in looks)

    def entries(scale: float) -> list[Entry]:
        return [
            Entry(
                name=look.name,
                cells=look.cells,
                sensitivity=look.sensitivity,
                sigma=scale * look.sensitivity * math.sqrt(look.cells * whole / look.weight),
                share=look.weight / whole,
            )
            for look in looks
        ]

    # zero-concentrated privacy (Bun and Steinke 2016) needs a little more noise than is enough
    room = math.log(1 / delta)
    high = 1 / math.sqrt(2 * (math.sqrt(room + epsilon) - math.sqrt(room)) ** 2)
    low = high / 2
    for _ in range(TRIES):
        middle = math.sqrt(low * high)
        spent = epsilon_of(entries(middle), delta)
        if spent > epsilon:
            low = middle
            continue
        high = middle
        if spent > epsilon * (1 - CLOSE):
            break
    return entries(high)
