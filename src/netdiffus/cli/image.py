"""`netdiffus image`: traces as images, bit images of packets, and both ways back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from netdiffus.cli.options import chosen, given, with_options
from netdiffus.cli.say import say, say_next
from netdiffus.steps.images.config import BitImageConfig, ImageConfig
from netdiffus.traffic.bounds import parse_range

GASF, BITS = set(ImageConfig.model_fields), set(BitImageConfig.model_fields)
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
    from netdiffus.steps.images.bits import is_bit_images
    from netdiffus.store.cards import DatasetCard

    if kind not in ("gasf", "bits"):
        raise InputError("--image gasf or bits", kind, "correct --image")
    made = source.is_dir() and not (source / DatasetCard.FILE).exists()
    of_bits = kind == "bits" or (made and is_bit_images(source))
    _check_options(context, of_bits=of_bits, made=made, has_model=model is not None)
    if of_bits and made:
        _bits_back(source, out)
    elif of_bits:
        _bits(source, out, BitImageConfig.of(**chosen(context, BitImageConfig)))
    elif made:
        _gasf_back(source, out, context.params["scale"])
    else:
        _gasf(source, out, ImageConfig.of(**chosen(context, ImageConfig)), model)


def _check_options(context: typer.Context, *, of_bits: bool, made: bool, has_model: bool) -> None:
    """Raise InputError for an option that has no meaning for what is turned into what."""
    from netdiffus.errors import InputError

    if made:
        kind, meant = ("bit images back", set()) if of_bits else ("GASF images back", {"scale"})
    elif of_bits:
        kind, meant = "bit images", BITS
    elif has_model:
        kind, meant = "the images of a model's scale and length", {"model", "form"}
    else:
        kind, meant = "GASF images", GASF
    if wrong := sorted(given(context) - meant - COMMON):
        raise InputError(f"options that have a meaning for {kind}", f"--{wrong[0]}", f"leave --{wrong[0]} out")


def _gasf(traces: Path, out: Path, config: ImageConfig, model: Path | None) -> None:
    from netdiffus.cli.show import print_losses
    from netdiffus.steps.images.gasf import to_images

    losses = to_images(traces, out, config, model)
    say(f"images: {out}")
    print_losses(losses)
    say_next("back", "image", out, "--out", "traces.parquet")


def _gasf_back(images: Path, out: Path, scale: str | None) -> None:
    from netdiffus.steps.images.gasf import from_images

    say(f"traces: {from_images(images, out, None if scale is None else parse_range(scale, '--scale')):,} in {out}")


def _bits(dataset: Path, out: Path, config: BitImageConfig) -> None:
    from netdiffus.steps.images.bits import to_bit_images

    written = to_bit_images(dataset, out, config)
    say(f"images: {out}  ({written.images:,} of {written.length:,} rows, {written.columns:,} columns)")
    for reason, count in written.left_out.most_common():
        say(f"left out: flow with {reason}: {count:,}")
    say_next("back", "image", out, "--out", "packets.pcap")


def _bits_back(images: Path, out: Path) -> None:
    from netdiffus.steps.images.bits import from_bit_images

    say(f"flows: {from_bit_images(images, out):,} in {out}")
