"""Sampling: what is asked of a model, batch by batch, and what one batch of its draws is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.random import SeedSequence
from torch import Tensor

from netdiffus.arrays import Floats, Ints
from netdiffus.compiler import FlowRows
from netdiffus.compiler.features.bodies import Sketch
from netdiffus.errors import InputError
from netdiffus.models.device import hold_threads
from netdiffus.models.prompts.steering import Steering
from netdiffus.models.seeds import block_streams, torch_seed

Form = Literal["series", "images", "flows"]
"""What a model's draws can become: series of traces, images, and flows of packets."""


@dataclass(frozen=True)
class Sampling:
    """How to draw; None: as is best for the model.

    Attributes:
        sampler: of the published model.
        steps: noise levels; of the causal denoiser for a window of more than one row.
        guidance: weight; 1: the conditional model as it is.
        window: rows of the causal denoiser that are noisy at once.
        steering: texts and presence maps, of a model of prompts.
    """

    sampler: str | None = None
    steps: int | None = None
    guidance: float | None = None
    window: int | None = None
    steering: Steering | None = None


@dataclass(frozen=True)
class Request:
    """What is to be drawn: a trace for each of the label ids (N,), which come label by label.

    Attributes:
        first: the number of the first block of each label; others draw those before it.
    """

    ids: Ints
    how: Sampling
    seed: int
    first: int = 0

    def pieces(self, size: int) -> Iterator[Request]:
        """A request for each block of at most `size` traces: together, in this order, they draw what the whole does."""
        labels, counts = np.unique(self.ids, return_counts=True)
        yield from self.pieces_of(zip(labels.tolist(), counts.tolist(), strict=True), size)

    def pieces_of(self, counts: Iterable[tuple[int, int]], size: int) -> Iterator[Request]:
        """The same for so many traces of each label id, ascending, whatever `ids` is: nothing is held for a trace."""
        for label, count in counts:
            for block in range(-(-count // size)):
                ids = np.full(min(size, count - block * size), label)
                yield replace(self, ids=ids, first=self.first + block)


@dataclass(frozen=True)
class Block:
    """Traces that are drawn at once: their label ids (B,), and the generators of all that is random in them."""

    ids: Ints
    generator: torch.Generator
    rng: np.random.Generator

    @classmethod
    def seeded(cls, ids: Ints, streams: tuple[SeedSequence, SeedSequence], device: torch.device) -> Block:
        """A block of these streams, which are those of `block_streams`."""
        noise, rest = streams
        return cls(ids, torch.Generator(device).manual_seed(torch_seed(noise)), np.random.default_rng(rest))

    @property
    def labels(self) -> Tensor:
        """The label ids (B,) on the device of the generator."""
        return torch.from_numpy(self.ids).to(self.generator.device)


def blocks(request: Request, size: int, device: torch.device) -> Iterator[Block]:
    """The blocks of a request: at most `size` traces of one label, each with streams of its own.

    Each is drawn by as many threads as the first, whatever the caller does in between.
    """
    for piece in request.pieces(size):
        hold_threads()
        yield Block.seeded(piece.ids, block_streams(request.seed, int(piece.ids[0]), piece.first), device)


class Draw:
    """What a model drew for the label ids (B,) of a block, in the forms that can be made of it.

    A subclass has those that its model names in `forms`; each may be asked for once.
    """

    def __init__(self, block: Block) -> None:
        self.block = block

    @property
    def ids(self) -> Ints:
        """Label ids (B,)."""
        return self.block.ids

    def series(self) -> Floats:
        """Series (B, C, n), NaN past the end of a trace."""
        raise TypeError(f"{type(self).__name__} has no series")

    def images(self) -> Floats:
        """Images (B, C', n, n) in [-1, 1]."""
        raise TypeError(f"{type(self).__name__} has no images")

    def flows(self, most: int | None = None) -> tuple[FlowRows, dict[str, int]]:
        """Flows of at most `most` packets, and how many packets were drawn as none can be, by reason."""
        raise TypeError(f"{type(self).__name__} has no flows")

    def sketch(self, most: int | None = None) -> tuple[Sketch, dict[str, int]]:
        """The same before the packets of long flows are made."""
        raise TypeError(f"{type(self).__name__} has no flows")


def guidance_weight(label_dropout: float, own: float, asked: float | None) -> float:
    """The weight that is asked for, or the model's own.

    Raises:
        InputError: guidance for a model that was trained with every label.
    """
    if label_dropout:
        return own if asked is None else asked
    if asked is not None and asked != 1:
        raise InputError(
            "a model trained with --label-dropout for --guidance", "one without", "train such a model, or leave it out"
        )
    return 1.0
