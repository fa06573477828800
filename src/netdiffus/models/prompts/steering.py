"""What steers drawings: texts and presence maps for the flows of a block, as a user or the training says them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from netdiffus.arrays import Levels
from netdiffus.models.prompts.codec import PromptCodec
from netdiffus.models.prompts.facts import Named, named_in, prompt
from netdiffus.models.services import label_of

UNKNOWN = "prompt"
"""The label of flows whose prompt names none that is known."""


@dataclass(frozen=True)
class Steering:
    """What a user asks for; None: as the training has it.

    Attributes:
        prompt: the text of every flow. negative: what guidance leads away from. packets: of every flow.
        maps: presence maps (rows, K), 0 or -1, that flows take in turn.
    """

    prompt: str | None = None
    negative: str | None = None
    packets: int | None = None
    maps: Sequence[Levels] = field(default=())


def named_label(text: str, classes: Sequence[str]) -> Named:
    """What a prompt names of a model with classes LABEL/PROTOCOL."""
    return named_in(text, sorted({label_of(name) for name in classes}))


def labels_of_draw(steering: Steering, name: str, classes: Sequence[str], count: int) -> list[str]:
    """The labels of drawn flows of a class: its own, or UNKNOWN where the prompt names no label."""
    known = steering.prompt is None or named_label(steering.prompt, classes).label is not None
    return [label_of(name) if known else UNKNOWN] * count


def texts_of_draw(
    steering: Steering, codec: PromptCodec, number: int, name: str, rng: np.random.Generator, count: int
) -> list[str]:
    """Texts of flows of a class: the prompt, or a template in turn with the facts of a training flow."""
    if steering.prompt is not None:
        return [steering.prompt] * count
    label, _, protocol = name.rpartition("/")
    known = codec.classes[number].facts
    texts = []
    for place in rng.integers(len(known), size=count).tolist():
        facts = known[place]
        if steering.packets is not None:
            facts = facts._replace(packets=min(steering.packets, codec.rgb.rows))
        texts.append(prompt(codec.templates[0], label, protocol, facts))
    return texts


def maps_of_draw(
    steering: Steering, codec: PromptCodec, number: int, rng: np.random.Generator, first: int, count: int
) -> Levels:
    """Presence maps (B, rows, K) of flows of a class, the first of which is the `first` of all."""
    if steering.maps:
        return np.stack([steering.maps[place % len(steering.maps)] for place in range(first, first + count)])
    packets = steering.packets
    if packets is None and steering.prompt is not None:
        packets = named_in(steering.prompt, ()).packets
    return np.stack([codec.presence(number, packets, rng) for _ in range(count)])
