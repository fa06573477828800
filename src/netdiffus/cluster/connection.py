"""A connection to a Ray cluster: one that runs, or one on this machine for as long as the work takes."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from netdiffus.cluster.address import check_answers, chosen_address
from netdiffus.errors import InputError
from netdiffus.version import __version__

OBJECTS_BYTES, LEAST_OBJECTS_BYTES = 1 << 30, 100 << 20
"""Memory for results on their way, on this machine."""
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
QUIET = (
    "RAY_USAGE_STATS_ENABLED",  # nothing is told to anybody
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO",
    "RAY_CHDIR_TO_TRIAL_DIR",  # workers of a training know paths as this process does
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER",  # nobody asks it
    "RAY_TRAIN_METRICS_ENABLED",
)
"""What Ray is not to do, unless the environment says so."""
STARTS, JOINS = 3, 8
"""How often a cluster on this machine is tried to be started; and one that answers to be joined, a second each."""
STARTED_S = 120.0
"""Within which every machine must have started a process of ours."""


@dataclass(frozen=True)
class Node:
    """A machine of a cluster: its id, host name and CPUs."""

    id: str
    host: str
    cpus: int


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers, all of whose machines have this version of netdiffus.

    Attributes:
        ray: the module, which is imported only where a cluster is asked for.
    """

    ray: Any
    nodes: tuple[Node, ...]

    @property
    def cpus(self) -> int:
        """Of all machines that are there now; others may have come or gone."""
        return max(1, int(self.ray.cluster_resources().get("CPU", 1)))


@contextmanager
def connected(asked: str) -> Iterator[Cluster]:
    """A cluster, for the duration of the block.

    Args:
        asked: HOST:PORT of its head; "auto": what RAY_ADDRESS names, else one on this machine; "local": that one.
            A connection that this process has already is used, and kept.

    Raises:
        InputError: Ray is not installed, nothing answers there within 10 seconds, or versions differ.
    """
    for name in QUIET:
        os.environ.setdefault(name, "0")
    try:
        import ray
    except ImportError:
        raise InputError(
            "the extra 'ray' for --ray", "an installation without it", "run: pip install 'netdiffus[ray]'"
        ) from None
    if ray.is_initialized():
        yield Cluster(ray, _checked_nodes(ray))
        return
    address = chosen_address(asked)
    if address is not None:
        check_answers(address)
    private = {} if address else _private_environment()
    alone = not address or _on_loopback(ray, address)
    constants = {"ENABLE_RAY_CLUSTER": not alone} | ({"NUM_REDIS_GET_RETRIES": JOINS} if address else {})
    with _environment(private, constants):
        try:
            _start(ray, address)
            yield Cluster(ray, _checked_nodes(ray))
        finally:
            ray.shutdown()


