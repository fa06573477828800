"""Paths that all machines of a cluster must see, and disks that must have room, tested before any work."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from netdiffus.cluster.connection import Cluster, Node, on_every_node
from netdiffus.errors import InputError
from netdiffus.store.objects import is_object
from netdiffus.store.place import place_of_stage, resolved

LEAST_FREE = 1 << 28
"""Bytes without which no work is begun."""
SHARE = 10
"""A dataset with what waits for it takes at least a tenth of its captures: they are seldom less than headers."""


def check_seen(cluster: Cluster, reads: Iterable[Path], out: Path) -> None:
    """Test on every machine that files are there with the same sizes, and that it writes where the others read.

    What lies in an object store is not tested: a task that cannot reach it says so.

    Args:
        reads: files and folders that tasks read. out: the result, beside which they write.

    Raises:
        InputError: names the machine and the path.
    """
    wanted = [(str(path.resolve()), path.stat().st_size if path.is_file() else -1) for path in reads if path.exists()]
    if is_object(out):
        _check_each(cluster, "", wanted)
        return
    place = place_of_stage(resolved(out))
    while not place.is_dir():
        place = place.parent
    probe = place / f".netdiffus-probe-{secrets.token_hex(6)}"
    probe.mkdir()
    try:
        (probe / "here").write_bytes(b"seen")
        for node in _check_each(cluster, str(probe), wanted):
            if not (probe / node.id).is_file():
                raise InputError(
                    "an --out that every machine of the cluster writes to", f"{place}, which is another on {node.host}",
                    "name a folder that all machines share",
                )  # fmt: skip
        _check_room(place, sum(size for _, size in wanted if size > 0))
    finally:
        for path in probe.iterdir():
            with suppress(OSError):
                path.unlink()
        with suppress(OSError):
            probe.rmdir()


def _check_each(cluster: Cluster, probe: str, wanted: Sequence[tuple[str, int]]) -> list[Node]:
    """Let every machine look; returns those that were asked."""
    asked = []
    for node, said in on_every_node(cluster.ray, cluster.nodes, _look, probe, wanted):
        if said:
            raise InputError(
                "paths that every machine of the cluster sees", f"{said}, on {node.host}",
                "put the sources and --out into a folder that all machines share",
            )  # fmt: skip
        asked.append(node)
    return asked


def _look(probe: str, wanted: Sequence[tuple[str, int]]) -> str:
    """Runs on each machine: what it does not see, "" if it sees all, and leaves a file that the others see.

    Args:
        probe: where it leaves one; "": nowhere.
    """
    import os

    import ray

    for path, size in wanted:
        if not os.path.exists(path):
            return f"{path}, which is not there"
        if size >= 0 and os.path.getsize(path) != size:
            return f"{path}, which has another size there"
    if not probe:
        return ""
    if not os.path.isfile(os.path.join(probe, "here")):
        return f"{os.path.dirname(probe)}, which is not there or another folder"
    try:
        with open(os.path.join(probe, ray.get_runtime_context().get_node_id()), "wb"):
            return ""
    except OSError as error:
        return f"{os.path.dirname(probe)}, where it may not write ({error.strerror})"


def _check_room(place: Path, read: int) -> None:
    """Raise InputError if there is too little room for a dataset of so many bytes of captures."""
    found = os.statvfs(place)
    free, needed = found.f_bavail * found.f_frsize, max(LEAST_FREE, read // SHARE)
    if free < needed:
        raise InputError(
            f"at least {needed / 1e9:,.1f} GB of free space at {place}", f"{free / 1e9:,.1f} GB",
            "free some, or name another --out",
        )  # fmt: skip
