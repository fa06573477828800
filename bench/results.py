"""docs/results.md: one section a benchmark, replaced whole when the benchmark runs again."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

PAGE = Path(__file__).parents[1] / "docs" / "results.md"
HEAD = """# Results

Every figure here was measured by a script in `bench/`; each section names the command that measures it again. Ratios
travel between machines, absolute times do not.
"""


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def write_section(name: str, title: str, body: str) -> None:
    """Put a section into the page under its title, with command, date, commit and machine; print it too."""
    section = f"## {title}\n\n`python -m bench {name}`, {place()}.\n\n{body.strip()}\n"
    print(section)
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else HEAD
    sections = re.split(r"(?m)^(?=## )", page)
    kept = [part.strip() + "\n" for part in sections if not part.startswith(f"## {title}\n")]
    PAGE.write_text("\n".join([kept[0], *sorted([*kept[1:], section])]), encoding="utf-8")


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Mean and standard deviation of draws."""
    return f"{fmean(values):.{digits}f} ± {stdev(values) if len(values) > 1 else 0:.{digits}f}"


def place() -> str:
    """When, with which code and where something is measured."""
    return f"{datetime.date.today()}, commit {commit()}, {machine()}"


def machine() -> str:
    """The processor and the number of cores this process may use."""
    model = platform.processor() or "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{len(os.sched_getaffinity(0))} cores of {model}, Python {platform.python_version()}"


def commit() -> str:
    """The commit of the checkout, "-dirty" where anything but this page was changed since."""
    asked = (
        ["git", "rev-parse", "--short", "HEAD"],
        ["git", "diff", "--quiet", "HEAD", "--", ".", f":(exclude){PAGE}"],
    )
    head, changed = (
        subprocess.run(command, cwd=PAGE.parents[1], capture_output=True, text=True, check=False) for command in asked
    )
    return (head.stdout.strip() or "unknown") + "-dirty" * (changed.returncode == 1)
