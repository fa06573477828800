"""Tasks: pieces of work on the machines of a cluster, whose results come back in order."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Any, TypeVar

from netdiffus.cluster.connection import Cluster
from netdiffus.errors import InputError, NetdiffusError
from netdiffus.store.objects import shown

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 4
"""Pieces for each one that can run at a time: some run, some wait, and some are done before their turn."""
CANCEL_S = 10.0
"""How long pieces that were told to end are waited for."""
RETRIES = 10
"""How often a piece is done again whose worker or machine died."""


@dataclass(frozen=True)
class _Done:
    """What a piece gave, or how it failed; and where."""

    result: Any
    failed: bool
    node: str


@dataclass
class Tasks:
    """A spread over the machines of a cluster.

    Attributes:
        threads: of each piece; the last bits of sums depend on it, so it is the number that the work has without Ray.
        gpus: of each piece.
        done: pieces by machine.
    """

    cluster: Cluster
    threads: int = 1
    gpus: float = 0.0
    done: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)

    @property
    def cpus(self) -> int:
        """Of each piece: more threads than any machine has CPUs are the whole of the largest one."""
        return min(self.threads, max(node.cpus for node in self.cluster.nodes))

    @property
    def at_a_time(self) -> int:
        """Pieces that can run at a time."""
        return max(1, self.cluster.cpus // self.cpus)

    def warm(self, module: str) -> None:
        """Let workers start and load what they will need, while this process still gets ready; waits for none."""
        remote = self.cluster.ray.remote(_load).options(
            num_cpus=self.cpus, num_gpus=self.gpus or None, max_retries=0, scheduling_strategy="SPREAD"
        )
        for _ in range(self.at_a_time):
            remote.remote(module)

    def __call__(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """What the function gives for each item, in their order.

        The function is sent once to each worker; results wait in the cluster until their turn, some at a time.

        Raises:
            InputError: as the function does, or workers died again and again.
            RuntimeError: the function failed otherwise.
        """
        ray = self.cluster.ray
        shared = ray.put(function)
        remote = ray.remote(_piece).options(num_cpus=self.cpus, num_gpus=self.gpus or None, max_retries=RETRIES)
        waiting: deque[tuple[str, Any]] = deque()
        try:
            for number, item in enumerate(items):
                waiting.append((_called(item, number), remote.remote([shared], item, self.threads)))
                while len(waiting) >= AHEAD * self.at_a_time:
                    yield self._result(*waiting.popleft())
            while waiting:
                yield self._result(*waiting.popleft())
        finally:
            self._cancel([task for _, task in waiting])

    def _cancel(self, tasks: list[Any]) -> None:
        """End pieces, and wait until none runs any more: what they write would be left behind."""
        ray = self.cluster.ray
        for task in tasks:
            ray.cancel(task, force=True)
        if tasks:
            ray.wait(tasks, num_returns=len(tasks), timeout=CANCEL_S, fetch_local=False)

    def _result(self, name: str, task: Any) -> Any:
        ray = self.cluster.ray
        try:
            piece: _Done = ray.get(task)
        except ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            if isinstance(cause, OSError):
                raise cause from None
            raise RuntimeError(f"{name}: {type(cause).__name__}: {cause}") from error
        except ray.exceptions.RayError as error:
            said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise InputError(
                f"workers that live long enough for {name}", f"{type(error).__name__}: {said}",
                "give them more memory or look at 'ray status', and run it again",
            ) from None  # fmt: skip
        if piece.failed:
            raise piece.result
        self.done[piece.node] += 1
        return piece.result

    def speeds(self) -> str:
        """How many machines have worked, and how many pieces a second they did together."""
        seconds = max(time.monotonic() - self.began, 1e-9)
        machines = len(self.done)
        return f"{machines} node{'s' * (machines != 1)}, {self.done.total() / seconds:.2g} tasks/s" if machines else ""


def _called(item: object, number: int) -> str:
    """How messages call a piece."""
    path = getattr(item, "path", None)
    return shown(path) if path else item if isinstance(item, str) else f"piece {number + 1}"


def _load(module: str) -> None:
    """Runs in a worker, which keeps what it imported."""
    with suppress(Exception):  # the first piece tells what is wrong
        import_module(module)


def _piece(shared: list[Any], item: Any, threads: int) -> _Done:
    """One piece, in a worker."""
    import ray

    os.environ["OMP_NUM_THREADS"] = str(threads)
    node = ray.get_runtime_context().get_node_id()
    try:
        result = _function(shared[0])(item)
    except NetdiffusError as error:  # a user's, to be told as it is
        return _Done(error, True, node)
    return _Done(result, False, node)


@lru_cache(maxsize=1)
def _function(shared: Any) -> Any:
    """The function that a reference stands for, read once by a worker."""
    import ray

    return ray.get(shared)
