"""What can be chosen in `generate`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from netdiffus import limits
from netdiffus.config import Config, Entry, Packets, Seed, exclusive, parse_packets
from netdiffus.errors import InputError
from netdiffus.manifest import JsonObject
from netdiffus.models.counts import DEFAULT_COUNT, check_counts, parse_counts


class GenerateConfig(Config):
    """What can be chosen in `generate`."""

    count: Annotated[int | dict[str, int], Entry("N|LABEL=N", parse=parse_counts, many=True)] = Field(
        DEFAULT_COUNT,
        description=f"Traces in all, 1 to {limits.TRACES:,}, or of a label (may be repeated); default {DEFAULT_COUNT}.",
    )
    sessions: int | None = Field(
        None, ge=1, le=limits.TRACES,
        description="Packets: sessions of clients, instead of --count; --rate is then sessions per second, --duration "
        "the seconds in which they begin.",
    )  # fmt: skip
    balance: bool = Field(False, description="The same number of every label; without LABEL=N.")
    seed: Seed = 0
    sampling_steps: int | None = Field(
        None,
        ge=2,
        le=1000,
        description="Noise levels per row (with --window; default 16), or of a published model.",
    )
    sampler: str | None = Field(
        None, description="Published models: learned (default), heun, dpm++2m, ddim, ancestral or ddpm."
    )
    guidance: float | None = Field(
        None,
        ge=0,
        le=limits.GUIDANCE,
        description="Weight of guidance towards the label; needs 'train --label-dropout'; default: the model's.",
    )
    window: int | None = Field(
        None,
        ge=1,
        le=limits.LENGTH,
        description="Rows that are noisy at once; more than the default 1 (exact) is approximate.",
    )
    length: int | None = Field(
        None,
        ge=1,
        le=limits.DRAWN_LENGTH,
        description="Rows of a trace at most; beyond the model's by a window that slides; default: the model's.",
    )
    protocol: Literal["tcp", "udp"] | None = Field(None, description="Packets: flows of 'tcp' or 'udp' alone.")
    packets: Annotated[Packets | None, Entry("N|all", parse=parse_packets)] = Field(
        None,
        description="Packets: flows end after N packets; 'all': only whole flows (train --whole) will do; "
        "default: as the model draws them.",
    )

    prompt: str | None = Field(
        None, max_length=2000, description="Prompts: a text that says what to draw, e.g. 'web, tcp, 20 packets'."
    )
    negative: str | None = Field(None, max_length=2000, description="Prompts: a text that says what not to draw.")
    control: str | None = Field(
        None, description="Prompts: a capture whose flows say which bits are there ('train --control')."
    )
    base: str | None = Field(
        None, description="Prompts: where the base of the model's adapters lies; default: where it was in training."
    )

    @property
    def said(self) -> JsonObject:
        """The options as an output names them: those of prompts and sessions alone where they are given."""
        unsaid = {name for name in ("prompt", "negative", "control", "base", "sessions") if getattr(self, name) is None}
        return self.model_dump(exclude=unsaid)

    @property
    def of_prompts(self) -> list[str]:
        """The options that are given and that only a model of prompts has."""
        given = {"prompt": self.prompt, "negative": self.negative, "control": self.control}
        return [name for name, value in given.items() if value is not None]

    @property
    def most(self) -> int | None:
        """Packets of a flow at most, where a number was named."""
        return self.packets if isinstance(self.packets, int) else None

    @model_validator(mode="after")
    def _can_be(self) -> GenerateConfig:
        check_counts(self.count)
        for name in ("count", "protocol", "length"):
            exclusive(sessions=self.sessions is not None, **{name: name in self.model_fields_set})
        if self.balance and isinstance(self.count, dict):
            raise InputError("--balance, or counts of labels", "both", "leave one of them out")
        if self.prompt is not None and (self.balance or isinstance(self.count, dict)):
            given = "--balance" if self.balance else "--count LABEL=N"
            raise InputError("--prompt with --count N", f"--prompt with {given}", "leave one of them out")
        return self
