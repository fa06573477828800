"""What can be chosen of a training with differential privacy, and what it does not go with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from netdiffus import limits
from netdiffus.config import Config, Entry
from netdiffus.errors import InputError
from netdiffus.manifest import Text, shown

LOOKS = "it would look at the private traces once more, and nobody pays for that"
NO_STEPS = "private tables are counted, not trained in steps"
LATER = "packets behind the first ones have no noisy counts"
UNPAID = {
    "patience": LOOKS, "validation": LOOKS, "scale": LOOKS, "classes": LOOKS, "coarse": LOOKS, "contexts": LOOKS,
    "steps": NO_STEPS, "minutes": NO_STEPS, "balance": NO_STEPS, "label_dropout": NO_STEPS, "whole": LATER,
    "shifts": "a copy of a flow counts once more",
}  # fmt: skip
"""What `--epsilon` does not go with, and why."""
TRACES = ("gasf", "series")
"""Images of what public traces can begin."""


class PrivacyOptions(Config):
    """Of the guarantee."""

    epsilon: float | None = Field(
        None,
        ge=limits.EPSILON[0],
        le=limits.EPSILON[1],
        description="Traces and first packets: train with differential privacy, of this epsilon (docs/privacy.md).",
    )
    delta: float | None = Field(
        None,
        ge=limits.DELTA[0],
        le=limits.DELTA[1],
        description="Delta of --epsilon; default: 1/(10 n), n rounded up to a power of ten.",
    )
    unit: Annotated[Literal["flow", "group"] | None, Entry()] = Field(
        None, description="What --epsilon protects: every 'flow' (default), or all flows of every 'group'."
    )
    most_per_group: int | None = Field(
        None, ge=1, le=limits.MOST_PER_GROUP, description="With --unit group: flows of a group that count (default 4)."
    )
    public: Annotated[Text | None, Entry("DATASET|recordings")] = Field(
        None,
        min_length=1,
        description="With --epsilon: public traces to begin from, a dataset folder or the 'recordings' of the package.",
    )

    @model_validator(mode="after")
    def _keeps_its_guarantee(self) -> PrivacyOptions:
        if self.epsilon is None:
            given = [name for name in ("delta", "unit", "most_per_group", "public") if getattr(self, name) is not None]
            if given:
                raise InputError(f"--epsilon with --{given[0].replace('_', '-')}", "none", "name --epsilon too")
            return self
        if self.most_per_group is not None and self.unit != "group":
            raise InputError("--unit group with --most-per-group", "--unit flow", "leave one of them out")
        return self


def check_private(preset: str, backend: str, chosen: Mapping[str, object]) -> None:
    """Raise InputError for what `--epsilon` does not go with.

    Args:
        backend: of the preset. chosen: options by name.
    """
    if backend != "rows":
        raise InputError(
            "--preset default or tiny with --epsilon", f"{preset}, whose published training keeps no guarantee",
            "choose another preset, or leave --epsilon out",
        )  # fmt: skip
    if chosen.get("image") not in (None, *TRACES) and "public" in chosen:
        raise InputError(
            f"--image {' or '.join(TRACES)} with --public", f"--image {shown(chosen['image'])}",
            "leave --public out: of packets, what is public is enumerated",
        )  # fmt: skip
    for name, why in UNPAID.items():
        if name in chosen:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"--epsilon without {option}", f"both: {why}", "leave one of them out")
