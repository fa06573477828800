"""OUTPUTS: what `generate` can write, by the suffix of --out, and which of it a model can give."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.models.sampling import Form
from netdiffus.models.services import label_of
from netdiffus.models.unet import no_scale
from netdiffus.steps.outputs.capture import check_start, draw_capture, files_of, per_label
from netdiffus.steps.outputs.images import write_arrays, write_bits, write_folder
from netdiffus.steps.outputs.nprint import write_nprint
from netdiffus.steps.outputs.order import Drawn, Order
from netdiffus.steps.outputs.traces import write_flows, write_series
from netdiffus.steps.outputs.written import CaptureWritten
from netdiffus.store.images import IMAGES
from netdiffus.store.place import followed
from netdiffus.store.publish import check_files, check_folder

Maker = Callable[[Order], Generator[Drawn, None, CaptureWritten | None]]
"""Draws and writes; yields a record per batch, returns what was written of packets."""


@dataclass(frozen=True)
class Output:
    """A form of output.

    Attributes:
        makers: how it is made of each form of draws that it can be made of.
        check: raises InputError if the order's result may not be written; the folder is the model's, which is read.
    """

    makers: Mapping[Form, Maker]
    check: Callable[[Order, Path], None]


def _check_file(order: Order, model: Path) -> None:
    check_files([order.out])


def _check_folder(order: Order, model: Path) -> None:
    check_folder(order.out, IMAGES, inputs=[model])


def _check_captures(order: Order, model: Path) -> None:
    named = followed(order.out)
    labels = sorted({label_of(name) for name, count in order.counts.items() if count})
    check_files(files_of(per_label(named, labels) if order.capture.per_label else [named]))


CAPTURE = Output({"flows": draw_capture}, _check_captures)
TABLE = Output({"series": write_series, "flows": write_flows}, _check_file)
ARRAYS = Output({**TABLE.makers, "images": write_arrays}, _check_file)
NPRINT = Output({"flows": write_nprint}, _check_file)
FOLDER = Output({"images": write_folder, "flows": write_bits}, _check_folder)
OUTPUTS: dict[str, Output] = {
    ".pcap": CAPTURE, ".pcapng": CAPTURE, ".parquet": TABLE, ".csv": TABLE, ".npz": ARRAYS, ".nprint": NPRINT,
    ".npt": NPRINT, ".nprint.npz": NPRINT, "": FOLDER,
}  # fmt: skip
"""By suffix; without one it is a folder."""
MISSING: dict[Form, tuple[str, str, str]] = {
    "flows": (
        "a model of packets (train --image fields) for {out} and options of captures", "one of --image {image}",
        "train such a model, or name a table with --out",
    ),
    "images": ("a model of images for a folder of images", "one of {image}", "name a table with --out"),
}  # fmt: skip
"""What to say where a model does not give what an output is made of."""


def output_of(out: Path) -> Output:
    """The output that the name of a path stands for.

    Raises:
        InputError: there is none.
    """
    name = out.name.lower()
    found = [suffix for suffix in OUTPUTS if suffix and name.endswith(suffix)] if out.suffix else [""]
    if not found:
        known = ", ".join(filter(None, OUTPUTS))
        raise InputError(f"--out with one of the suffixes {known}", str(out), "name such a file")
    return OUTPUTS[max(found, key=len)]


def maker_of(output: Output, order: Order, *, flows: bool) -> Maker:
    """How the output is made of what the order's model draws.

    Args:
        flows: whether there are options that only flows have.

    Raises:
        InputError: the model cannot give it, or an option does not fit it.
    """
    forms = order.model.forms
    usable = [form for form in forms if form in output.makers and (form == "flows" or not flows)]
    if not usable:
        wanted: Form = "flows" if flows else next(iter(output.makers))
        if wanted == "series":
            raise no_scale()
        image = order.model.manifest.options.image
        expected, got, action = MISSING[wanted]
        raise InputError(expected.format(out=order.out.name), got.format(image=image), action)
    if usable[0] == "flows":
        check_start(order.out, order.capture)
        order.capture.check_form(order.out, order.total)
    return output.makers[usable[0]]
