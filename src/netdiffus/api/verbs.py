"""prepare, train, generate and evaluate as functions of paths; each runs its step to the end and returns the result."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from netdiffus import report, steps  # noqa: F401
from netdiffus.metrics import Score
from netdiffus.report import overview_png, render, render_markdown
from netdiffus.steps import evaluate as _evaluate
from netdiffus.steps import generate as _generate
from netdiffus.steps import prepare as _prepare
from netdiffus.steps import train as _train
from netdiffus.store.atomic import check_replaceable
from netdiffus.store.report import SCORES, write_report

PathLike = str | Path
Record = TypeVar("Record")
