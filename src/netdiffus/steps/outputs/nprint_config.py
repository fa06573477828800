"""What can be chosen in `prepare` for nPrint rows (docs/nprint.md)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from netdiffus.config import Config


class NprintConfig(Config):
    """What can be chosen for nPrint rows."""

    headers: str | None = Field(
        None,
        description="nPrint: columns of eth,ipv4,ipv6,tcp,udp,icmp; default: an nPrint source's, else "
        "ipv4,tcp,udp,icmp.",
    )
    payload_bytes: int = Field(0, ge=0, le=65_535, description="nPrint: payload bytes with columns.")
    timestamps: Literal["none", "absolute", "relative"] = Field(
        "none", description="nPrint: time columns of .nprint text: 'none', 'absolute' or 'relative'."
    )
    anonymise: str | None = Field(None, description="Key file: map the addresses of captures, prefix-preserving.")
