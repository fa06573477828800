"""A latent diffusion of our own, small enough for a CPU: a linear autoencoder, hashed words and a U-Net of diffusers.

A latent has a channel for each component and one column, so the U-Net is one over packets: its 3 x 3 convolutions have
only their middle column, because the others would see padding.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from netdiffus.models.prompts.autoencoder import LinearAutoencoder
from netdiffus.models.prompts.painter import Condition
from netdiffus.models.prompts.process import DiscreteProcess
from netdiffus.models.prompts.words import WordEncoder, word_ids

HEAD = 16
"""Width of an attention head."""
SCHEDULER = {
    "num_train_timesteps": 1000, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "clip_sample": False,
}  # fmt: skip
"""v-prediction down to no signal at all (Lin et al., WACV 2024): components of large variance would shine through."""


class OwnNetwork(nn.Module):
    """Autoencoder, text encoder and U-Net of a model without a base.

    Args:
        columns: W of the pictures. components: C of the latents. width: channels of the U-Net's first level.
        control: whether there is a ControlNet, which sees presence maps row by row.
    """

    def __init__(self, columns: int, components: int, width: int, *, control: bool) -> None:
        from diffusers import ControlNetModel, UNet2DConditionModel

        super().__init__()
        self.coder = LinearAutoencoder(columns, components)
        self.words = WordEncoder(width)
        self.unet = UNet2DConditionModel(
            in_channels=components, out_channels=components, block_out_channels=(width, width * 3 // 2),
            layers_per_block=1, down_block_types=("CrossAttnDownBlock2D",) * 2,
            up_block_types=("CrossAttnUpBlock2D",) * 2, cross_attention_dim=width, attention_head_dim=width // HEAD,
            norm_num_groups=8,
        )  # fmt: skip
        self.controlnet = None
        if control:
            self.controlnet = ControlNetModel.from_unet(self.unet, load_weights_from_unet=False)
            self.controlnet.controlnet_cond_embedding = nn.Conv2d(1, width, (1, columns))
            _one_column(self.controlnet)
        _one_column(self.unet)


def _one_column(module: nn.Module) -> None:
    """Replace 3 x 3 convolutions by 3 x 1 ones, in place."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Conv2d) and child.kernel_size == (3, 3):
            narrow = nn.Conv2d(child.in_channels, child.out_channels, (3, 1), (child.stride[0], 1), (1, 0))
            setattr(module, name, narrow)
        else:
            _one_column(child)


class OwnPainter:
    """The painter of such a network."""

    def __init__(self, network: OwnNetwork) -> None:
        self.network = network
        self.process = DiscreteProcess(SCHEDULER)

    def encode(self, pictures: Tensor) -> Tensor:
        """Latents (B, C, H, 1)."""
        return self.network.coder.encode(pictures)

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (B, 3, H, W)."""
        return self.network.coder.decode(latents)

    def condition(self, texts: Sequence[str]) -> Condition:
        """Vectors of the words, with gradients."""
        device = self.network.coder.mean.device
        return {"encoder_hidden_states": self.network.words(word_ids(texts).to(device))}

    def predict(self, noisy: Tensor, time: Tensor, condition: Condition, presence: Tensor | None) -> Tensor:
        """v of the noisy latents."""
        controlnet, extra = self.network.controlnet, {}
        if controlnet is not None and presence is not None:
            down, middle = controlnet(noisy, time, **condition, controlnet_cond=presence[:, :1], return_dict=False)
            extra = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
        answer: Tensor = self.network.unet(noisy, time, **condition, **extra).sample
        return answer
