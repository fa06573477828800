"""An order: what is to be drawn from which model, where it goes, and the loop that draws it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from netdiffus.arrays import Ints, Levels
from netdiffus.compiler import FlowRows, concatenate
from netdiffus.manifest import JsonObject
from netdiffus.models.label_counts import counts_of, prompted_counts
from netdiffus.models.model import Model
from netdiffus.models.prompts.steering import Steering
from netdiffus.models.sampling import Draw, Request, Sampling
from netdiffus.spread import Spread, one_by_one
from netdiffus.steps.outputs.capture_config import CaptureConfig
from netdiffus.steps.outputs.generate_config import GenerateConfig
from netdiffus.version import __version__

Taken = TypeVar("Taken")


@dataclass(frozen=True)
class Drawn:
    """Progress: `done` of `total` traces are drawn."""

    done: int
    total: int

    @property
    def share(self) -> float:
        """The part of the traces that is drawn."""
        return self.done / self.total

    @property
    def note(self) -> str:
        """Traces drawn, of all."""
        return f"{self.done:,}/{self.total:,} traces"


@dataclass(frozen=True)
class DrawnFlows:
    """Flows that a model of packets drew, and how many packets it drew as none can be, by reason."""

    rows: FlowRows
    not_as_drawn: dict[str, int]


@dataclass(frozen=True)
class Order:
    """What is to be drawn, and where it goes.

    Attributes:
        capture: options of captures; their defaults where none were given.
        spread: how blocks are drawn.
        maps: presence maps of a capture, for a model of prompts with a ControlNet.
    """

    model: Model
    out: Path
    config: GenerateConfig
    capture: CaptureConfig
    spread: Spread = one_by_one
    maps: tuple[Levels, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Traces of each of the model's labels."""
        config, manifest = self.config, self.model.manifest
        if config.prompt is not None and not isinstance(config.count, dict):
            return prompted_counts(manifest, config.prompt, config.count, protocol=config.protocol)
        return counts_of(manifest, config.count, balance=config.balance, protocol=config.protocol)

    @property
    def total(self) -> int:
        """Traces of all labels, or sessions."""
        return sum(self.counts.values()) if self.config.sessions is None else self.config.sessions

    @property
    def ids(self) -> Ints:
        """Label ids (N,) of all traces, label by label."""
        counts, names = self.counts, self.model.manifest.labels
        return np.repeat(np.arange(len(names)), [counts.get(name, 0) for name in names])

    @property
    def how(self) -> Sampling:
        """How they are drawn."""
        config = self.config
        steering = Steering(config.prompt, config.negative, config.most, self.maps)
        return Sampling(config.sampler, config.sampling_steps, config.guidance, config.window, steering)

    @property
    def made_by(self) -> JsonObject:
        """What an output says of its making."""
        card = self.model.manifest.card
        return {
            "netdiffus": __version__,
            "model": self.model.hash,
            "dataset": card.dataset,
            "config": self.config.said,
        }

    @property
    def source(self) -> str:
        """The same in a few words."""
        return source_of(self.model, self.config.seed)


def source_of(model: Model, seed: int) -> str:
    """What the column `source` of drawn traces says."""
    return f"netdiffus {__version__} model {model.hash[:16]} seed {seed}"


def draws(order: Order, take: Callable[[Draw], Taken]) -> Generator[tuple[Taken, Drawn], None, None]:
    """What is taken of everything that is drawn, block by block, with the progress up to each."""
    done, total, model = 0, order.total, order.model

    def drawn(piece: Request) -> tuple[int, Taken]:
        draw = next(model.sample(piece))
        return len(draw.ids), take(draw)

    counts, names = order.counts, model.manifest.labels
    wanted = [(k, counts[name]) for k, name in enumerate(names) if counts.get(name)]
    request = Request(np.zeros(0, np.int64), order.how, order.config.seed)
    for count, taken in order.spread(drawn, request.pieces_of(wanted, model.batch)):
        done += count
        yield taken, Drawn(done, total)


def draw_flows(order: Order) -> Generator[Drawn, None, DrawnFlows]:
    """Yields a record per batch; returns the flows of a model of packets."""
    parts: list[FlowRows] = []
    changed: Counter[str] = Counter()
    most = order.config.most
    for (rows, reasons), progress in draws(order, lambda draw: draw.flows(most)):
        parts.append(rows)
        changed.update(reasons)
        yield progress
    return DrawnFlows(concatenate(parts), dict(changed))
