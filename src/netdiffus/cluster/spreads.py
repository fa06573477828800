"""What `ray=` and `--ray` mean for a step."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from netdiffus.errors import InputError
from netdiffus.spread import Spread, one_by_one

if TYPE_CHECKING:
    from netdiffus.diffusion.fit import TrainStep
    from netdiffus.models.options import TrainOptions


class Train(Protocol):
    """The step train (steps/train.py), by this process or by many."""

    def __call__(
        self,
        dataset: Path,
        out: Path,
        options: TrainOptions,
        *,
        resume: bool = False,
        say: Callable[[str], object] | None = None,
    ) -> Generator[TrainStep, None, None]: ...


@contextmanager
def spread_on(ray: str | None, loads: str = "netdiffus.steps.generate") -> Iterator[Spread]:
    """How the pieces of a step that computes are done, for the duration of the block: one by one, or by tasks.

    Each task has as many threads as this process, which decides the last bits of sums, and a GPU where this process
    has one.

    Args:
        ray: as in `connected`; None: in this process, and Ray is not even imported.
        loads: the module of the step, which workers load while this process loads what it needs itself.

    Raises:
        InputError: as in `connected`.
    """
    if ray is None:
        yield one_by_one
        return
    from netdiffus.cluster.connection import connected
    from netdiffus.cluster.tasks import Tasks
    from netdiffus.models.device import choose_device, used_threads

    with connected(ray) as cluster:
        device = choose_device()
        tasks = Tasks(cluster, threads=used_threads(device) or 1, gpus=float(device.type == "cuda"))
        tasks.warm(loads)
        yield tasks


@contextmanager
def reading_on(ray: str | None, reads: Sequence[Path], out: Path) -> Iterator[Spread | None]:
    """How sources are read apart from each other, for the duration of the block; None: one after another.

    Args:
        reads: what the tasks read. out: beside which they write; all machines must see both.

    Raises:
        InputError: as in `connected` and `check_seen`; or standard input is among the sources.
    """
    if ray is None:
        yield None
        return
    if Path("-") in reads:
        raise InputError("sources that all machines can read with --ray", "standard input", "save it as a file")
    from netdiffus.cluster.connection import connected
    from netdiffus.cluster.paths import check_seen
    from netdiffus.cluster.tasks import Tasks

    with connected(ray) as cluster:
        check_seen(cluster, reads, out)  # by the workers that have told their version
        tasks = Tasks(cluster)
        tasks.warm("netdiffus.steps.sources.part")
        yield tasks


@contextmanager
def training_on(
    ray: str | None, dataset: Path, out: Path, options: TrainOptions
) -> Iterator[tuple[Train, Callable[[], str] | None]]:
    """What trains, for the duration of the block, and what tells of its workers; None: there are none.

    Raises:
        InputError: as in `connected` and `check_seen`.
    """
    from netdiffus.steps.train import train

    if ray is None:
        yield train, None
        return
    from netdiffus.cluster.connection import connected
    from netdiffus.cluster.paths import check_seen
    from netdiffus.cluster.training import ClusterTraining
    from netdiffus.models.device import choose_device, used_threads

    with connected(ray) as cluster:
        base = getattr(options, "base", None)
        reads = [dataset, *sorted(dataset.rglob("*.parquet"))] + ([Path(base)] if base else [])
        check_seen(cluster, reads, out)
        device = choose_device()
        training = ClusterTraining(cluster, used_threads(device) or 1, device.type == "cuda")
        yield training.run, training.speeds
