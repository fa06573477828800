"""SPREADS: what `ray=` and `--ray` mean for a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.spread import Spread, one_by_one


@contextmanager
def spread_on(ray: str | None) -> Iterator[Spread]:
    """How the pieces of a step that computes are done, for the duration of the block: one by one, or by tasks.

    Each task has as many threads as this process, which decides the last bits of sums, and a GPU where this process
    has one.

    Args:
        ray: as in `connected`; None: in this process, and Ray is not even imported.

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
        yield Tasks(cluster, threads=used_threads(device) or 1, gpus=float(device.type == "cuda"))


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
        check_seen(cluster, reads, out)
        yield Tasks(cluster)
