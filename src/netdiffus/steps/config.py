"""The base of every step's configuration: frozen, strict, unknown keys are errors, and errors in one line."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from netdiffus.errors import InputError


class Config(BaseModel):
    """A step's options."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @classmethod
    def of(cls, **options: Any) -> Self:
        """The configuration with these options.

        Raises:
            InputError: an option that does not exist, or a value out of its range.
        """
        try:
            return cls(**options)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"]) or "option"
            if first["type"] == "extra_forbidden":
                raise InputError(f"an option among {', '.join(cls.model_fields)}", name, "correct its name") from None
            said = first["msg"].removeprefix("Input should be ")
            raise InputError(f"{name} {said}", repr(first["input"]), f"correct {name}") from None
