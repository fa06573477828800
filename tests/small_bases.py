"""Tiny random Stable Diffusion models of three families, in folders as diffusers saves them: nothing is fetched."""

from __future__ import annotations

import json
from pathlib import Path

import torch

FAMILIES = ("sd15", "sdxl", "sd3")


def tokenizer(folder: Path):
    """Of letters alone."""
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    names = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {name: place for place, name in enumerate(names)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77), vocabulary


def text_config(vocabulary: dict[str, int]):
    from transformers import CLIPTextConfig

    end = vocabulary["<|endoftext|>"]
    return CLIPTextConfig(
        bos_token_id=vocabulary["<|startoftext|>"], eos_token_id=end, pad_token_id=end, hidden_size=16,
        intermediate_size=16, num_attention_heads=2, num_hidden_layers=1, vocab_size=len(vocabulary),
        projection_dim=16, hidden_act="gelu",
    )  # fmt: skip


def autoencoder(channels: int, **options):
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=[4, 8], down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2,
        latent_channels=channels, norm_num_groups=2, layers_per_block=1, **options,
    )  # fmt: skip


def unet(**options):
    from diffusers import UNet2DConditionModel

    shape = {
        "sample_size": 64,
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": (4, 8),
        "layers_per_block": 1,
    }
    blocks = {
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    }
    return UNet2DConditionModel(**shape, **blocks, norm_num_groups=2, **options)


def sd15(folder: Path) -> None:
    """Predicts v."""
    from diffusers import DDPMScheduler, StableDiffusionPipeline
    from transformers import CLIPTextModel

    words, vocabulary = tokenizer(folder)
    schedule = DDPMScheduler(beta_schedule="scaled_linear", prediction_type="v_prediction")
    StableDiffusionPipeline(
        vae=autoencoder(4), text_encoder=CLIPTextModel(text_config(vocabulary)), tokenizer=words,
        unet=unet(cross_attention_dim=16, attention_head_dim=2), scheduler=schedule, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip


def sdxl(folder: Path) -> None:
    """Predicts the noise; two text encoders."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    words, vocabulary = tokenizer(folder)
    schedule = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, steps_offset=1, beta_schedule="scaled_linear")
    network = unet(
        cross_attention_dim=32, attention_head_dim=(1, 2), use_linear_projection=True, addition_embed_type="text_time",
        addition_time_embed_dim=8, transformer_layers_per_block=1, projection_class_embeddings_input_dim=6 * 8 + 16,
    )  # fmt: skip
    StableDiffusionXLPipeline(
        vae=autoencoder(4), text_encoder=CLIPTextModel(text_config(vocabulary)),
        text_encoder_2=CLIPTextModelWithProjection(text_config(vocabulary)), tokenizer=words, tokenizer_2=words,
        unet=network, scheduler=schedule, add_watermarker=False,
    ).save_pretrained(folder)  # fmt: skip


def sd3(folder: Path) -> None:
    """Flow matching; without T5."""
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
    from transformers import CLIPTextModelWithProjection

    words, vocabulary = tokenizer(folder)
    transformer = SD3Transformer2DModel(
        sample_size=32, patch_size=2, in_channels=8, out_channels=8, num_layers=2, attention_head_dim=8,
        num_attention_heads=2, joint_attention_dim=32, caption_projection_dim=16, pooled_projection_dim=32,
        pos_embed_max_size=400,
    )  # fmt: skip
    encoders = [CLIPTextModelWithProjection(text_config(vocabulary)) for _ in range(2)]
    coder = autoencoder(8, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.0609, scaling_factor=1.5035)
    StableDiffusion3Pipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(), vae=coder, text_encoder=encoders[0],
        tokenizer=words, text_encoder_2=encoders[1], tokenizer_2=words, text_encoder_3=None, tokenizer_3=None,
    ).save_pretrained(folder)  # fmt: skip


BASES = {"sd15": sd15, "sdxl": sdxl, "sd3": sd3}


def small_base(family: str, folder: Path) -> Path:
    """A base of a family; the same each time."""
    torch.manual_seed(0)
    BASES[family](folder)
    return folder
