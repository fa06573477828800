"""Rules of the code that no linter knows: typed manifests, models that only models/ tells apart, and sizes."""

import ast
from collections.abc import Callable
from functools import cache
from pathlib import Path

from size_exceptions import LONG, WIDE

PACKAGE = Path(__file__).parents[1] / "src" / "netdiffus"
ROOT = PACKAGE.parents[1]
FOLDERS = ("src", "bench", "examples", "fuzz", "tests", "tools")
FILE_LINES, FUNCTION_LINES, PARAMETERS = 300, 40, 7
JSON = ("to_json", "from_json", "to_dict", "from_dict")
"""How functions are called whose plain values are on their way to a file, or from one."""
UNTYPED = {"dict", "Mapping", "Dict", "MutableMapping"}
NAMES = {"rows", "unet", "imported", "bits", "fields", "series", "gasf", "packets", "images"}
"""Networks, what is diffused, and kinds of codecs."""
ASKED = {"network", "image", "backend", "kind", "codec"}
"""Attributes and keys that hold one of NAMES."""


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def untyped(tree: ast.AST, inside: bool = False) -> list[int]:
    """Lines with dict[str, Any] or Mapping[str, Any], but in functions to and from JSON."""
    found = []
    for node in ast.iter_child_nodes(tree):
        here = inside or (isinstance(node, ast.FunctionDef) and node.name.endswith(JSON))
        if (
            isinstance(node, ast.Subscript)
            and not here
            and ast.unparse(node).replace("typing.", "") in {f"{name}[str, Any]" for name in UNTYPED}
        ):
            found.append(node.lineno)
        found += untyped(node, here)
    return found


def narrowing(tree: ast.AST) -> list[int]:
    """Lines with an assert: python -O would leave them out."""
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]


def branches(tree: ast.AST) -> list[int]:
    """Lines that compare a network, an image or a kind of codec with one of NAMES, or look for a codec's keys."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        parts = [part for side in sides for part in ast.walk(side)]
        texts = {part.value for part in parts if isinstance(part, ast.Constant)}
        asked = {part.attr for part in parts if isinstance(part, ast.Attribute)}
        asked |= {part.id for part in parts if isinstance(part, ast.Name)}
        asked |= {
            part.slice.value
            for part in parts
            if isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Constant)
        }
        if texts & NAMES and asked & ASKED:
            found.append(node.lineno)
    return found


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def faults(rule: Callable[[ast.AST], list[int]], paths: list[Path]) -> dict[str, list[int]]:
    """The lines that break a rule, by file."""
    found = {str(path.relative_to(PACKAGE)): rule(parsed(path)) for path in paths}
    return {name: lines for name, lines in found.items() if lines}


def test_plain_values_stay_at_the_edge() -> None:
    assert faults(untyped, modules()) == {}


def test_only_models_tell_networks_apart() -> None:
    assert faults(branches, [path for path in modules() if not path.is_relative_to(PACKAGE / "models")]) == {}


def test_nothing_depends_on_asserts() -> None:
    assert faults(narrowing, modules()) == {}


def functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body; the docstring does not count."""
    start = function.body[0].lineno
    if ast.get_docstring(function, clean=False) is not None:
        start = (function.body[0].end_lineno or start) + 1
    return (function.end_lineno or start) - start + 1


def parameters_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Named parameters of a function, without self and cls."""
    found = function.args
    named = [argument.arg for argument in (*found.posonlyargs, *found.args, *found.kwonlyargs)]
    return len(named) - (named[:1] in (["self"], ["cls"]))


def too_large(measure: Callable[[ast.FunctionDef | ast.AsyncFunctionDef], int], most: int) -> dict[str, int]:
    """Functions of the repository, FILE::NAME, that measure more than `most`."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for function in functions(parsed(path)):
                if measure(function) > most:
                    found[f"{path.relative_to(ROOT)}::{function.name}"] = measure(function)
    return found


def test_files_are_short() -> None:
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {name: count for name, count in lines.items() if count > FILE_LINES} == {}


def test_functions_are_short_or_say_why() -> None:
    found = too_large(lines_of, FUNCTION_LINES)
    assert {name: found[name] for name in found.keys() - LONG.keys()} == {}
    assert LONG.keys() - found.keys() == set(), "these are short by now: take them off the list"


def test_functions_take_few_parameters_or_say_why() -> None:
    found = too_large(parameters_of, PARAMETERS)
    assert {name: found[name] for name in found.keys() - WIDE.keys()} == {}
    assert WIDE.keys() - found.keys() == set(), "these are narrow by now: take them off the list"


def test_the_lint_sees_a_fault() -> None:
    long = functions(
        ast.parse('def f(self, a, *, b):\n    """One.\n\n    Two.\n    """\n    return (\n        1\n    )')
    )[0]
    assert (lines_of(long), parameters_of(long)) == (3, 2)
    assert untyped(ast.parse("def f(x: dict[str, Any]) -> None: ...")) == [1]
    assert untyped(ast.parse("def to_json(x) -> dict[str, Any]: ...")) == []
    assert branches(ast.parse('if config.network == "unet": ...')) == [1]
    assert branches(ast.parse('if card.codec["codec"] in ("bits",): ...')) == [1]
    assert branches(ast.parse('if kind == "bits": ...')) == [1]
    assert branches(ast.parse('if "gap_ns" in codec.channels: ...')) == []
    assert narrowing(ast.parse("assert codec is not None")) == [1]
