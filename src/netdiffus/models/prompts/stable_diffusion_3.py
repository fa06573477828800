"""Stable Diffusion 3 as a painter: a frozen transformer with adapters and a ControlNet (Esser et al., ICML 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from netdiffus.models.prompts.adapters import JOINT_ATTENTION, Adapted
from netdiffus.models.prompts.painter import Condition
from netdiffus.models.prompts.process import FlowProcess


class TransformerPainter:
    """An SD 3 pipeline; arguments are those of UNetPainter."""

    def __init__(self, pipeline: Any, rank: int, *, control: bool) -> None:
        from diffusers.models import SD3ControlNetModel

        self.pipeline = pipeline
        transformer = pipeline.transformer
        net = None
        if control:
            config = dict(transformer.config)
            # half of the blocks: the last one has no context to add to, and its weights do not fit
            net = SD3ControlNetModel.from_transformer(
                transformer, num_layers=max(1, transformer.config.num_layers // 2), num_extra_conditioning_channels=0
            )
            transformer.register_to_config(**config)  # from_transformer writes into it
        encoders = (pipeline.text_encoder, pipeline.text_encoder_2, pipeline.text_encoder_3)
        for part in (pipeline.vae, *encoders):
            if part is not None:
                part.requires_grad_(False).eval()
        self.network = Adapted(transformer, net, rank, JOINT_ATTENTION).to(transformer.device)
        self.process = FlowProcess(pipeline.scheduler.config)

    def encode(self, pictures: Tensor) -> Tensor:
        """Latents: the mode of the autoencoder's distribution, shifted and scaled."""
        vae = self.pipeline.vae
        mode = vae.encode(pictures.to(vae.dtype)).latent_dist.mode()
        latents: Tensor = (mode - (vae.config.shift_factor or 0.0)) * vae.config.scaling_factor
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """The way back."""
        vae = self.pipeline.vae
        moved = latents.to(vae.dtype) / vae.config.scaling_factor + (vae.config.shift_factor or 0.0)
        pictures: Tensor = vae.decode(moved).sample
        return pictures

    @torch.no_grad()
    def condition(self, texts: Sequence[str]) -> Condition:
        """Embeddings of texts, and pooled ones."""
        found, _, pooled, _ = self.pipeline.encode_prompt(
            list(texts), prompt_2=None, prompt_3=None, device=self.pipeline.transformer.device,
            do_classifier_free_guidance=False,
        )  # fmt: skip
        return {"encoder_hidden_states": found, "pooled_projections": pooled}

    def predict(self, noisy: Tensor, time: Tensor, condition: Condition, presence: Tensor | None) -> Tensor:
        """The velocity of the noisy latents."""
        network, dtype = self.network, self.pipeline.transformer.dtype
        told = {name: value.to(dtype) for name, value in condition.items()}
        told |= {"hidden_states": noisy.to(dtype), "timestep": time}
        extra = {}
        if network.controlnet is not None and presence is not None:
            with torch.no_grad():
                maps = self.encode(2 * presence - 1)
            with torch.autocast(noisy.device.type, dtype, enabled=dtype != torch.float32):
                blocks = network.controlnet(controlnet_cond=maps.to(dtype), return_dict=False, **told)[0]
            extra = {"block_controlnet_hidden_states": blocks}
        answer: Tensor = network.core(return_dict=False, **told, **extra)[0]
        return answer
