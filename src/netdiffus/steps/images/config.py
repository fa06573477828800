"""What can be chosen in `image`: of GASF images, and of bit images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from netdiffus import limits
from netdiffus.config import Config, Entry
from netdiffus.imaging.headers import ALL


def _names(text: str) -> list[str]:
    return text.split(",")


class ImageConfig(Config):
    """What can be chosen for GASF images."""

    scale: Annotated[Literal["empirical", "minmax", "log"], Entry()] = Field(
        "empirical",
        description="Scale to fit: empirical (default), minmax or log; of foreign images LOW,HIGH, e.g. -1460,1460.",
    )
    length: int | None = Field(
        None, ge=2, le=limits.LENGTH, description="Positions of a trace, pixels of its image; default: all."
    )
    form: Literal["npz", "png", "both"] = Field("both", description="npz (exact), png (8 bits, to look at) or both.")


class BitImageConfig(Config):
    """What can be chosen for bit images."""

    headers: Annotated[list[str], Entry(shown=",".join(ALL), parse=_names)] = Field(
        list(ALL), description="Bits: columns of ipv4,ipv6,tcp,udp,icmp."
    )
    bare: bool = Field(False, description="Bits: nPrint's columns alone, without direction, payload size and gap.")
    length: int | None = Field(
        None, ge=1, le=limits.LENGTH, description="Rows of an image; default: those of the longest flow."
    )
    form: Literal["npz", "png", "both"] = Field("both", description="npz, png or both; both are exact.")
