"""Rules of the code that no linter knows: typed options and manifests, and models that only models/ tells apart."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "netdiffus"
JSON = ("to_json", "from_json", "to_dict", "from_dict")
"""How functions are called whose plain values are on their way to a file, or from one."""
UNTYPED = {"dict", "Mapping", "Dict", "MutableMapping"}
NAMES = {"rows", "unet", "imported", "bits", "fields", "series", "gasf", "packets", "images"}
"""Networks, what is diffused, and kinds of codecs."""
ASKED = {"network", "image", "backend", "kind", "codec"}
"""Attributes and keys that hold one of NAMES."""
# What other parts of the house still have to type: the list only gets shorter.
NOT_YET = {"metrics/packets.py", "store/account.py", "store/report.py", "store/stream.py", "wire/nprint/packed.py"}


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


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", modules(), ids=name)
def test_plain_values_stay_at_the_edge(path: Path) -> None:
    found = untyped(ast.parse(path.read_text(encoding="utf-8")))
    assert bool(found) == (name(path) in NOT_YET), found


@pytest.mark.parametrize("path", modules(), ids=name)
def test_only_models_tell_networks_apart(path: Path) -> None:
    if path.is_relative_to(PACKAGE / "models"):
        return
    assert branches(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", modules(), ids=name)
def test_nothing_depends_on_asserts(path: Path) -> None:
    assert narrowing(ast.parse(path.read_text(encoding="utf-8"))) == []


def test_the_lint_sees_a_fault() -> None:
    assert untyped(ast.parse("def f(x: dict[str, Any]) -> None: ...")) == [1]
    assert untyped(ast.parse("def to_json(x) -> dict[str, Any]: ...")) == []
    assert branches(ast.parse('if config.network == "unet": ...')) == [1]
    assert branches(ast.parse('if card.codec["codec"] in ("bits",): ...')) == [1]
    assert branches(ast.parse('if kind == "bits": ...')) == [1]
    assert branches(ast.parse('if "gap_ns" in codec.channels: ...')) == []
    assert narrowing(ast.parse("assert codec is not None")) == [1]
