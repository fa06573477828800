"""Tasks: pieces of work on the machines of a cluster, some together, whose results come back in order."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from itertools import islice
from typing import Any, TypeVar

from netdiffus.cluster.connection import Cluster
from netdiffus.errors import InputError, NetdiffusError
from netdiffus.store.objects import shown

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 4
"""Tasks for each one that can run at a time: some run, some wait, and some are done before their turn."""
CANCEL_S = 10.0
"""How long tasks that were told to end are waited for."""
RETRIES = 10
"""How often a task is done again whose worker or machine died."""
TASK_S, MOST_PIECES = 0.5, 16
"""A task takes as many pieces as take it about that long, since each costs the cluster some milliseconds."""


@dataclass(frozen=True)
class Done:
    """What the pieces of a task gave, up to the first that failed; why; where, and how long it took."""

    results: list[Any]
    failed: NetdiffusError | None
    node: str
    seconds: float

    def pieces_of_next(self, together: int) -> int:
        """How many pieces the next task should take, at most twice as many as the last one: some take longer."""
        fitting = TASK_S * len(self.results) / max(self.seconds, 1e-9)
        return int(min(max(1, fitting), 2 * together, MOST_PIECES))


@dataclass(frozen=True)
class _Task:
    """Pieces that are done together, by what messages call them, and the reference to what they give."""

    names: list[str]
    reference: Any

    @property
    def name(self) -> str:
        """How messages call it."""
        return self.names[0] if len(self.names) == 1 else f"{self.names[0]} to {self.names[-1]}"


@dataclass
class Tasks:
    """A spread over the machines of a cluster.

    Attributes:
        threads: of each task; the last bits of sums depend on it, so it is the number that the work has without Ray.
        gpus: of each task.
        done: pieces by machine.
    """

    cluster: Cluster
    threads: int = 1
    gpus: float = 0.0
    done: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)

    @property
    def cpus(self) -> int:
        """Of each task: more threads than any machine has CPUs are the whole of the largest one."""
        return min(self.threads, max(node.cpus for node in self.cluster.nodes))

    @property
    def at_a_time(self) -> int:
        """Tasks that can run at a time."""
        return max(1, self.cluster.cpus // self.cpus)

    def warm(self, module: str) -> None:
        """Let workers start and load what they will need, while this process still gets ready; waits for none."""
        remote = self._remote(_load, max_retries=0, scheduling_strategy="SPREAD")
        for _ in range(self.at_a_time):
            remote.remote(module, self.threads, self.cpus)

    def __call__(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """What the function gives for each item, in their order.

        The function is sent once to each worker; results wait in the cluster until their turn, some at a time.

        Raises:
            InputError: as the function does, or workers died again and again.
            RuntimeError: the function failed otherwise.
        """
        shared = self.cluster.ray.put(function)
        remote = self._remote(_work, max_retries=RETRIES)
        waiting: deque[_Task] = deque()
        named = ((_called(item, number), item) for number, item in enumerate(items))
        together = 1
        try:
            while pieces := list(islice(named, together)):
                reference = remote.remote([shared], pieces, self.threads, self.cpus)
                waiting.append(_Task([name for name, _ in pieces], reference))
                while len(waiting) >= AHEAD * self.at_a_time:
                    done = self._awaited(waiting.popleft())
                    together = done.pieces_of_next(together)
                    yield from self._results(done)
            while waiting:
                yield from self._results(self._awaited(waiting.popleft()))
        finally:
            self._cancel([task.reference for task in waiting])

    def _remote(self, function: Callable[..., Any], **options: object) -> Any:
        return self.cluster.ray.remote(function).options(num_cpus=self.cpus, num_gpus=self.gpus or None, **options)

    def _cancel(self, references: list[Any]) -> None:
        """End tasks, and wait until none runs any more: what they write would be left behind."""
        ray = self.cluster.ray
        for reference in references:
            ray.cancel(reference, force=True)
        if references:
            ray.wait(references, num_returns=len(references), timeout=CANCEL_S, fetch_local=False)

    def _awaited(self, task: _Task) -> Done:
        """What a task gave, when it has ended."""
        ray = self.cluster.ray
        try:
            found: Done = ray.get(task.reference)
            return found
        except ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            if isinstance(cause, OSError):
                raise cause from None
            raise RuntimeError(str(cause)) from error
        except ray.exceptions.RayError as error:
            said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise InputError(
                f"workers that live long enough for {task.name}", f"{type(error).__name__}: {said}",
                "give them more memory or look at 'ray status', and run it again",
            ) from None  # fmt: skip

    def _results(self, found: Done) -> Iterator[Any]:
        self.done[found.node] += len(found.results)
        yield from found.results
        if found.failed is not None:
            raise found.failed

    def speeds(self) -> str:
        """How many machines have worked, and how many pieces a second they did together."""
        seconds = max(time.monotonic() - self.began, 1e-9)
        machines = len(self.done)
        return f"{machines} node{'s' * (machines != 1)}, {self.done.total() / seconds:.2g} pieces/s" if machines else ""


def _called(item: object, number: int) -> str:
    """How messages call a piece."""
    path = getattr(item, "path", None)
    return shown(path) if path else item if isinstance(item, str) else f"piece {number + 1}"


def _hold(threads: int, cpus: int) -> None:
    """Keep a worker to the CPUs of its task; polars counts them once, when it is imported."""
    os.environ |= {"OMP_NUM_THREADS": str(threads), "POLARS_MAX_THREADS": str(cpus)}


def _load(module: str, threads: int, cpus: int) -> None:
    """Runs in a worker, which keeps what it imported."""
    _hold(threads, cpus)
    with suppress(Exception):  # the first piece tells what is wrong
        import_module(module)


def _work(shared: list[Any], pieces: list[tuple[str, Any]], threads: int, cpus: int) -> Done:
    """The pieces of a task with their names, in a worker."""
    import ray

    _hold(threads, cpus)
    node, began, results = ray.get_runtime_context().get_node_id(), time.perf_counter(), list[Any]()
    failed = None
    for name, item in pieces:
        try:
            results.append(_function(shared[0])(item))
        except NetdiffusError as error:  # a user's, to be told as it is
            failed = error
            break
        except OSError:
            raise
        except Exception as error:
            raise RuntimeError(f"{name}: {type(error).__name__}: {error}") from error
    return Done(results, failed, node, time.perf_counter() - began)


@lru_cache(maxsize=1)
def _function(shared: Any) -> Any:
    """The function that a reference stands for, read once by a worker."""
    import ray

    return ray.get(shared)
