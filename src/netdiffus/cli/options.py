"""Options of commands, built from the fields of configurations: types, defaults, ranges and help stand there."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_origin

import typer
from pydantic.fields import FieldInfo

from netdiffus.config import Config, base_type, bounds_of, entry_of

_ADDRESS = re.compile(r"auto|local|[^/\s-][^/\s]*:[0-9]+|ray://.*")
Command = TypeVar("Command", bound=Callable[..., None])

ModelOut = Annotated[
    Path,
    typer.Option(
        metavar="MODEL", help="The model folder to write; only a model of netdiffus is replaced.", show_default=False
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="[ADDRESS]",
        help="Use the machines of a Ray cluster: HOST:PORT, 'local', or without a value what RAY_ADDRESS names, else "
        "this machine (docs/scale.md). Its machines share a folder, or an object store (s3://, gs://).",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def with_options(kind: type[Config], *names: str) -> Callable[[Command], Command]:
    """Replace the `**options` of a command by an option for each field of a configuration.

    Args:
        names: of the fields that are offered, in order; none: all. A field that the command already has is left out, so
            that several configurations can share one.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        parameters = list(signature.parameters.values())
        own = [parameter for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
        there = {parameter.name for parameter in own}
        added = [_parameter(name, kind.model_fields[name]) for name in names or kind.model_fields if name not in there]
        every = [*own, *added]
        command.__signature__ = signature.replace(parameters=every)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in every} | {"return": None}
        return command

    return decorate


def with_ray_address(arguments: Sequence[str]) -> list[str]:
    """A command line in which --ray without an address says "auto", so that what follows it is not taken for one."""
    found = []
    for argument, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        is_bare = argument == "--ray" and not _ADDRESS.fullmatch(following)
        found.append("--ray=auto" if is_bare else argument)
    return found


def given(context: typer.Context) -> set[str]:
    """Names of the parameters that stand on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def chosen(context: typer.Context, kind: type[Config]) -> dict[str, object]:
    """The fields of a configuration that the command line sets, with their values.

    Raises:
        InputError: a text that its field cannot be read from.
    """
    names = given(context)
    return {name: _value(context.params[name], field) for name, field in kind.model_fields.items() if name in names}


def _value(entered: Any, field: FieldInfo) -> object:
    entry = entry_of(field)
    if entry.parse is not None:
        return entry.parse(entered)
    if base_type(field) is bool:
        return not field.default
    return entered if entry.switch is None else entry.switch


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    entry, bounds = entry_of(field), dict(bounds_of(field))
    option, default = _option_type(field), _default(field)
    switch = option is bool
    declared = [f"--{'no-' if switch and field.default is True else ''}{name.replace('_', '-')}"] if switch else []
    if default is None:
        option = option | None
    numeric = option in (int, float, int | None, float | None)
    setting = typer.Option(
        *declared, help=entry.off or field.description, metavar=entry.metavar, show_default=default is not None,
        min=bounds.get("min") if numeric else None, max=bounds.get("max") if numeric else None,
    )  # fmt: skip
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if field.is_required() else default,
        annotation=Annotated[option, setting],
    )


def _option_type(field: FieldInfo) -> Any:
    """What typer is told: texts are checked by the field's own type, and a list is an option that may be repeated."""
    entry, base = entry_of(field), base_type(field)
    if base is bool or entry.switch is not None:
        return bool
    if entry.many or (entry.parse is None and get_origin(base) is list):
        return list[str]
    return str if entry.parse is not None or get_origin(base) is Literal else base


def _default(field: FieldInfo) -> Any:
    """What help shows; what is not entered keeps the field's own default."""
    entry = entry_of(field)
    if _option_type(field) is bool:
        return False
    if entry.parse is not None or entry.shown is None:
        return entry.shown
    return None if isinstance(field.default, list) else field.default
