"""Manifests: the JSON files at the head of folders and beside files, read as untrusted input.

The bytes, the number of values and the nesting are bounded before anything is built; NaN and infinity, which are no
JSON, are refused. What comes out is plain values, which a typed `Manifest` then checks.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic_core import from_json

from netdiffus import limits
from netdiffus.errors import InputError

Value = TypeVar("Value")
JsonObject = dict[str, JsonValue]
"""An object of JSON whose keys and values are not known yet; what is read of it becomes a `Manifest`."""
SHOWN = 60
"""Characters of an offending value in a message."""


def read_manifest(path: Path, action: str) -> Any:
    """The plain values of a JSON file.

    Args:
        path: of an existing file.
        action: what the user can do if it is not as expected.

    Raises:
        InputError: it is too large, holds too many values, is nested deeper than about 200 levels, or is no JSON.
    """
    with path.open("rb") as file:
        raw = file.read(limits.MANIFEST_BYTES + 1)
    return parse_manifest(raw, str(path), action)


def parse_manifest(raw: bytes, name: str, action: str) -> Any:
    """The same from bytes; `name` says in errors where they come from."""
    check_size(raw, name, action)
    try:
        return from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise InputError(f"JSON in {name}", str(error), action) from None


def check_size(raw: bytes, name: str, action: str) -> None:
    """Raise InputError unless a manifest of these bytes may be read."""
    if len(raw) > limits.MANIFEST_BYTES:
        raise InputError(f"at most {limits.MANIFEST_BYTES:,} bytes of JSON in {name}", "more", action)
    if (commas := raw.count(b",")) > limits.MANIFEST_VALUES:
        raise InputError(f"at most {limits.MANIFEST_VALUES:,} values in {name}", f"about {commas:,}", action)


class Manifest(BaseModel):
    """An object of a manifest: unknown keys, other types, NaN and infinity are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def of(cls, data: object, name: str, action: str = "make the file again") -> Self:
        """The typed form of plain values.

        Args:
            data: what `read_manifest` returned, or a part of it.
            name: of that part, for errors.

        Raises:
            InputError: names the first value that is not as it must be.
        """
        return checked(lambda: cls.model_validate(data), name, action)


BRANCHES = ("constrained-int", "literal[")
"""How pydantic names the types of a union in the place of a fault; who reads of it knows none of them."""


def checked(validate: Callable[[], Value], name: str, action: str) -> Value:
    """What `validate` returns.

    Raises:
        InputError: instead of pydantic's ValidationError.
    """
    try:
        return validate()
    except ValidationError as error:
        where, words, got = first_fault(error)
        raise InputError(f"{'.'.join([name, *where])} {words}", got, action) from None


def first_fault(error: ValidationError) -> tuple[list[str], str, str]:
    """Where the first fault lies, what was expected there, and what came, in a few words."""
    first = error.errors(include_url=False)[0]
    where = [str(part)[:SHOWN] for part in first["loc"] if not str(part).startswith(BRANCHES)]
    kind, said = first["type"], first["msg"]
    if kind == "missing":
        return where, "to be there", "nothing"
    if kind == "extra_forbidden":
        return where[:-1], "without unknown keys", where[-1]
    if kind in ("value_error", "assertion_error"):  # said by one of our own validators
        return where, str(first["ctx"]["error"]), "other values"
    said = said.removeprefix("Input should be ").removeprefix("Value should ")
    return where, said, shown(first["input"])


def shown(value: object) -> str:
    """A value in at most SHOWN characters, whatever it is."""
    if isinstance(value, list | dict | tuple | set):
        return f"{type(value).__name__} of {len(value):,}"
    if isinstance(value, int) and abs(value) >= 10**SHOWN:
        return "a number of more than 60 digits"
    text = repr(value[:SHOWN] if isinstance(value, str | bytes) else value)
    return text if len(text) <= SHOWN + 4 else text[:SHOWN] + "..."


def _bounded(text: str) -> str:
    if len(text) > limits.TEXT:
        raise InputError(
            f"names and labels of at most {limits.TEXT:,} characters",
            f"one of {len(text):,}, which begins with {text[:20]!r}",
            "shorten it",
        )
    return text


def _few(labels: dict[str, Value]) -> dict[str, Value]:
    if len(labels) > limits.LABELS:
        raise InputError(f"at most {limits.LABELS:,} labels", f"{len(labels):,}", "name the right column of labels")
    return labels


Text = Annotated[str, AfterValidator(_bounded)]
"""A name of bounded length."""
Count = Annotated[int, Field(ge=0, lt=limits.INTEGER)]
Whole = Annotated[int, Field(ge=-limits.INTEGER, lt=limits.INTEGER)]
Labels = Annotated[dict[Text, Value], AfterValidator(_few)]
"""What is known of each label."""
