"""The commands around images and other people's checkpoints: image, import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from netdiffus import limits
from netdiffus.cli.app import app
from netdiffus.cli.say import say, say_next


@app.command()
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
    scale: Annotated[
        str | None,
        typer.Option(
            help="Scale to fit: empirical (default), minmax or log; of foreign images LOW,HIGH, e.g. -1460,1460."
        ),
    ] = None,
    length: Annotated[
        int | None,
        typer.Option(min=2, max=limits.LENGTH, help="Positions of a trace, pixels of its image."),
    ] = None,
    form: Annotated[str, typer.Option(help="npz (exact), png (8 bits, to look at) or both.")] = "both",
    kind: Annotated[
        str,
        typer.Option("--image", help="'gasf' of traces; or 'bits' of packets: nPrint columns, exact in a .png too."),
    ] = "gasf",
    headers: Annotated[str, typer.Option(help="Bits: columns of ipv4,ipv6,tcp,udp,icmp.")] = "ipv4,ipv6,tcp,udp,icmp",
    bare: Annotated[
        bool, typer.Option("--bare", help="Bits: nPrint's columns alone, without direction, payload size and gap.")
    ] = False,
) -> None:
    """Looks at traces as images (.npz, .png), and turns such images back into traces or, of bits, into a capture."""
    from netdiffus.cli.show import print_losses
    from netdiffus.errors import InputError
    from netdiffus.steps.bitimage import is_bit_images
    from netdiffus.steps.image import ImageConfig, from_images, to_images
    from netdiffus.steps.sources.gasf_images import parse_range
    from netdiffus.store.cards import DatasetCard

    if kind not in ("gasf", "bits"):
        raise InputError("--image gasf or bits", kind, "correct --image")
    made = source.is_dir() and not (source / DatasetCard.FILE).exists()
    of_bits = kind == "bits" or (made and is_bit_images(source))
    _check_options(context, of_bits=of_bits, made=made, has_model=model is not None)
    if of_bits:
        _bits(source, out, made=made, headers=headers.split(","), bare=bare, length=length, form=form)
        return
    if made:
        say(f"traces: {from_images(source, out, None if scale is None else parse_range(scale, '--scale')):,} in {out}")
        return
    config = ImageConfig.of(scale=scale or "empirical", length=length, form=form)
    losses = to_images(source, out, config, model)
    say(f"images: {out}")
    print_losses(losses)
    say_next("back", "image", out, "--out", "traces.parquet")


def _check_options(context: typer.Context, *, of_bits: bool, made: bool, has_model: bool) -> None:
    """Raise InputError for an option that has no meaning for what is turned into what."""
    from netdiffus.errors import InputError

    if made:
        kind, meant = ("bit images back", set()) if of_bits else ("GASF images back", {"scale"})
    elif of_bits:
        kind, meant = "bit images", {"length", "form", "headers", "bare"}
    elif has_model:
        kind, meant = "the images of a model's scale and length", {"model", "form"}
    else:
        kind, meant = "GASF images", {"scale", "length", "form"}
    found = {name: context.get_parameter_source(name) for name in context.params}
    given = {name for name, origin in found.items() if origin is not None and origin.name == "COMMANDLINE"}
    if wrong := sorted(given - meant - {"source", "out", "kind"}):
        raise InputError(f"options that have a meaning for {kind}", f"--{wrong[0]}", f"leave --{wrong[0]} out")


def _bits(source: Path, out: Path, *, made: bool, **options: Any) -> None:
    from netdiffus.steps.bitimage import BitImageConfig, from_bit_images, to_bit_images

    if made:
        say(f"flows: {from_bit_images(source, out):,} in {out}")
        return
    written = to_bit_images(source, out, BitImageConfig.of(**options))
    say(f"images: {out}  ({written.images:,} of {written.length:,} rows, {written.columns:,} columns)")
    for reason, count in written.left_out.most_common():
        say(f"left out: flow with {reason}: {count:,}")
    say_next("back", "image", out, "--out", "packets.pcap")


@app.command(name="import")
def import_(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="A guided-diffusion model*.pt or ema_*.pt.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="MODEL",
            help="The model folder to write; only a model of netdiffus is replaced.",
            show_default=False,
        ),
    ],
    image_size: Annotated[int, typer.Option(min=2, max=limits.LENGTH, help="Pixels of a side.", show_default=False)],
    heads: Annotated[int, typer.Option(min=1, max=limits.HEADS, help="Attention heads.")] = 4,
    steps: Annotated[int, typer.Option(min=2, max=limits.TIMESTEPS, help="Diffusion steps T of the training.")] = 1000,
    schedule: Annotated[str, typer.Option(help="Noise schedule: cosine or linear.")] = "cosine",
    labels: Annotated[
        str | None, typer.Option(help="Names of the classes in order, e.g. web,dns,mail; default: 0,1,2 ...")
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(help="LOW,HIGH of the signed sizes in an image, e.g. -1460,1460; then traces come out."),
    ] = None,
) -> None:
    """A guided-diffusion checkpoint becomes a model."""
    from netdiffus.steps.import_checkpoint import ImportConfig, import_checkpoint
    from netdiffus.steps.sources.gasf_images import parse_range

    bounds = None if scale is None else parse_range(scale, "--scale")
    config = ImportConfig.of(
        image_size=image_size, heads=heads, steps=steps, schedule=schedule,
        labels=None if labels is None else [name.strip() for name in labels.split(",")], scale=bounds,
    )  # fmt: skip
    shape = import_checkpoint(checkpoint, out, config)
    say(f"model: {out}")
    attention = ", ".join(str(image_size // factor) for factor in sorted(shape.attention)) or "the middle alone"
    say(
        f"network: {shape.channels_in} channels of {image_size} x {image_size} pixels, {shape.width} channels x "
        f"{', '.join(map(str, shape.multipliers))}, {shape.blocks} blocks, attention at {attention}, "
        f"{'no' if shape.classes is None else shape.classes} classes"
    )
    target = "synthetic.parquet" if scale else "images.npz"
    say_next("next", "generate", out, "--out", target, "--count", 100)
