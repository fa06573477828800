"""train: a dataset becomes a model folder."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import polars as pl

from netdiffus.diffusion.attack import attacked
from netdiffus.diffusion.fit import Fit, TrainStep
from netdiffus.diffusion.workers import ALONE, Workers
from netdiffus.errors import InputError
from netdiffus.models.backends import fit_model
from netdiffus.models.card import model_readme
from netdiffus.models.device import torch_version, used_threads
from netdiffus.models.fitting import Fitting, Training, TrainingPart, share_done
from netdiffus.models.manifest import ModelManifest, model_manifest, read_model
from netdiffus.models.options import RowOptions, TrainOptions
from netdiffus.steps.public_traces import public_part
from netdiffus.store import model as store
from netdiffus.store.cards import DatasetCard, ModelCard
from netdiffus.store.copies import fetched, saved
from netdiffus.store.dataset import read_dataset
from netdiffus.store.objects import check_absent, is_object
from netdiffus.store.publish import check_folder
from netdiffus.version import __version__

FEWEST_TRACES = 10
SAVE_EVERY_S = 60.0
UNNAMED = "not named: its hash would tell of single traces"
"""The dataset of a private model."""


def train(
    dataset: Path,
    out: Path,
    options: TrainOptions,
    *,
    resume: bool = False,
    say: Callable[[str], object] | None = None,
) -> Generator[TrainStep, None, None]:
    """Fit a model to a dataset's training part and write it to the folder `out`; yields a record per step.

    The model is saved after the first step, every minute, at the end, and when the generator is closed early. An old
    model at `out` that the training does not go on with stays for the first minute. Where traces are held out
    (models/training_data.py), the averaged weights are tried on them now and then (models/fitting.py); the best are
    what is saved to generate with.

    Args:
        say: called with each line that a user should read before the first step.

    Raises:
        InputError: the dataset is too small, there is nothing (or something else) to resume, or `out` may not be
            written.
    """
    check_store(out, resume=resume)
    yield from train_together(dataset, out, options, resume=resume, say=say)


def check_store(out: Path, *, resume: bool) -> None:
    """Raise InputError if a new model should go where an object store holds something."""
    if is_object(out) and not resume:
        check_absent(out)


def train_together(
    dataset: Path,
    out: Path,
    options: TrainOptions,
    *,
    resume: bool = False,
    say: Callable[[str], object] | None = None,
    workers: Workers = ALONE,
) -> Generator[TrainStep, None, None]:
    """The same by each of several workers, with the same arguments; the first one writes.

    What `check_store` has found absent may meanwhile hold what workers before these have saved.
    """
    with fetched(dataset) as read, saved(out, store.FILES, goes_on=resume) as (written, send):
        yield from _train(read, _Out(written, send, resume), options, say, workers)


@dataclass(frozen=True)
class _Out:
    """Where the model is written, what sends it on from there, and whether one there is gone on with."""

    folder: Path
    send: Callable[[bool], None]
    resume: bool


def _train(
    dataset: Path,
    out: _Out,
    options: TrainOptions,
    say: Callable[[str], object] | None,
    workers: Workers,
) -> Generator[TrainStep, None, None]:
    resume = out.resume
    check_folder(out.folder, store.MODEL, inputs=[dataset])
    card, traces = read_dataset(dataset)
    part = replace(training_part(dataset, traces), workers=workers)
    began = time.perf_counter()
    if resume and isinstance(options, RowOptions) and options.epsilon is not None:
        raise InputError("--epsilon without --resume", "both", "train anew: what was spent is spent")
    if isinstance(options, RowOptions) and options.public is not None:
        part = replace(part, public=public_part(options.public, card, options.length or card.packets))
    fitting = fit_model(part, options)
    fitting.fit.seconds = time.perf_counter() - began  # counting is part of the training
    if say is not None:
        for note in fitting.notes:
            say(note)
    if isinstance(fitting.fit, Fit):
        fitting.fit.workers = workers
    elif workers.size > 1:
        raise InputError(
            "one process for a model whose traces are only counted", f"{workers.size} workers", "leave --ray out"
        )
    model = _manifest(fitting, card)
    if resume and isinstance(fitting.fit, Fit):
        _resume(fitting.fit, model, out.folder)
    save = partial(_save, fitting.fit, model, out, len(part.traces)) if not workers.rank else _save_nothing
    yield from _run(fitting, out.folder, save)


def training_part(dataset: Path, traces: pl.DataFrame) -> TrainingPart:
    """What a model learns of a dataset.

    Raises:
        InputError: it has too few training traces.
    """
    part = traces.filter(pl.col("split") == "train")
    if len(part) < FEWEST_TRACES:
        raise InputError(
            f"a dataset with at least {FEWEST_TRACES} training traces",
            f"{len(part)} in {dataset}",
            "prepare more traffic",
        )
    beside = traces.filter(
        pl.col("source").is_in(part["source"].unique().implode())
    )  # whole sources may be for testing
    return TrainingPart(part, len(part) / len(beside), dataset)


def _manifest(fitting: Fitting, dataset: DatasetCard) -> ModelManifest:
    """What model.json says before the first step."""
    options, device, private = fitting.options, fitting.fit.device, fitting.privacy is not None
    card = ModelCard(
        config=options.model_dump(mode="json"),
        codec=fitting.codec.to_json(),
        labels=fitting.labels,
        dataset=UNNAMED if private else dataset.hash,
        warnings=[] if private else dataset.warnings,
        payload=None if private else dataset.payload,
        privacy=fitting.privacy,
        held_out=fitting.held_out,
        steps=0,
        seconds=0.0,
        seed=options.seed,
        device=device.type,
        threads=used_threads(device),
        versions=versions(),
    )
    model_manifest(card)  # what could not be read again is found before the training, not after it
    return ModelManifest(card, options, fitting.codec)


def versions() -> dict[str, str]:
    """What a model was made with."""
    return {"netdiffus": __version__, "torch": torch_version(), "python": platform.python_version()}


def _resume(fit: Fit, model: ModelManifest, out: Path) -> None:
    if not store.has_resume(out):
        raise InputError(f"a model with resume/ at {out} for --resume", "none", "train without --resume")
    if ModelCard.read(out).format != ModelCard.FORMAT:
        raise InputError(
            f"a training of this version (format {ModelCard.FORMAT}) for --resume", f"one of an older format at {out}",
            "train anew",
        )  # fmt: skip
    before = read_model(out)
    free = {"minutes", "steps", "patience"}
    known = before.options.model_dump()
    for name, value in model.options.model_dump().items():
        if name not in free and known.get(name) != value:
            raise InputError(
                f"{name} = {known.get(name)} as when {out} began", str(value), "resume with the same options"
            )
    if before.card.dataset != model.card.dataset:
        raise InputError("the dataset that the training began with", "another", "name the same dataset, or train anew")
    fit.restore(store.read_state(out))


def _run(fitting: Fitting, out: Path, save: Callable[[_Log], None]) -> Iterator[TrainStep]:
    share, fit = share_done(fitting.options), fitting.fit
    log = _Log(fit.step)
    # Save after the first step: a place that is too small must show before the hours are spent. An old model is not
    # given up for that.
    saved = time.perf_counter() if not fit.step and out.is_dir() and any(out.iterdir()) else -math.inf
    try:
        for record in fit.run(share):
            logged = {"step": record.step, "loss": record.loss, "seconds": record.seconds}
            log.records.append(logged if record.validation is None else logged | {"validation": record.validation})
            yield record
            if time.perf_counter() - saved > SAVE_EVERY_S:
                save(log)
                saved = time.perf_counter()
    except GeneratorExit:  # the caller closed the generator
        log.ended = True
        save(log)
        raise
    log.ended = True
    save(log)


@dataclass
class _Log:
    """The step up to which the log is saved, the records since, and whether none will follow."""

    saved: int
    ended: bool = False
    records: list[dict[str, float]] = field(default_factory=list)


def _save_nothing(log: _Log) -> None:
    """The first worker saves."""
    log.records = []


def _save(fit: Training, model: ModelManifest, out: _Out, traces: int, log: _Log) -> None:
    best = {"loss": fit.best_loss, "step": fit.best_step} if fit.best else None
    attack = attacked(fit) if log.ended and isinstance(fit, Fit) else None
    done = {"steps": fit.step, "seconds": round(fit.seconds, 3), "validation": best}
    done |= {"attack": None if attack is None else asdict(attack)}
    model = replace(model, card=model.card.model_copy(update=done))
    weights = {name: value.detach().cpu().contiguous() for name, value in fit.result.items()}
    folder = out.folder
    store.write_model(folder, model.card, weights, model_readme(model, traces), fit.state(), log.records, log.saved)
    out.send(log.ended)
    log.saved, log.records = fit.step, []
