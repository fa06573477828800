"""The sizes of the published U-Net, without the network: what options and manifests need to know of it."""

from __future__ import annotations

from dataclasses import dataclass

from netdiffus import limits
from netdiffus.errors import InputError

NORM_GROUPS = 32


@dataclass(frozen=True)
class UNetShape:
    """The sizes of a U-Net.

    Attributes:
        channels_in, channels_out: C of the images, and of the answer (2 C where the variance is learned).
        width: channels of the first level, a multiple of 32.
        multipliers: of the width at each level; every level below the first halves the image.
        blocks: residual blocks of a level.
        attention: downsampling factors (1, 2, 4 ...) with attention after each residual block.
        heads: attention heads; they cannot be read off the shapes of a checkpoint.
        classes: rows of the label table; None: not class-conditional.
    """

    channels_in: int
    channels_out: int
    width: int
    multipliers: tuple[int, ...]
    blocks: int
    attention: frozenset[int]
    heads: int
    classes: int | None

    def __post_init__(self) -> None:
        """Raise InputError unless such a network can be built."""
        sizes = {
            "channels in": (self.channels_in, limits.CHANNELS),
            "channels out": (self.channels_out, 2 * limits.CHANNELS),
            "width": (self.width, limits.UNET_WIDTH),
            "levels": (len(self.multipliers), limits.UNET_LEVELS),
            "multiplier": (max(self.multipliers, default=0), limits.UNET_MULTIPLIER),
            "smallest multiplier": (min(self.multipliers, default=0), limits.UNET_MULTIPLIER),
            "blocks": (self.blocks, limits.UNET_BLOCKS),
            "heads": (self.heads, limits.HEADS),
            "classes": (1 if self.classes is None else self.classes, limits.LABELS),
        }
        for name, (size, most) in sizes.items():
            if not 1 <= size <= most:
                raise InputError(f"a U-Net whose {name} is from 1 to {most:,}", f"{size:,}", "name another checkpoint")
        if self.width % NORM_GROUPS:
            raise InputError(f"a width that is a multiple of {NORM_GROUPS}", f"{self.width}", "correct width")
        if any(self.width * multiplier % self.heads for multiplier in self.multipliers):
            raise InputError(f"heads that divide {self.width} channels", str(self.heads), "correct --heads")


# Multipliers by image size in pixels, as published; 10 is NetDiffus 2.0's.
MULTIPLIERS = {10: (1, 2), 64: (1, 2, 3, 4), 128: (1, 1, 2, 3, 4), 256: (1, 1, 2, 2, 4, 4)}
ATTENTION_PIXELS = (16, 8)


def published_shape(
    pixels: int, channels: int, classes: int | None, *, width: int, blocks: int, heads: int
) -> UNetShape:
    """The published shape for images (channels, pixels, pixels) with learned variance; sizes between go by the smaller.

    Raises:
        InputError: the image cannot be halved as often as the network has levels, or the width is no multiple of 32.
    """
    multipliers = MULTIPLIERS[max((size for size in MULTIPLIERS if size <= pixels), default=min(MULTIPLIERS))]
    halvings = 2 ** (len(multipliers) - 1)
    if pixels % halvings:
        raise InputError(
            f"an image of a multiple of {halvings} pixels", str(pixels), f"set --length {pixels - pixels % halvings}"
        )
    if width % NORM_GROUPS:
        raise InputError(f"a width that is a multiple of {NORM_GROUPS}", str(width), "correct width")
    attention = frozenset(pixels // side for side in ATTENTION_PIXELS if pixels >= side)
    return UNetShape(channels, 2 * channels, width, multipliers, blocks, attention, heads, classes)
