"""What is trained beside a frozen base: adapters (LoRA) in its attention, in float32, and a ControlNet.

Source: Hu et al., "LoRA", ICLR 2022; Zhang et al., "Adding conditional control to text-to-image diffusion models", ICCV
2023.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

ATTENTION = ["to_k", "to_q", "to_v", "to_out.0"]
"""Layers of the U-Nets that get adapters."""
JOINT_ATTENTION = [
    f"attn.{name}" for name in (*ATTENTION, "add_k_proj", "add_q_proj", "add_v_proj", "to_add_out")
]  # fmt: skip
"""Those of SD 3's transformer."""


class Adapted(nn.Module):
    """A frozen network with adapters, and a ControlNet; its parameters and its state are what is trained alone.

    Args:
        core: the base's network. controlnet: made from it before it has adapters; None: there is none.
    """

    def __init__(self, core: nn.Module, controlnet: nn.Module | None, rank: int, targets: list[str]) -> None:
        from diffusers.training_utils import cast_training_params
        from peft import LoraConfig

        super().__init__()
        core.requires_grad_(False)
        adder: Any = core
        adder.add_adapter(LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=targets))
        cast_training_params(core, dtype=torch.float32)
        self.core = core
        self.controlnet = controlnet
        if controlnet is not None:
            controlnet.requires_grad_(True).float()

    def named_parameters(self, *args: Any, **options: Any) -> Iterator[tuple[str, nn.Parameter]]:
        """Those that are trained, in a fixed order."""
        return (pair for pair in super().named_parameters(*args, **options) if pair[1].requires_grad)

    def state_dict(self, *args: Any, **options: Any) -> dict[str, Tensor]:  # type: ignore[override]
        """The same: the base is never part of it."""
        return {name: value.detach() for name, value in self.named_parameters()}

    def load(self, weights: dict[str, Tensor]) -> None:
        """Take the values of what is trained."""
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.copy_(weights[name])


def embedding_channels(factor: int) -> tuple[int, ...]:
    """Channels of a ControlNet's embedding of maps: it must shrink them by the autoencoder's factor, a power of two."""
    return (16, 32, 96, 256, 256, 256)[: factor.bit_length()]