def _private_environment() -> dict[str, str]:
    """For a cluster on this machine: it listens on loopback alone, and only to whoever has a token of this run."""
    return {
        "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }  # fmt: skip


@contextmanager
def _environment(more: dict[str, str], constants: dict[str, int]) -> Iterator[None]:
    """Environment variables for the duration of the block; Ray, which looked them up before, looks again.

    Args:
        constants: of Ray. ENABLE_RAY_CLUSTER: whether this machine is called by another address than its loopback one,
            as others belong to the cluster. NUM_REDIS_GET_RETRIES: how often a cluster is tried to be joined.
    """
    from ray._private import ray_constants

    before, former = {name: os.environ.get(name) for name in more}, {k: getattr(ray_constants, k) for k in constants}
    vars(ray_constants).update(constants)
    os.environ.update(more)
    _look_again()
    try:
        yield
    finally:
        vars(ray_constants).update(former)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        _look_again()


def _on_loopback(ray: Any, address: str) -> bool:
    """Whether a cluster listens on the loopback address alone; Ray calls this machine by its other address."""
    host, _, port = address.rpartition(":")
    if host not in LOOPBACK:
        return False
    here = ray.util.get_node_ip_address()
    if here in LOOPBACK:  # where the environment keeps Ray on this machine, it calls it so itself
        return True
    try:
        with socket.create_connection((here, int(port)), timeout=1):
            return False
    except OSError:
        return True


def _look_again() -> None:
    """Let Ray read how it authenticates from the environment."""
    _raylet: Any = import_module("ray._raylet")  # compiled, without types
    _raylet.Config.initialize("")
    _raylet.AuthenticationTokenLoader.instance().reset_cache()


def _start(ray: Any, address: str | None) -> None:
    """Join a cluster, or start one; Ray gives a new one half a minute, so a busy machine gets several tries."""
    start = partial(ray.init, address or "local", log_to_driver=False, logging_level=logging.ERROR)
    if address is None:
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        start = partial(start, num_cpus=cpus, include_dashboard=False, object_store_memory=_room())
    said = ""
    for _ in range(1 if address else STARTS):
        try:
            start()
            return
        except Exception as error:  # Ray raises bare ones, too
            said = " ".join(str(error).split())[:300]
            ray.shutdown()
    raise InputError(
        f"a Ray cluster of Ray {ray.__version__} at {address or 'this machine'} that can be joined", said,
        "install the same versions of Ray and Python on all machines, or name another address",
    )  # fmt: skip


def _room() -> int:
    """Bytes of shared memory that results on their way may take: a quarter of what is free, at most OBJECTS_BYTES."""
    free = OBJECTS_BYTES
    with suppress(OSError):
        free = shutil.disk_usage("/dev/shm").free // 4
    return max(LEAST_OBJECTS_BYTES, min(OBJECTS_BYTES, free))


def _checked_nodes(ray: Any) -> tuple[Node, ...]:
    """The machines of a cluster with CPUs for work.

    Raises:
        InputError: there are none, one does not answer, or one has another version of netdiffus.
    """
    alive = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if not alive:
        raise InputError("a Ray cluster with at least one CPU for work", "none", "add machines with 'ray start'")
    nodes = tuple(Node(node["NodeID"], node["NodeManagerHostname"], int(node["Resources"]["CPU"])) for node in alive)
    said = on_every_node(ray, nodes, _version)
    others = [f"{node.host}: {version}" for node, version in said if version != __version__]
    if others:
        raise InputError(
            f"netdiffus {__version__}, as here, on every machine of the cluster", "; ".join(others[:3]),
            "install the same version on all machines",
        )  # fmt: skip
    return tuple(node for node, _ in said)


def _version() -> str:
    """Runs where netdiffus may be missing, so it must not need it."""
    try:
        from netdiffus.version import __version__ as there
    except ImportError:
        return "no netdiffus"
    return there


def on_every_node(ray: Any, nodes: tuple[Node, ...], function: Any, *arguments: object) -> list[tuple[Node, Any]]:
    """What a function gives on each machine, beside whatever else runs there; machines that die meanwhile are left out.

    Raises:
        InputError: a machine of the cluster does not answer, or all have died.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    # a function of a module is sent by name, which a machine without netdiffus cannot read: send its code
    ray.cloudpickle.register_pickle_by_value(import_module(function.__module__))
    try:
        remote = ray.remote(num_cpus=0, max_retries=1)(function)
        tasks = [
            remote.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)).remote(*arguments)
            for node in nodes
        ]
        found = []
        for node, task in zip(nodes, tasks, strict=True):
            try:
                found.append((node, ray.get(task, timeout=STARTED_S)))
            except ray.exceptions.RayError as error:
                if _is_gone(ray, node) and (found or node is not nodes[-1]):
                    continue
                said = str(error).strip().splitlines() or [type(error).__name__]
                raise InputError(
                    f"machine {node.host} of the cluster to answer",
                    said[-1][:200],
                    "look at 'ray status', or remove it",
                ) from None
        return found
    finally:
        ray.cloudpickle.unregister_pickle_by_value(import_module(function.__module__))


def _is_gone(ray: Any, node: Node) -> bool:
    """Whether the cluster knows that a machine died."""
    return not any(other["NodeID"] == node.id and other["Alive"] for other in ray.nodes())
