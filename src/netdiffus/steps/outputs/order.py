"""An order: what is to be drawn from which model, where it goes, and the loop that draws it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netdiffus.arrays import Ints
from netdiffus.compiler import FlowRows, concatenate
from netdiffus.manifest import JsonObject
from netdiffus.models.label_counts import counts_of
from netdiffus.models.model import Model
from netdiffus.models.sampling import Draw, Request, Sampling
from netdiffus.steps.outputs.capture_config import CaptureConfig
from netdiffus.steps.outputs.generate_config import GenerateConfig
from netdiffus.version import __version__


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
    """

    model: Model
    out: Path
    config: GenerateConfig
    capture: CaptureConfig

    @property
    def counts(self) -> dict[str, int]:
        """Traces of each of the model's labels."""
        config = self.config
        return counts_of(self.model.manifest, config.count, balance=config.balance, protocol=config.protocol)

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
        return Sampling(config.sampler, config.sampling_steps, config.guidance, config.window)

    @property
    def made_by(self) -> JsonObject:
        """What an output says of its making."""
        card = self.model.manifest.card
        return {
            "netdiffus": __version__,
            "model": self.model.hash,
            "dataset": card.dataset,
            "config": self.config.model_dump(exclude={"sessions"} if self.config.sessions is None else None),
        }

    @property
    def source(self) -> str:
        """The same in a few words."""
        return source_of(self.model, self.config.seed)


def source_of(model: Model, seed: int) -> str:
    """What the column `source` of drawn traces says."""
    return f"netdiffus {__version__} model {model.hash[:16]} seed {seed}"


def draws(order: Order) -> Generator[tuple[Draw, Drawn], None, None]:
    """Everything that is drawn, batch by batch, with the progress up to each."""
    done, total = 0, order.total
    for draw in order.model.sample(Request(order.ids, order.how, order.config.seed)):
        done += len(draw.ids)
        yield draw, Drawn(done, total)


def draw_flows(order: Order) -> Generator[Drawn, None, DrawnFlows]:
    """Yields a record per batch; returns the flows of a model of packets."""
    parts: list[FlowRows] = []
    changed: Counter[str] = Counter()
    for draw, progress in draws(order):
        rows, reasons = draw.flows(order.config.most)
        parts.append(rows)
        changed.update(reasons)
        yield progress
    return DrawnFlows(concatenate(parts), dict(changed))
