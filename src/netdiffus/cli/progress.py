"""Progress bars over the records that a step yields; Ctrl-C ends a step after its current record."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from netdiffus.cli.progress_lines import ProgressLines

if TYPE_CHECKING:
    from rich.progress import Progress

    from netdiffus.diffusion.fit import TrainStep
    from netdiffus.spread import Spread
    from netdiffus.steps.outputs.order import Drawn
    from netdiffus.steps.prepare import FileRead
    from netdiffus.steps.progress import ProgressRecord

Read = TypeVar("Read", bound="FileRead")
Result = TypeVar("Result")

LOG_EVERY_S = 10.0  # where standard error is no terminal, a line this often


class Interrupted(Exception):  # noqa: N818 - not an error: the user asked for it
    """The user pressed Ctrl-C; the message says what was saved."""


@contextmanager
def _stop_flag() -> Iterator[list[bool]]:
    """A flag that the first Ctrl-C sets; the second one interrupts at once."""
    flag: list[bool] = []

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        if flag:
            raise KeyboardInterrupt
        flag.append(True)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)


class Shown:
    """A bar on a terminal, now and then a line elsewhere; both on standard error."""

    def __init__(self, what: str, beside: Callable[[], str] | None = None) -> None:
        """`beside`: says more than the records, of those who do the work."""
        self.what, self.beside = what, beside
        self.lines = ProgressLines(what)
        self.last = time.monotonic()
        self.bar = _bar() if sys.stderr.isatty() else None
        if self.bar is not None:
            self.task = self.bar.add_task(what, total=1.0, note="")

    def __enter__(self) -> Shown:
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def record(self, record: ProgressRecord, note: str | None = None) -> None:
        """Show a record; `note` instead of its own, where a figure needs the records before it."""
        share, note = record.share or 0.0, record.note if note is None else note
        if self.beside is not None and (more := self.beside()):
            note = f"{note}  {more}"
        self.lines.record(record, note)
        self.show(share, note, final=share >= 1)

    def show(self, share: float, note: str, *, final: bool = False) -> None:
        """`share` of the work is done; `note` is the newest figure."""
        share = min(share, 1.0)
        if self.bar is not None:
            self.bar.update(self.task, completed=share, note=note)
        elif final or time.monotonic() - self.last > LOG_EVERY_S:
            print(f"{self.what}: {share:.0%}  {note}", file=sys.stderr, flush=True)
            self.last = time.monotonic()


def _bar() -> Progress:
    """A bar on standard error. Rich takes a tenth of the time to the first packet, and only a terminal needs it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True),
    )  # fmt: skip


def show_reading(records: Iterator[Read], beside: Callable[[], str] | None = None) -> list[Read]:
    """Show `prepare`: files, packets and flows so far; returns the records."""
    # polars, when imported, lets the system go on with an interrupted read: Ctrl-C would wait for a pipe's next bytes.
    signal.siginterrupt(signal.SIGINT, True)
    packets = flows = 0
    shown_records: list[Read] = []
    with Shown("reading", beside) as shown:
        for record in records:
            shown_records.append(record)
            packets, flows = packets + record.packets, flows + record.flows
            note = f"{record.note}  {packets:,} packets" + (f"  {flows:,} flows" if flows else "")
            shown.record(record, note)
    return shown_records


def show_training(
    records: Generator[TrainStep, None, None], out: Path, beside: Callable[[], str] | None = None
) -> TrainStep:
    """Show `train`: step, loss, speed and time left; `out` is where the model is.

    Raises:
        Interrupted: Ctrl-C; the training was saved first.
    """
    loss, record = float("nan"), None
    with _stop_flag() as stop, Shown("training", beside) as shown:
        first: TrainStep | None = None
        for record in records:
            first = first or record
            loss = record.loss if loss != loss else 0.98 * loss + 0.02 * record.loss
            took = record.seconds - first.seconds
            note = f"step {record.step}  loss {loss:.3f}"
            if took > 0:  # the tables of a private model take no time of their own
                note += f"  {(record.step - first.step) / took:.1f} steps/s"
            shown.record(record, note)
            if stop:
                break
    records.close()  # saves
    if stop and record is not None:
        from netdiffus.store.objects import shown as as_written

        where = as_written(out)
        raise Interrupted(
            f"interrupted after step {record.step}; saved in {where}; go on with the same command and --resume"
        )
    if record is None:
        from netdiffus.errors import InputError

        raise InputError("more steps or minutes than the training has had", "no more", "raise --steps or --minutes")
    return record


def speeds_of(spread: Spread | None) -> Callable[[], str] | None:
    """What tells of the workers of a spread; None: there are none."""
    from netdiffus.spread import TimedSpread

    return spread.speeds if isinstance(spread, TimedSpread) else None


def show_drawing(records: Generator[Drawn, None, Result], beside: Callable[[], str] | None = None) -> Result:
    """Show `generate`: traces drawn; returns what it returns."""
    from netdiffus.api.verbs import run

    with Shown("drawing", beside) as shown:
        return run(records, shown.record)


@contextmanager
def scoring() -> Iterator[Callable[[ProgressRecord], None]]:
    """Show `evaluate`: yields what to call with each of its records."""
    with Shown("scoring") as shown:
        yield shown.record
