"""What a form orders: the command line that it stands for, checked as the command would check it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netdiffus.config import Config
from netdiffus.errors import InputError
from netdiffus.models.counts import check_counts
from netdiffus.models.options import OF_PROMPTS, OFFERED, RowOptions, train_options
from netdiffus.models.prompt_options import PROMPT, PromptOptions
from netdiffus.steps.evaluate_config import EvaluateConfig
from netdiffus.steps.outputs.capture_config import CaptureConfig, is_capture_name
from netdiffus.steps.outputs.generate_config import GenerateConfig
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.studio.fields import Entered, FormField, argument, form_fields, options_of, values_of
from netdiffus.studio.workspace import Workspace

PREPARE = [name for name in PrepareConfig.model_fields if name not in ("labels", "unlabelled", "columns")]
TRAIN = [name for name in OFFERED if name not in ("preset", "image", "public")]
"""A form asks for the first two itself; the last may be a path outside of a workspace."""
TRAIN_PROMPTS = [name for name in OF_PROMPTS if name not in ("base", "prompts")]
"""Without two that are paths outside of a workspace."""
CAPTURE = list(CaptureConfig.model_fields)
ASKED = ("count", "balance", "sessions", "prompt", "negative")
"""What the form asks for itself, as far as the model can draw so."""
GENERATE = [name for name in GenerateConfig.model_fields if name not in (*ASKED, "control", "base")]
"""Without two that are paths outside of a workspace."""
EVALUATE = list(EvaluateConfig.model_fields)


@dataclass(frozen=True)
class Order:
    """A command line, the verb first, and what it writes relative to the workspace."""

    arguments: list[str]
    result: str


def fields_of(verb: str, entered: Entered) -> list[FormField]:
    """The options of a verb that its form shows below its own questions."""
    match verb:
        case "prepare":
            return form_fields(PrepareConfig, PREPARE, entered)
        case "train":
            return form_fields(RowOptions, TRAIN, entered)
        case "prompts":
            return form_fields(PromptOptions, TRAIN_PROMPTS, entered)
        case "generate":
            return form_fields(GenerateConfig, GENERATE, entered)
        case "capture":
            return form_fields(CaptureConfig, CAPTURE, entered)
    return form_fields(EvaluateConfig, EVALUATE, entered)


def order(verb: str, entered: Entered, space: Workspace) -> Order:
    """The command line of a form.

    Raises:
        InputError: something is missing, out of its range, or outside of the workspace.
    """
    if verb not in ORDERS:
        raise InputError(f"a step among {', '.join(ORDERS)}", repr(verb[:40]), "choose one")
    return ORDERS[verb](entered, space)


def _prepare(entered: Entered, space: Workspace) -> Order:
    sources = [_there(space, name) for name in entered.get("source", ()) if name]
    if not sources:
        raise InputError("captures or tables to prepare", "none", "choose some, or drop them on the page")
    labels, out = _first(entered, "labels"), _out(entered, space)
    arguments = [*sources]
    if labels == "unlabelled":
        arguments.append("--unlabelled")
    elif labels == "table":
        arguments += argument("--labels", _there(space, _first(entered, "labels_table")))
    elif labels:
        arguments += argument("--labels", labels)
    if columns := _first(entered, "columns"):
        arguments += argument("--columns", columns)
    arguments += _checked(PrepareConfig, PREPARE, entered)
    return Order(["prepare", *arguments, "--out", out], out)


def _train(entered: Entered, space: Workspace) -> Order:
    dataset, out = _there(space, _first(entered, "dataset")), _out(entered, space)
    usual = str(RowOptions.model_fields["image"].default)
    preset, image = _first(entered, "preset") or "default", _first(entered, "image") or usual
    arguments = [dataset, "--out", out]
    arguments += [] if preset == "default" else ["--preset", preset]
    arguments += [] if image == usual else argument("--image", image)
    chosen: dict[str, object] = {}
    for kind, names in _trained(image):
        chosen |= values_of(kind, names, entered)
        arguments += options_of(kind, names, entered)
    train_options(preset, image=image, **chosen)
    arguments += ["--resume"] if _first(entered, "resume") else []
    return Order(["train", *arguments], out)


def _generate(entered: Entered, space: Workspace) -> Order:
    model, out = _there(space, _first(entered, "model")), _out(entered, space)
    arguments = [model, "--out", out]
    if beginnings := _first(entered, "beginnings"):
        arguments += argument("--continue", _there(space, beginnings))
    elif _first(entered, "sessions"):
        arguments += _checked(GenerateConfig, ["sessions"], entered)
    else:
        arguments += _counted(entered)
    arguments += _checked(GenerateConfig, GENERATE, entered)
    if is_capture_name(Path(out)):
        arguments += _checked(CaptureConfig, CAPTURE, entered)
    return Order(["generate", *arguments], out)


def _counted(entered: Entered) -> list[str]:
    """How many of each label, or in all where a prompt says what to draw.

    Raises:
        InputError: nothing is wanted, or a number is none.
    """
    pairs = zip(entered.get("label", ()), entered.get("count", ()), strict=True)
    counts = {label: _whole(label, number) for label, number in pairs if number.strip() not in ("", "0")}
    if not counts:
        raise InputError("at least one trace to draw", "none of any label", "raise a count")
    check_counts(counts)
    steering = _checked(GenerateConfig, ["prompt", "negative"], entered)
    if _first(entered, "prompt"):
        check_counts(total := sum(counts.values()))
        return ["--count", str(total), *steering]
    return [part for label, number in counts.items() for part in argument("--count", f"{label}={number}")] + steering


def _trained(image: str) -> list[tuple[type[RowOptions] | type[PromptOptions], list[str]]]:
    """Where the options of a training are declared: those that every model has, and those of prompts."""
    shared = [name for name in TRAIN if image == PROMPT and name in PromptOptions.model_fields]
    return [
        (RowOptions, [name for name in TRAIN if name not in shared]),
        (PromptOptions, [*shared, *TRAIN_PROMPTS]),
    ]  # fmt: skip


def _evaluate(entered: Entered, space: Workspace) -> Order:
    real, synthetic = (_there(space, _first(entered, name)) for name in ("real", "synthetic"))
    out = _out(entered, space)
    arguments = [real, synthetic, "--out", out]
    for name in ("test", "model"):
        if path := _first(entered, name):
            arguments += argument(f"--{name}", _there(space, path))
    return Order(["evaluate", *arguments, *_checked(EvaluateConfig, EVALUATE, entered)], out)


def _check(entered: Entered, space: Workspace) -> Order:
    return Order(["check", _there(space, _first(entered, "capture")), "--json"], "")


def _repair(entered: Entered, space: Workspace) -> Order:
    capture, out = _there(space, _first(entered, "capture")), _out(entered, space)
    return Order(["repair", capture, "--out", out, "--json"], out)


ORDERS = {
    "prepare": _prepare, "train": _train, "generate": _generate, "evaluate": _evaluate, "check": _check,
    "repair": _repair,
}  # fmt: skip
"""What makes a command line of a form, by verb."""


def _checked(kind: type[Config], names: Sequence[str], entered: Entered) -> list[str]:
    kind.of(**values_of(kind, names, entered))
    return options_of(kind, names, entered)


def _first(entered: Entered, name: str) -> str:
    return next(iter(entered.get(name, ())), "").strip()


def _there(space: Workspace, name: str) -> str:
    if not name:
        raise InputError("something to work on", "nothing", "choose it")
    return _as_argument(space.name(space.path(name)))


def _out(entered: Entered, space: Workspace) -> str:
    path = space.new(_first(entered, "out"))
    if not path.parent.is_dir():
        raise InputError(f"a folder {path.parent.name} for the result", "none", "enter a name in an existing folder")
    return _as_argument(space.name(path))


def _as_argument(name: str) -> str:
    """A path that cannot be taken for an option, a pattern or standard input."""
    return f"./{name}" if name.startswith("-") else name


def _whole(label: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"a whole number of {label}", repr(text[:40]), "correct it") from None
