"""A label: which servers answer, what one session does, and how many sessions there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from namespaces import Pair


@dataclass(frozen=True)
class Label:
    """How the traffic of one label comes about."""

    serve: Callable[[Pair], None]
    session: Callable[[Pair, Random], None]
    sessions: int  # how many sessions make a recording
    parallel: int  # how many of them run at a time
    flows: int = 450  # the shipped recording keeps at most so many, evenly spread over time
