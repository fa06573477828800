"""The training of prompted models: noise is predicted of latents, told what a template says of their flow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from netdiffus.diffusion.average import Average, PowerAverage
from netdiffus.diffusion.fit import Sample
from netdiffus.models.prompts.painter import Painter

WARM_UP = 50
"""Steps in which the learning rate rises."""
DECAY = 1e-2
"""Weight decay of AdamW."""
Presence = Callable[[Tensor], Tensor]
"""Places of flows (B,) → their presence maps (B, 3, H, W)."""


class PromptRecipe:
    """Training of a painter.

    Args:
        texts: of each flow, one a template. hidden: share of texts that are hidden, for guidance.
        presence: of flows, where a ControlNet is trained.
        cools: whether the learning rate falls to 0 towards the end: of networks from scratch.
        precise: in which the painter computes, a context for each step.
    """

    def __init__(
        self,
        painter: Painter,
        texts: Sequence[Sequence[str]],
        *,
        hidden: float,
        presence: Presence | None = None,
        cools: bool = False,
        precise: Callable[[], AbstractContextManager[object]],
    ) -> None:
        self.painter, self.texts, self.hidden, self.presence = painter, texts, hidden, presence
        self.cools, self.precise = cools, precise
        self.clip: float | None = 1.0
        self.cooling = 1.0
        self.likelihood = False

    def loss(self, sample: Sample, generator: torch.Generator) -> Tensor:
        """Squared error per flow (B,); `traces` are latents, `label` places of flows."""
        noised = self.painter.process.noised(sample.traces, generator)
        index = sample.label.tolist()
        turns = torch.rand(len(index), generator=generator, device=sample.traces.device).tolist()
        texts = [self._text(flow, turn) for flow, turn in zip(index, turns, strict=True)]
        maps = None if self.presence is None else self.presence(sample.label)
        with self.precise():
            condition = self.painter.condition(texts)
            answer = self.painter.predict(noised.latents, noised.time, condition, maps)
        return (answer.float() - noised.target.float()).square().flatten(1).mean(1)

    def _text(self, flow: int, turn: float) -> str:
        """The text of a flow by one of its templates, or none; turn is in [0, 1)."""
        if turn < self.hidden:
            return ""
        texts = self.texts[flow]
        return texts[min(int((turn - self.hidden) / (1 - self.hidden) * len(texts)), len(texts) - 1)]

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        """AdamW."""
        trained = [parameter for _, parameter in self.painter.network.named_parameters()]
        return [torch.optim.AdamW(trained, lr=learning_rate, weight_decay=DECAY)]

    def rate(self, step: int, done: float) -> float:
        """A short rise; then constant, or a straight fall over the second half."""
        fall = min(1.0, 2 * (1 - done)) if self.cools else 1.0
        return min(1.0, (step + 1) / WARM_UP) * fall

    def average(self, tensors: dict[str, Tensor]) -> Average:
        """Over the last tenth."""
        return PowerAverage(tensors)
