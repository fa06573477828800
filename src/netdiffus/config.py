"""The base of every step's configuration: frozen, strict, unknown keys are errors, and errors in one line."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from netdiffus.errors import InputError
from netdiffus.manifest import first_fault


class Config(BaseModel):
    """A step's options."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def of(cls, **options: Any) -> Self:
        """The configuration with these options.

        Raises:
            InputError: an option that does not exist, a value out of its range, or options that exclude each other.
        """
        try:
            return cls(**options)
        except ValidationError as error:
            where, words, got = first_fault(error)
            if not where and error.errors()[0]["type"] == "extra_forbidden":
                raise InputError(f"an option among {', '.join(cls.model_fields)}", got, "correct its name") from None
            name = ".".join(where) or "options"
            raise InputError(f"{name} {words}", got, f"correct {name}") from None


def exclusive(**given: bool) -> None:
    """Raise InputError if more than one of these options, named with underscores, is given."""
    named = [f"--{name.replace('_', '-')}" for name, is_given in given.items() if is_given]
    if len(named) > 1:
        raise InputError(f"{' or '.join(named)}", "both" if len(named) == 2 else "all", "leave one of them out")
