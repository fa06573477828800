"""What can be chosen for a capture that is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from netdiffus import limits
from netdiffus.config import Config, Entry, exclusive
from netdiffus.errors import InputError
from netdiffus.manifest import shown
from netdiffus.traffic.moments import moment_ns
from netdiffus.traffic.networks import CLIENT_NETS, SERVER_NETS

CAPTURES = (".pcap", ".pcapng")
OF_CAPTURES = {"link", "payload", "per_label"}
"""Options that have a meaning for captures alone."""
BEGIN_NS = 1_767_225_600_000_000_000
"""When the first flow begins: midnight of 1 January 2026, UTC; fixed, so that a seed gives the same file."""


def _start(value: object) -> object:
    """What --start says, as nanoseconds; of other types pydantic tells."""
    return moment_ns(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else value


class CaptureConfig(Config):
    """What can be chosen for a capture."""

    client_net: list[str] = Field(list(CLIENT_NETS), description="Packets: clients' network, once for each IP version.")
    server_net: list[str] = Field(list(SERVER_NETS), description="Packets: servers' network, once for each IP version.")
    link: Annotated[Literal["ethernet", "raw"], Entry()] = Field(
        "ethernet", description="Packets: 'ethernet' (default) or 'raw' IP."
    )
    payload: Annotated[str | None, Entry()] = Field(
        None,
        description="Packets: 'protocol' (what the label speaks), 'random' bytes or 'zero'; default: protocol if the "
        "dataset was prepared with --payload-shapes, else random.",
    )
    rate: float | None = Field(
        None, ge=limits.RATE[0], le=limits.RATE[1],
        description="Packets: flows per second; default: as they arrive in the dataset.",
    )  # fmt: skip
    duration: float | None = Field(
        None, ge=limits.SECONDS[0], le=limits.SECONDS[1],
        description="Packets: seconds in which all flows begin, instead of --rate.",
    )  # fmt: skip
    per_label: bool = Field(False, description="Captures: one per label.")
    start: Annotated[int, BeforeValidator(_start), Entry("TIME", parse=str)] = Field(
        BEGIN_NS,
        description="Packets: when the first flow begins; ISO 8601 (UTC), or seconds or nanoseconds since 1970, "
        "to 2105 (pcap) or 2261; default 2026-01-01.",
    )

    @model_validator(mode="after")
    def _can_be(self) -> CaptureConfig:
        from netdiffus.compiler.payloads import PAYLOADS  # here: it loads the compiler

        exclusive(rate=self.rate is not None, duration=self.duration is not None)
        if self.payload is not None and self.payload not in PAYLOADS:
            raise InputError(f"payload among {', '.join(PAYLOADS)}", shown(self.payload), "correct payload")
        return self

    def settled(self, *, known: bool) -> CaptureConfig:
        """The same with the kind of payload named; `known`: whether the model knows what its labels speak."""
        payload = self.payload or ("protocol" if known else "random")
        return self.model_copy(update={"payload": payload})

    def check_form(self, out: Path, flows: int) -> None:
        """Raise InputError for options that have no meaning for a file of this name, or flows that would take too long.

        Args:
            flows: that are to be drawn.
        """
        given = sorted(self.model_fields_set & OF_CAPTURES)
        if given and not is_capture_name(out):
            option = f"--{given[0].replace('_', '-')}"
            raise InputError(f"a capture ({', '.join(CAPTURES)}) for {option}", out.name, f"leave {option} out")
        if self.rate is not None and flows / self.rate > limits.SECONDS[1]:
            raise InputError(
                f"flows that begin within {limits.SECONDS[1]:,.0f} seconds", f"{flows:,} at --rate {self.rate:g}",
                "raise --rate, or lower --count",
            )  # fmt: skip


def is_capture_name(out: Path) -> bool:
    """Whether `generate` writes a capture to a path of this name."""
    return out.suffix.lower() in CAPTURES
