"""Installs each distribution of a folder into a fresh environment, and runs it there, away from the checkout.

python tools/check_distributions.py dist
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
CONTENTS = """
import sys
from importlib.metadata import files
from netdiffus import recordings
expected = {"netdiffus/py.typed", "netdiffus/metrics/README.md", "netdiffus/recordings/LICENSE"}
expected |= {"netdiffus/studio/templates/base.html.j2", "netdiffus/studio/static/studio.css"}
if missing := expected - {str(file) for file in files("netdiffus")}:
    sys.exit(f"not in the distribution: {missing}")
print(recordings.folder() / recordings.labels()[0])
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command and return what it prints; a failure ends the check with its output."""
    ended = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{' '.join(map(str, command))}\nexit code {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def check(distribution: Path) -> None:
    """Install a wheel or source distribution, look at its files, and prepare a dataset of one shipped recording."""
    with tempfile.TemporaryDirectory(prefix="netdiffus-release-") as name:
        folder = Path(name)
        run(sys.executable, "-m", "venv", "environment", cwd=folder)
        programs = folder / "environment" / "bin"
        quiet = ("--quiet", "--disable-pip-version-check", "-c", CONSTRAINTS)
        run(programs / "python", "-m", "pip", "install", *quiet, distribution, cwd=folder)
        capture = run(programs / "python", "-c", CONTENTS, cwd=folder).strip()
        run(programs / "netdiffus", "--help", cwd=folder)
        version = run(programs / "netdiffus", "--version", cwd=folder).strip()
        run(programs / "netdiffus", "prepare", capture, "--out", "dataset", cwd=folder)
        print(f"{distribution.name}: {version} installs, and prepares a dataset")


def main() -> None:
    """Check what the folder holds: one wheel and one source distribution."""
    folder = Path(sys.argv[1]).resolve()
    found = sorted(path for path in folder.iterdir() if path.name.endswith((".whl", ".tar.gz")))
    if sorted(path.suffix for path in found) != [".gz", ".whl"]:
        sys.exit(f"expected one wheel and one source distribution in {folder}; got {[path.name for path in found]}")
    for distribution in found:
        check(distribution)


if __name__ == "__main__":
    main()
