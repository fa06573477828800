"""The verbs as functions: each runs to its end and returns the result.

Paths may be strings. `on_progress`, if given, is called with each progress record of the step.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import ArrayLike

from netdiffus.api.scores import Scores
from netdiffus.cluster.spreads import reading_on, spread_on, training_on
from netdiffus.config import exclusive
from netdiffus.errors import InputError
from netdiffus.models.options import train_options
from netdiffus.steps import convert as converting
from netdiffus.steps import evaluate as evaluating
from netdiffus.steps import generate as generating
from netdiffus.steps import prepare as preparing
from netdiffus.steps.evaluate_arrays import evaluate_arrays
from netdiffus.steps.evaluate_config import EvaluateConfig
from netdiffus.steps.outputs.capture_config import CaptureConfig
from netdiffus.steps.outputs.generate_config import GenerateConfig
from netdiffus.steps.outputs.nprint_config import NprintConfig
from netdiffus.steps.payload_check import check_with_payload
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.store.copies import fetched
from netdiffus.store.publish import check_folder, publish_file
from netdiffus.store.report import REPORT
from netdiffus.wire.conformance.check import Conformance
from netdiffus.wire.conformance.repair import Repair, repair_capture

PathLike = str | Path
Arrays = tuple[ArrayLike, ArrayLike]  # series and labels
Progress = Callable[[Any], object]
Result = TypeVar("Result")


def run(records: Generator[Any, None, Result], on_progress: Progress | None = None) -> Result:
    """Run a step to its end, passing on each record; returns the result of the step."""
    while True:
        try:
            record = next(records)
        except StopIteration as end:
            result: Result = end.value
            return result
        if on_progress:
            on_progress(record)


def prepare(
    sources: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    ray: str | None = None,
    on_progress: Progress | None = None,
    **options: Any,
) -> Path:
    """Convert captures, folders of captures and tables to the dataset folder `out`; returns its path.

    Options are those of the command, with underscores: labels, unlabelled, packets, min_packets, flow_timeout, inner,
    strict, test, seed, columns, strip_padding, bins, sum, window, stride, gasf, anonymise, time_format, utc_offset,
    max_values. `test` is a share or the path of a source; `labels` and `anonymise` name files by a string or a path.
    If `out` names nPrint rows (.nprint, .nprint.npz) or a capture (.pcap), the packets are written there; the options
    are then headers, payload_bytes and timestamps.

    With `ray`, the machines of a cluster read the sources (docs/scale.md): "auto" (what RAY_ADDRESS names, else this
    machine), "local" or HOST:PORT. The dataset is in parts and has the same rows.

    Raises:
        InputError: a source is missing or of the wrong kind, or an option is invalid.
    """
    paths = [Path(sources)] if isinstance(sources, str | Path) else [Path(source) for source in sources]
    if converting.is_packet_file(Path(out)):
        if ray is not None:
            raise InputError("a dataset folder as out with ray", str(out), "leave ray out, or name a folder")
        run(converting.write_packets(paths, Path(out), NprintConfig.of(**options)), on_progress)
    else:
        config = PrepareConfig.of(**options)
        with reading_on(ray, preparing.reads(paths, config), Path(out)) as spread:
            run(preparing.prepare(paths, Path(out), config, spread), on_progress)
    return Path(out)


def train(
    dataset: PathLike,
    out: PathLike,
    *,
    resume: bool = False,
    ray: str | None = None,
    on_progress: Progress | None = None,
    **options: Any,
) -> Path:
    """Train a model on a dataset and write it to the folder `out`; returns its path.

    Options are those of the command: preset, image, scale, length, minutes, steps, seed, balance (0 to 1),
    label_dropout, guidance, validation, patience; and the sizes that a preset sets. With image="prompt" also base,
    rank, resolution, control, prompts (a list of templates), batch_images, accumulate, precision and offload.

    With `ray`, the machines of a cluster train together (docs/scale.md): "auto" (what RAY_ADDRESS names, else this
    machine), "local" or HOST:PORT.

    Raises:
        InputError: the dataset is missing or too small, or an option is out of its range.
    """
    config = train_options(**options)
    with training_on(ray, Path(dataset), Path(out), config) as (step, _):
        run(step(Path(dataset), Path(out), config, resume=resume), on_progress)
    return Path(out)


def generate(
    model: PathLike,
    out: PathLike,
    *,
    beginnings: PathLike | None = None,
    ray: str | None = None,
    on_progress: Progress | None = None,
    **options: Any,
) -> Path:
    """Sample traces from a model into the file `out` (.parquet, .csv, .npz; without a suffix a folder of images).

    With `beginnings`, a table of traces, a dataset folder or captures, its rows or flows are continued; count and
    balance are then refused.

    Options: count (a number, or {label: number}), balance, seed, sampling_steps, sampler, guidance, window,
    length. A model of packets (image="fields") also writes .pcap, .pcapng and .nprint; options: protocol, packets,
    client_net, server_net (lists), link, payload, rate, duration, start (ISO 8601, or an integer: seconds or
    nanoseconds), per_label. A model of prompts (image="prompt") also takes prompt, negative, control (a capture) and
    base (a folder).

    With `ray`, the machines of a cluster draw (docs/scale.md): "auto" (what RAY_ADDRESS names, else this machine),
    "local" or HOST:PORT. The result is the same.

    Raises:
        InputError: the model is missing, or a label, a count or the suffix is unknown.
    """
    chosen = {name: options.pop(name) for name in list(options) if name in CaptureConfig.model_fields}
    capture = CaptureConfig.of(**chosen) if chosen else None
    if beginnings is not None:
        exclusive(count="count" in options, beginnings=True)
        exclusive(balance=bool(options.get("balance")), beginnings=True)
    begun = None if beginnings is None else Path(beginnings)
    config = GenerateConfig.of(**options)
    with spread_on(ray) as spread:
        run(generating.generate(Path(model), Path(out), config, capture, begun, spread), on_progress)
    return Path(out)


def evaluate(
    real: PathLike | Arrays,
    synthetic: PathLike | Arrays,
    out: PathLike | None = None,
    *,
    test: PathLike | Arrays | None = None,
    channels: Sequence[str] | None = None,
    model: PathLike | None = None,
    seed: int = 0,
    baselines: bool = True,
    ray: str | None = None,
    on_progress: Progress | None = None,
) -> Scores:
    """Score how faithful, useful and private synthetic traces are; writes the report folder `out` if given.

    Each set is a path (dataset folder, table, capture, folder of captures) or a pair (series, labels) of arrays: series
    (N, n) or (N, C, n) of numbers, NaN past the end of a trace, labels (N,); all sets alike. `channels` names the C
    channels of arrays (default: "channel 1" and so on). Without `test`, a fifth of the real traces is held out, by
    label and seed, unless the dataset has a test part. With the folder of the `model` that generated the synthetic
    traces, its losses are attacked too (paths only). With `ray`, the machines of a cluster compute the metrics
    (docs/scale.md): "auto" (what RAY_ADDRESS names, else this machine), "local" or HOST:PORT.

    Raises:
        InputError: a path is not a dataset, table or capture, the channels differ, or there are too few traces.
    """
    if out is not None:
        read = [given for given in (real, synthetic, test, model) if isinstance(given, str | Path)]
        check_folder(Path(out), REPORT, inputs=map(Path, read))
    config = EvaluateConfig.of(seed=seed, baselines=baselines)
    if isinstance(real, tuple) and isinstance(synthetic, tuple) and (test is None or isinstance(test, tuple)):
        if model is not None:
            raise InputError("sets as paths beside a model", "arrays", "name the model's dataset, or leave model out")
        step = partial(evaluate_arrays, real, synthetic, test, channels, config)
    elif isinstance(real, tuple) or isinstance(synthetic, tuple) or isinstance(test, tuple):
        raise InputError("all sets as paths, or all as pairs (series, labels)", "some of each", "load the files")
    else:
        tested, made_by = (None if path is None else Path(path) for path in (test, model))
        step = partial(evaluating.evaluate, Path(real), Path(synthetic), tested, config, made_by)
    with spread_on(ray, "netdiffus.steps.evaluate") as spread:
        scores = Scores(run(step(spread), on_progress))
    if out is not None:
        scores.save(out)
    return scores


def check(capture: PathLike) -> Conformance:
    """Check whether real stacks would send a capture: violated rules with counts, first examples and sources.

    Raises:
        InputError: the file cannot be read or is not a capture.
    """
    return check_with_payload(capture)


def repair(capture: PathLike, out: PathLike) -> Repair:
    """Repair a capture with the smallest change, into the file `out` (.pcap, .pcapng); returns what was changed.

    Raises:
        InputError: the file cannot be read or is not a capture, or `out` has another suffix or must not be written.
    """
    with fetched(Path(capture)) as read, publish_file(Path(out), inputs=[read]) as temporary:
        return repair_capture(read, temporary, called=Path(out).name)
