"""docs/results.md: one section per benchmark, under the topic it belongs to, replaced whole when it runs again."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "results.md"
# The page's topics, and the benchmarks whose sections stand under each.
TOPICS = {
    "How useful is synthetic traffic?": (
        "sets",
        "prototype",
        "augmentation",
        "outside",
        "demo",
        "verdicts",
        "ablation",
    ),
    "Are synthetic packets what real stacks send?": (
        "packets",
        "whole",
        "long_flows",
        "client_sessions",
        "sessions",
        "payload",
        "prompts",
    ),
    "How fast is it?": (
        "captures",
        "nprint",
        "encoding",
        "evaluation",
        "published",
        "threads",
        "step",
        "startup",
        "studio",
        "cluster",
    ),
    "What does a private model give away?": ("privacy", "privacy_packets", "privacy_methods"),
    "Can the scores be trusted?": ("coverage", "planted"),
    "What survives damaged input and kills?": ("fuzz", "faults"),
}


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def write_section(name: str, title: str, body: str) -> None:
    """Put a benchmark's section into the page under its topic, with command, date, commit and machine; print it too."""
    text = f"`python -m bench {name}`, {place()}.\n\n{body.strip()}"
    print(f"### {title}\n\n{text}\n")
    PAGE.write_text(placed(PAGE.read_text(encoding="utf-8"), name, title, text), encoding="utf-8")


def placed(page: str, name: str, title: str, text: str) -> str:
    """The page with that section: in place of the old one of its title, else at the end of the benchmark's topic.

    Headings inside the section move one level down.

    Raises:
        KeyError: the page lacks the benchmark's topic, or no topic has the benchmark.
    """
    topic = {each: topic for topic, names in TOPICS.items() for each in names}[name]
    section = f"### {title}\n\n" + re.sub(r"(?m)^###", "####", text).strip() + "\n"
    parts = re.split(r"(?m)^(?=##? )", page)
    where = {part.partition("\n")[0]: index for index, part in enumerate(parts)}[f"## {topic}"]
    head, *sections = re.split(r"(?m)^(?=### )", parts[where])
    old = [index for index, each in enumerate(sections) if each.startswith(f"### {title}\n")]
    sections[old[0] if old else len(sections) :] = [section, *(sections[old[0] + 1 :] if old else [])]
    parts[where] = "\n".join(each.strip() + "\n" for each in (head, *sections)) + "\n"
    return "".join(parts).rstrip() + "\n"


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Mean and standard deviation over draws."""
    return f"{fmean(values):.{digits}f} ± {stdev(values) if len(values) > 1 else 0:.{digits}f}"


def place() -> str:
    """Date, commit and machine of a measurement."""
    return f"{datetime.date.today()}, commit {commit()}, {machine()}"


def machine() -> str:
    """The processor, the number of cores and threads this process may use, and the instructions it is held to."""
    model = platform.processor() or "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    threads, instructions = os.environ.get("OMP_NUM_THREADS"), os.environ.get("ATEN_CPU_CAPABILITY")
    limits = f", {threads} thread" if threads == "1" else ""
    limits += f", as {instructions.upper()}" if instructions else ""
    return f"{len(os.sched_getaffinity(0))} cores of {model}{limits}, Python {platform.python_version()}"


def commit() -> str:
    """The commit of the checkout, with "-dirty" if anything but this page has changed since."""
    asked = (
        ["git", "rev-parse", "--short", "HEAD"],
        ["git", "diff", "--quiet", "HEAD", "--", ".", f":(exclude){PAGE}"],
    )
    head, changed = (
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False) for command in asked
    )
    return (head.stdout.strip() or "unknown") + "-dirty" * (changed.returncode == 1)
