"""Stable Diffusion 1.5 and XL as painters: a frozen U-Net, adapters and a ControlNet (Rombach et al., CVPR 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from netdiffus.models.prompts.adapters import ATTENTION, Adapted, embedding_channels
from netdiffus.models.prompts.painter import Condition
from netdiffus.models.prompts.process import DiscreteProcess


class UNetPainter:
    """A Stable Diffusion pipeline with a U-Net, SD 1.5 or XL.

    Args:
        pipeline: of diffusers, on its device. rank: of the adapters. control: whether there is a ControlNet.
        size: (H, W) of pictures.
    """

    def __init__(self, pipeline: Any, rank: int, *, control: bool, size: tuple[int, int]) -> None:
        from diffusers import ControlNetModel

        self.pipeline, self.size = pipeline, size
        self.is_xl = hasattr(pipeline, "text_encoder_2")
        factor = pipeline.vae_scale_factor
        channels = embedding_channels(factor)
        unet = pipeline.unet
        net = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=channels) if control else None
        for part in (pipeline.vae, pipeline.text_encoder, getattr(pipeline, "text_encoder_2", None)):
            if part is not None:
                part.requires_grad_(False).eval()
        self.network = Adapted(unet, net, rank, ATTENTION).to(unet.device)
        self.process = DiscreteProcess(pipeline.scheduler.config)

    @property
    def dtype(self) -> torch.dtype:
        """Of the base's weights."""
        found: torch.dtype = self.pipeline.vae.dtype
        return found

    def encode(self, pictures: Tensor) -> Tensor:
        """Latents: the mode of the autoencoder's distribution, scaled."""
        vae = self.pipeline.vae
        latents: Tensor = vae.encode(pictures.to(vae.dtype)).latent_dist.mode() * vae.config.scaling_factor
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """The way back."""
        vae = self.pipeline.vae
        pictures: Tensor = vae.decode(latents.to(vae.dtype) / vae.config.scaling_factor).sample
        return pictures

    @torch.no_grad()
    def condition(self, texts: Sequence[str]) -> Condition:
        """Embeddings of texts; of XL also pooled ones, and the size of the pictures."""
        pipeline, device = self.pipeline, self.pipeline.unet.device
        if not self.is_xl:
            found = pipeline.encode_prompt(list(texts), device, 1, False)[0]
            return {"encoder_hidden_states": found}
        found, _, pooled, _ = pipeline.encode_prompt(
            list(texts), device=device, num_images_per_prompt=1, do_classifier_free_guidance=False
        )
        height, width = self.size
        sizes = torch.tensor([[height, width, 0, 0, height, width]], device=device, dtype=pooled.dtype)
        return {"encoder_hidden_states": found, "text_embeds": pooled, "time_ids": sizes.repeat(len(texts), 1)}

    def predict(self, noisy: Tensor, time: Tensor, condition: Condition, presence: Tensor | None) -> Tensor:
        """Noise or v of the noisy latents."""
        network, dtype = self.network, self.dtype
        told = {name: value.to(dtype) for name, value in condition.items()}
        hidden, added = told.pop("encoder_hidden_states"), told or None
        noisy, extra = noisy.to(dtype), {}
        if network.controlnet is not None and presence is not None:
            with torch.autocast(noisy.device.type, dtype, enabled=dtype != torch.float32):
                down, middle = network.controlnet(
                    noisy, time, encoder_hidden_states=hidden, controlnet_cond=presence.to(dtype),
                    added_cond_kwargs=added, return_dict=False,
                )  # fmt: skip
            extra = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
        answer: Tensor = network.core(
            noisy, time, encoder_hidden_states=hidden, added_cond_kwargs=added, **extra
        ).sample
        return answer
