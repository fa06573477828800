"""What can be chosen in `studio`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from netdiffus.config import Config, Entry


class StudioConfig(Config):
    """The options of `studio`."""

    port: int = Field(8765, ge=0, le=65_535, description="Port to listen on; 0: any that is free.")
    host: str = Field(
        "127.0.0.1",
        description="Address to listen on; others than loopback let other machines in that have the token.",
    )
    browser: Annotated[bool, Entry(off="Print the address only; open no browser.")] = Field(
        True, description="Open the page in a browser."
    )
    upload_limit: float = Field(
        4.0, ge=0.001, le=1024, description="Largest file that may be uploaded, in GiB (bounded by the disk as well)."
    )
