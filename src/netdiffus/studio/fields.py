"""Fields of a form, built from the same declarations as the options of the command line (config.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from netdiffus.config import Config, base_type, bounds_of, entry_of
from netdiffus.errors import InputError

SWITCH, INTEGER, NUMBER, CHOICE, TEXT = "switch", "integer", "number", "choice", "text"
Entered = Mapping[str, Sequence[str]]
"""A form as it was sent: name → values."""


@dataclass(frozen=True)
class FormField:
    """One option.

    Attributes:
        kind: how it is entered: one of SWITCH, INTEGER, NUMBER, CHOICE, TEXT.
        value: what is entered already; a switch is on if it is "on".
        default: what holds if nothing is entered, as text; "" where the help says it.
        choices: the words of a CHOICE.
    """

    name: str
    kind: str
    help: str
    value: str
    default: str
    choices: tuple[str, ...]
    low: float | None
    high: float | None

    @property
    def option(self) -> str:
        """Its name on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.name.replace("_", " ")


def form_fields(kind: type[Config], names: Sequence[str], entered: Entered) -> list[FormField]:
    """The fields of a configuration with these names, filled in with what was entered."""
    return [_field(name, kind.model_fields[name], entered) for name in names]


def values_of(kind: type[Config], names: Sequence[str], entered: Entered) -> dict[str, object]:
    """The values that were entered and are not the default, by name.

    Raises:
        InputError: a number that is none, or a text that its field cannot be read from.
    """
    found = {}
    for name in names:
        field = kind.model_fields[name]
        texts = [text.strip() for text in entered.get(name, ()) if text.strip()]
        if texts and (value := _value(name, field, texts)) != field.default:
            found[name] = value
    return found


def options_of(kind: type[Config], names: Sequence[str], entered: Entered) -> list[str]:
    """The same as options of the command line, e.g. ["--packets", "32", "--strict"]."""
    values = values_of(kind, names, entered)
    arguments: list[str] = []
    for name in values:
        field = kind.model_fields[name]
        form = _field(name, field, entered)
        if form.kind == SWITCH:
            off = base_type(field) is bool and field.default is True
            arguments.append(f"--no-{form.option[2:]}" if off else form.option)
            continue
        for text in entered[name] if entry_of(field).many else [entered[name][0]]:
            if text.strip():
                arguments += argument(form.option, text.strip())
    return arguments


def argument(option: str, value: str) -> list[str]:
    """An option with its value; one that begins with a dash is joined to it."""
    return [f"{option}={value}"] if value.startswith("-") else [option, value]


def _field(name: str, field: FieldInfo, entered: Entered) -> FormField:
    entry, bounds = entry_of(field), dict(bounds_of(field))
    kind, default = _kind(field), _default(field)
    value = next(iter(entered.get(name, ())), "")
    help_text = entry.off or field.description or ""
    return FormField(name, kind, help_text, value, default, _choices(field), bounds.get("min"), bounds.get("max"))


def _kind(field: FieldInfo) -> str:
    entry, base = entry_of(field), base_type(field)
    if base is bool or entry.switch is not None:
        return SWITCH
    if entry.parse is not None:
        return TEXT
    if get_origin(base) is Literal:
        return CHOICE
    return {int: INTEGER, float: NUMBER}.get(base, TEXT)


def _choices(field: FieldInfo) -> tuple[str, ...]:
    base = base_type(field)
    return tuple(map(str, get_args(base))) if get_origin(base) is Literal else ()


def _default(field: FieldInfo) -> str:
    shown, default = entry_of(field).shown, field.default
    if entry_of(field).parse is not None:
        return shown or ""
    if isinstance(default, bool) or default is None or isinstance(default, list):
        return ""
    return f"{default:g}" if isinstance(default, float) else str(default)


def _value(name: str, field: FieldInfo, texts: Sequence[str]) -> Any:
    entry, kind = entry_of(field), _kind(field)
    if kind == SWITCH:
        return entry.switch if entry.switch is not None else not field.default
    if entry.parse is not None:
        return entry.parse(list(texts) if entry.many else texts[0])
    if kind in (INTEGER, NUMBER):
        try:
            return int(texts[0]) if kind == INTEGER else float(texts[0])
        except ValueError:
            article = "a whole number" if kind == INTEGER else "a number"
            raise InputError(f"{article} for {name.replace('_', ' ')}", repr(texts[0][:40]), "correct it") from None
    return list(texts) if get_origin(base_type(field)) is list else texts[0]
