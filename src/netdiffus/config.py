"""The base of every step's configuration: frozen, strict, unknown keys are errors, and errors in one line.

A field declares an option once: its type, default, range and help text. Command lines and forms are built from that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Self, Union, get_args, get_origin

from annotated_types import Ge, Le, Lt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from netdiffus import limits
from netdiffus.errors import InputError
from netdiffus.manifest import first_fault

Seed = Annotated[int, Field(ge=0, le=limits.SEED, description="Seed of every random draw.")]
"""Of every configuration that draws."""


@dataclass(frozen=True)
class Entry:
    """How a field is entered as text, where its type does not say it: part of the field's `Annotated` type.

    Attributes:
        metavar: what stands for the value in help texts, e.g. "LOW,HIGH".
        shown: the default as text; None: the description says what holds without a value.
        parse: reads the text as a value, or raises InputError; None: the text is one of the field's type.
        many: `parse` takes a list of texts, because the option may be repeated.
        off: the help text of a switch that turns the field off, of a bool that is on by default.
        switch: the value that a switch turns on, of a field that is no bool.
    """

    metavar: str | None = None
    shown: str | None = None
    parse: Callable[[Any], object] | None = None
    many: bool = False
    off: str | None = None
    switch: object = None


BELOW = 0.01
"""A range of options is closed: below 1 means up to 0.99."""


def entry_of(field: FieldInfo) -> Entry:
    """How a field is entered; where nothing is said, as its type and its default say."""
    return next((each for each in field.metadata if isinstance(each, Entry)), Entry(shown="default"))


def base_type(field: FieldInfo) -> Any:
    """The type of a field, without None."""
    union = get_origin(field.annotation) in (Union, UnionType)
    return get_args(field.annotation)[0] if union else field.annotation


def bounds_of(field: FieldInfo) -> Iterator[tuple[str, Any]]:
    """The ends of a field's range, "min" and "max", both inclusive."""
    for bound in field.metadata:
        if isinstance(bound, Ge):
            yield "min", bound.ge
        elif isinstance(bound, Le):
            yield "max", bound.le
        elif isinstance(bound, Lt):
            yield "max", bound.lt - BELOW  # type: ignore[operator]


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
