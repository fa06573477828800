"""Imports point down only, and neighbours on one level do not import each other (docs/data-flow.md)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "netdiffus"
LEVELS = [
    {"cli"},
    {"studio"},
    {"api"},
    {"cluster"},
    {"steps", "report"},
    {"models"},
    {"store"},
    {"imaging", "diffusion", "metrics", "baselines", "privacy"},
    {"compiler"},
    {"traffic", "recordings"},
    {"wire"},
    {"config"},
    {"manifest"},
    {"errors", "limits", "text", "version", "arrays", "spread"},
]
LEVEL = {name: depth for depth, names in enumerate(LEVELS) for name in names}
DOORS = {"__init__", "__main__"}
# What only some layers may load: the rest stays light, and the maths stays arrays in, arrays out.
# In metrics that is one file, which the learned metric loads when it runs.
LEARNED = PACKAGE / "metrics" / "cnn.py"
ONLY_IN = {
    "torch": {"diffusion", "models", "store"},
    "matplotlib": {"report"},
    "typer": {"cli"},
    "rich": {"cli"},
    "fastapi": {"studio"},
    "starlette": {"studio"},
    "uvicorn": {"studio"},
    "dp_accounting": {"privacy"},
    "ray": {"cluster"},
    "pyarrow": {"store"},
    "diffusers": {"models"},
    "transformers": {"models"},
    "peft": {"models"},
    "accelerate": {"models"},
}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def layer(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide which layer they reach"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def faults(path: Path, names: set[str]) -> list[str]:
    here = layer(path)
    found = []
    for name in names:
        top, _, rest = name.partition(".")
        if top == "netdiffus" and here not in DOORS:
            there = rest.split(".")[0]
            if there in LEVEL and there != here and LEVEL[there] <= LEVEL[here]:
                found.append(f"{here} imports {there}")
        if top in ONLY_IN and here not in ONLY_IN[top] and not (top == "torch" and path == LEARNED):
            found.append(f"{here} imports {top}")
    return found


def test_every_module_belongs_to_a_layer() -> None:
    assert {layer(path) for path in modules()} <= set(LEVEL) | DOORS


def test_imports_point_down() -> None:
    found = {str(path.relative_to(PACKAGE)): faults(path, imported(path)) for path in modules()}
    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.parametrize("room", ["sources", "outputs"])
def test_the_rooms_of_steps_lie_below_the_verbs(room: str) -> None:
    for path in (PACKAGE / "steps" / room).glob("*.py"):
        steps = {name for name in imported(path) if name.startswith("netdiffus.steps.")}
        assert all(name.startswith(f"netdiffus.steps.{room}.") for name in steps), path


def test_the_inputs_of_an_evaluation_know_no_verb_but_prepare() -> None:
    for path in (PACKAGE / "steps" / "inputs").glob("*.py"):
        steps = {name.split(".")[2] for name in imported(path) if name.startswith("netdiffus.steps.")}
        assert steps <= {"inputs", "sources", "prepare"}, path


def test_the_test_sees_a_fault() -> None:
    assert faults(PACKAGE / "wire" / "x.py", {"netdiffus.traffic.flows.reader"}) == ["wire imports traffic"]
    assert faults(PACKAGE / "imaging" / "x.py", {"netdiffus.diffusion.edm"}) == ["imaging imports diffusion"]
    assert faults(PACKAGE / "metrics" / "x.py", {"torch.nn"}) == ["metrics imports torch"]
    assert faults(PACKAGE / "models" / "x.py", {"netdiffus.store.model", "torch"}) == []
    assert faults(PACKAGE / "steps" / "x.py", {"netdiffus.models.rows", "torch"}) == ["steps imports torch"]
    assert faults(LEARNED, {"torch.nn", "netdiffus.errors"}) == []


def test_metrics_load_torch_when_they_need_it_only() -> None:
    program = "import sys, netdiffus.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


COMMANDS = "netdiffus.cli.main, netdiffus.models.backends, netdiffus.steps.generate, netdiffus.steps.train"
METRICS = ("sklearn", "scipy.stats", "pandas")
"""scikit-learn, scipy.stats and pandas take longer to import than torch does."""
PROMPTS = ("diffusers", "transformers", "peft", "accelerate")


def test_training_and_drawing_load_no_libraries_of_others() -> None:
    """Neither those of metrics nor those of prompts; and no verb loads Ray before --ray asks for it."""
    program = (
        f"import sys, {COMMANDS}; print(*{ {*METRICS, *PROMPTS} } & sys.modules.keys()); "
        "import netdiffus.api.verbs, netdiffus.cli.generate; print(*{'ray'} & sys.modules.keys())"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["", ""]
