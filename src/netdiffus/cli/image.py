"""`netdiffus image`: traces as images, bit images of packets, and both ways back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from netdiffus.cli.options import chosen, given, with_options
from netdiffus.cli.say import say, say_next
from netdiffus.config import Config
from netdiffus.steps.images.config import BitImageConfig, ImageConfig
from netdiffus.traffic.bounds import parse_range

COMMON = {"source", "out", "kind"}


@with_options(BitImageConfig)
@with_options(ImageConfig)
def image(
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(
            metavar="TRACES|DIR", help="A dataset or table; or a folder of images, to turn back.", show_default=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR|FILE",
            help="Folder for the images, or the file to write; only images and tables of netdiffus are replaced.",
            show_default=False,
        ),
    ],
    model: Annotated[Path | None, typer.Option(help="Use this model's scale instead of one fitted to TRACES.")] = None,
    kind: Annotated[
        str,
        typer.Option("--image", help="'gasf' of traces; or 'bits' of packets: nPrint columns, exact in a .png too."),
    ] = "gasf",
    **_: Any,
) -> None:
    """Looks at traces as images (.npz, .png), and turns such images back into traces or, of bits, into a capture."""
    from netdiffus.errors import InputError
    from netdiffus.store.cards import DatasetCard
    from netdiffus.store.images import kind_of_images

    if kind not in KINDS:
        raise InputError(f"--image {' or '.join(KINDS)}", kind, "correct --image")
    made = source.is_dir() and not (source / DatasetCard.FILE).exists()
    named = kind_of_images(source) if made else None
    chosen_kind = KINDS[named if named in KINDS else kind]
    _check_options(context, chosen_kind, made=made, has_model=model is not None)
    (chosen_kind.back if made else chosen_kind.make)(context, source, out)


@dataclass(frozen=True)
class _Kind:
    """A kind of images: how it is made and turned back, and the options of both.

    Attributes:
        of_back: options of the way back.
        of_model: options that have a meaning beside --model; none: it takes no model.
    """

    name: str
    config: type[Config]
    make: Callable[[typer.Context, Path, Path], None]
    back: Callable[[typer.Context, Path, Path], None]
    of_back: frozenset[str] = frozenset()
    of_model: frozenset[str] = frozenset()


def _check_options(context: typer.Context, kind: _Kind, *, made: bool, has_model: bool) -> None:
    """Raise InputError for an option that has no meaning for what is turned into what."""
    from netdiffus.errors import InputError

    what, meant = (f"{kind.name} back", kind.of_back) if made else (kind.name, frozenset(kind.config.model_fields))
    if has_model and not made and kind.of_model:
        what, meant = "the images of a model's scale and length", kind.of_model
    if wrong := sorted(given(context) - meant - COMMON):
        raise InputError(f"options that have a meaning for {what}", f"--{wrong[0]}", f"leave --{wrong[0]} out")


def _gasf(context: typer.Context, traces: Path, out: Path) -> None:
    from netdiffus.cli.show import print_losses
    from netdiffus.steps.images.gasf import to_images

    losses = to_images(traces, out, ImageConfig.of(**chosen(context, ImageConfig)), context.params["model"])
    say(f"images: {out}")
    print_losses(losses)
    say_next("back", "image", out, "--out", "traces.parquet")


def _gasf_back(context: typer.Context, images: Path, out: Path) -> None:
    from netdiffus.steps.images.gasf import from_images

    scale = context.params["scale"] if "scale" in given(context) else None
    say(f"traces: {from_images(images, out, None if scale is None else parse_range(scale, '--scale')):,} in {out}")


def _bits(context: typer.Context, dataset: Path, out: Path) -> None:
    from netdiffus.steps.images.bits import to_bit_images

    written = to_bit_images(dataset, out, BitImageConfig.of(**chosen(context, BitImageConfig)))
    say(f"images: {out}  ({written.images:,} of {written.length:,} rows, {written.columns:,} columns)")
    for reason, count in written.left_out.most_common():
        say(f"left out: flow with {reason}: {count:,}")
    say_next("back", "image", out, "--out", "packets.pcap")


def _bits_back(context: typer.Context, images: Path, out: Path) -> None:
    from netdiffus.steps.images.bits import from_bit_images

    say(f"flows: {from_bit_images(images, out):,} in {out}")


KINDS = {
    "gasf": _Kind("GASF images", ImageConfig, _gasf, _gasf_back, frozenset({"scale"}), frozenset({"model", "form"})),
    "bits": _Kind("bit images", BitImageConfig, _bits, _bits_back),
}
"""By the value of --image, which is also the codec that a folder of images names."""
