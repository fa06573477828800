"""generate: a model draws labelled traces, or flows of packets, and they are written in the form that --out names."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import polars as pl

from netdiffus.errors import InputError
from netdiffus.models.backends import load_model
from netdiffus.models.continuation import Beginnings, continued, row_by_row
from netdiffus.models.model import Model
from netdiffus.models.prompt_options import PromptOptions
from netdiffus.spread import Spread, one_by_one
from netdiffus.steps.inputs.load import load_traces
from netdiffus.steps.inputs.presence import presence_maps
from netdiffus.steps.outputs.capture import check_whole
from netdiffus.steps.outputs.capture_config import CaptureConfig
from netdiffus.steps.outputs.choice import maker_of, output_of
from netdiffus.steps.outputs.generate_config import GenerateConfig
from netdiffus.steps.outputs.order import Drawn, Order
from netdiffus.steps.outputs.sessions import sessions_of
from netdiffus.steps.outputs.tables import FORMS, labelled, write_traces
from netdiffus.steps.outputs.traces import drawn_table
from netdiffus.steps.outputs.written import CaptureWritten
from netdiffus.store.copies import fetched
from netdiffus.store.stage import scratch_folder


def generate(
    model: Path,
    out: Path,
    config: GenerateConfig,
    capture: CaptureConfig | None = None,
    beginnings: Path | None = None,
    spread: Spread = one_by_one,
) -> Generator[Drawn, None, CaptureWritten | None]:
    """Draw from the model in a folder and write to `out`; yields a record per batch.

    The suffix of `out` names the form (steps/outputs/choice.py); without one it becomes a folder of images, as
    `netdiffus image` writes it. A model without a scale draws images alone: such a folder, or one .npz. A model of
    packets (`train --image fields`) also gives captures and nPrint rows; what is in them is returned.

    With `beginnings`, a table of traces or a dataset folder, there is one trace for each of its rows, which goes on
    from it, in the same order.

    Blocks are drawn by `spread`; what is drawn does not depend on it. Traces that go on are drawn in this process.

    Raises:
        InputError: `model` is no model, a label or the suffix of `out` is unknown, a count is below 1.
    """
    with fetched(model) as read, ExitStack() as stack:
        begun = None if beginnings is None else stack.enter_context(fetched(beginnings))
        return (yield from _generate(read, out, config, capture, begun, spread))


def _generate(
    model: Path,
    out: Path,
    config: GenerateConfig,
    capture: CaptureConfig | None,
    beginnings: Path | None,
    spread: Spread,
) -> Generator[Drawn, None, CaptureWritten | None]:
    output = output_of(out)
    loaded = load_model(model, None if config.base is None else Path(config.base))
    check_prompted(loaded, config)
    maps = () if config.control is None else presence_maps(loaded, Path(config.control))
    order = Order(loaded, out, config, capture or CaptureConfig.of(), spread, maps)
    if config.packets == "all":
        check_whole(order)
    if config.sessions is not None:
        sessions_of(order)
    output.check(order, model)
    flows = capture is not None or config.protocol is not None or config.packets is not None
    if beginnings is not None or config.length is not None:
        yield from _write_continued(order, beginnings, flows=flows)
        return None
    return (yield from maker_of(output, order, flows=flows)(order))


def check_prompted(model: Model, config: GenerateConfig) -> None:
    """Raise InputError for options of prompts and a model that takes none."""
    options = model.manifest.options
    if config.of_prompts and not isinstance(options, PromptOptions):
        name = config.of_prompts[0]
        raise InputError(
            f"a model of prompts (train --image prompt) for --{name}", f"one of --image {options.image}",
            f"leave --{name} out",
        )  # fmt: skip


def _write_continued(order: Order, path: Path | None, *, flows: bool) -> Generator[Drawn, None, None]:
    model, out = row_by_row(order.model), order.out
    if out.suffix.lower() not in FORMS or flows:
        raise InputError(
            f"--out with one of the suffixes {', '.join(FORMS)} and no options of packets for --continue and --length",
            str(out),
            "name a table",
        )
    if path is not None and path.resolve() == out.resolve():
        raise InputError("--out other than the table that traces go on from", str(out), "name another file")
    begun = None
    if path is not None:
        with scratch_folder() as scratch:
            read = load_traces(path, scratch)
        begun = Beginnings.of(model, read.traces, read.hash)
    traces = yield from draw_continued(order, begun)
    made_by = order.made_by | ({} if begun is None else {"beginnings": begun.hash})
    write_traces(out, traces, json.dumps(made_by))


def draw_continued(order: Order, beginnings: Beginnings | None) -> Generator[Drawn, None, pl.DataFrame]:
    """Yields a record per batch; returns the table of traces that go on from beginnings, in their order.

    Without beginnings the labels and their counts are those of the order.

    Raises:
        InputError: the model does not draw row by row, or there are more rows than limits.DRAWN_ROWS.
    """
    model, config = row_by_row(order.model), order.config
    begun = Beginnings.none(model, order.ids) if beginnings is None else beginnings
    places, parts, done = [], [], 0
    for rows, traces in continued(model, begun, config.length or model.codec.length, order.how, config.seed):
        places.append(rows)
        parts.append(traces)
        done += len(rows)
        yield Drawn(done, len(begun.ids))
    table = pl.concat(parts)[np.argsort(np.concatenate(places))]
    return labelled(table, np.array(model.manifest.labels)[begun.ids], order.source)


def draw(model: Model, config: GenerateConfig) -> Generator[Drawn, None, pl.DataFrame]:
    """Yields a record per batch; returns the table of traces that a model draws.

    Raises:
        InputError: the model draws images alone, or sessions are asked for, which are no table.
    """
    order = Order(model, Path(), config, CaptureConfig.of())
    if config.sessions is not None:
        sessions_of(order)
    return (yield from (drawn_table(order) if config.length is None else draw_continued(order, None)))
