"""train on a cluster: workers of Ray Train fit one network together, and begin again from the last save if one dies."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

from netdiffus.cluster.connection import LOOPBACK, Cluster
from netdiffus.cluster.mailbox import Mail, Mailbox, Reporter
from netdiffus.diffusion.fit import TrainStep
from netdiffus.diffusion.workers import Together
from netdiffus.errors import InputError, NetdiffusError
from netdiffus.models.device import choose_device
from netdiffus.models.options import TrainOptions
from netdiffus.steps.train import check_store, train_together
from netdiffus.store.model import changed_since, finish_writing, mark_of
from netdiffus.store.objects import is_object

FAILURES = 10
"""How often the training begins again from its last save."""
POLL_S, STOPPED_S = 0.3, 300.0
"""Between two looks at the mailbox, and within which workers must have stopped and saved."""


@dataclass(frozen=True)
class Order:
    """What every worker is told.

    Attributes:
        threads: of each worker. before: what stood at `out` when the command began (store/model.py).
    """

    dataset: Path
    out: Path
    options: TrainOptions
    resume: bool
    threads: int
    before: str


@dataclass(frozen=True)
class Told:
    """The order, and whom to answer."""

    order: Order
    box: Any


@dataclass
class ClusterTraining:
    """A training on the machines of a cluster.

    Attributes:
        threads: of each worker, as many as the command would use itself; so many CPUs make room for a worker.
        gpus: whether each worker has a GPU, and there is a worker for each GPU.
        newest: what workers said last. ended: why Ray Train gave up.
    """

    cluster: Cluster
    threads: int
    gpus: bool
    newest: Mail = field(default_factory=lambda: Mail((), (), None, ()))
    ended: BaseException | None = None

    @property
    def cpus(self) -> int:
        """Of each worker: more threads than any machine has CPUs are the whole of the largest one."""
        return min(self.threads, max(node.cpus for node in self.cluster.nodes))

    @property
    def workers(self) -> int:
        """As many as there is room for."""
        if self.gpus:
            return max(1, int(self.cluster.ray.cluster_resources().get("GPU", 1)))
        return max(1, sum(node.cpus // self.cpus for node in self.cluster.nodes))

    def run(
        self,
        dataset: Path,
        out: Path,
        options: TrainOptions,
        *,
        resume: bool = False,
        say: Callable[[str], object] | None = None,
    ) -> Generator[TrainStep, None, None]:
        """As `steps.train.train`, by all workers; closed early, they save and stop.

        Raises:
            InputError: as there; or workers died again and again.
        """
        ray = self.cluster.ray
        check_store(out, resume=resume)
        read = dataset if is_object(dataset) else dataset.resolve()
        written = out if is_object(out) else Path(os.path.abspath(out))
        order = Order(read, written, options, resume, self.threads, mark_of(out))
        box = ray.remote(num_cpus=0)(Mailbox).options(scheduling_strategy=_here(ray)).remote()
        with tempfile.TemporaryDirectory(prefix="netdiffus-", ignore_cleanup_errors=True) as scratch:
            fit = Thread(target=self._fit, args=(order, box, scratch), daemon=True)
            fit.start()
            try:
                yield from self._records(box, fit, say)
            except GeneratorExit:
                ray.get(box.stop.remote())
                fit.join(STOPPED_S)
                raise

    def _records(self, box: Any, fit: Thread, say: Callable[[str], object] | None) -> Generator[TrainStep, None, None]:
        ray, alive = self.cluster.ray, True
        while alive:
            fit.join(POLL_S)
            alive = fit.is_alive()
            self.newest = ray.get(box.take.remote())
            if say is not None:
                for line in self.newest.lines:
                    say(line)
            yield from self.newest.records
            if self.newest.failed is not None:
                raise self.newest.failed
        if self.ended is not None:
            said = [line for line in str(self.ended).splitlines() if line.strip()] or [type(self.ended).__name__]
            raise InputError(
                "workers that live long enough to train", said[-1].strip()[:200],
                "look at 'ray status', and go on with the same command and --resume",
            )  # fmt: skip

    def _fit(self, order: Order, box: Any, scratch: str) -> None:
        """Run Ray Train to its end; what it needs to write itself goes to `scratch`."""
        try:
            of_ray: Any = import_module("ray.train")  # its types are those of an older interface
            import_module("ray.train.torch").TorchTrainer(
                _work,
                train_loop_config=Told(order, box),
                scaling_config=of_ray.ScalingConfig(
                    num_workers=(1, self.workers), use_gpu=self.gpus,
                    resources_per_worker={"CPU": self.cpus} | ({"GPU": 1} if self.gpus else {}),
                ),
                run_config=of_ray.RunConfig(
                    name="train", storage_path=scratch, failure_config=of_ray.FailureConfig(max_failures=FAILURES),
                    worker_runtime_env={"env_vars": _environment(self.cluster.ray)},
                ),
            ).fit()  # fmt: skip
        except BaseException as error:  # told by the thread that waits; Ray also ends threads by SystemExit
            self.ended = error

    def speeds(self) -> str:
        """How many workers there are, and the steps a second that each would take alone."""
        speeds = [speed for _, speed in self.newest.speeds]
        if not speeds:
            return ""
        machines = len({host for host, _ in self.newest.speeds})
        slowest, fastest = f"{min(speeds):.3g}", f"{max(speeds):.3g}"
        each = slowest if slowest == fastest else f"{slowest} to {fastest}"
        return f"{len(speeds)} worker{'s' * (len(speeds) != 1)} on {machines} host{'s' * (machines != 1)}, {each}/s"


def _here(ray: Any) -> Any:
    """This machine, or another if Ray cannot place it here."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)


def _environment(ray: Any) -> dict[str, str]:
    """Of workers: where a cluster is on loopback, so is what they say to each other."""
    alone = all(node["NodeManagerAddress"] in LOOPBACK for node in ray.nodes() if node["Alive"])
    loopback = [name for _, name in socket.if_nameindex() if name.startswith("lo")]
    named = {"GLOO_SOCKET_IFNAME": loopback[0], "NCCL_SOCKET_IFNAME": loopback[0]} if alone and loopback else {}
    return named | {"RAY_CHDIR_TO_TRIAL_DIR": "0"}


def _work(told: Told) -> None:
    """One worker, from its beginning to the end of the training."""
    import ray

    order, box = told.order, told.box
    if ray.get(box.has_failed.remote()):  # the workers before these; what they met, these would meet
        return
    os.environ["OMP_NUM_THREADS"] = str(order.threads)
    workers = Together(choose_device())
    reporter = Reporter(ray, box, workers.rank)
    try:
        if not workers.rank:
            finish_writing(order.out)
        resume = workers.agreed(float(order.resume or changed_since(order.out, order.before))) > 0
        say = None if workers.rank else reporter.lines.append
        for number, record in enumerate(
            train_together(order.dataset, order.out, order.options, resume=resume, say=say, workers=workers)
        ):
            if not number and not workers.rank:
                ray.get(box.begin.remote(workers.size, record.step - 1))
            reporter.record(record, workers.waited)
            workers.stopped = reporter.stopped
        reporter.send(workers.waited)
    except (NetdiffusError, OSError) as error:  # a user's, to be told as it is
        ray.get(box.fail.remote(error))
        raise  # so that Ray does not leave the others waiting
