"""Images: a folder of GASF images or of bit images, or one .npz of many images."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator

import numpy as np

from netdiffus.compiler import Packets
from netdiffus.imaging.bits import BitsCodec, padded
from netdiffus.imaging.compiled import flows_of
from netdiffus.steps.outputs.capture import compiled_flows, written
from netdiffus.steps.outputs.order import Drawn, Order, draw_flows, draws
from netdiffus.steps.outputs.written import CaptureWritten
from netdiffus.store.bitimages import BitImage, write_bit_images
from netdiffus.store.images import ImageCard, write_images, write_stack


def write_folder(order: Order) -> Generator[Drawn, None, None]:
    """Draw images and write them as a folder."""
    parts = []
    for part, progress in draws(order, lambda draw: (draw.ids, draw.images())):
        parts.append(part)
        yield progress
    manifest = order.model.manifest
    card = ImageCard(codec=manifest.card.codec, labels=manifest.labels, made_by=order.made_by)
    write_images(order.out, card, parts)


def write_arrays(order: Order) -> Generator[Drawn, None, None]:
    """Draw images and write them as one .npz."""
    ids, images = [], []
    for (some, drawn), progress in draws(order, lambda draw: (draw.ids, draw.images())):
        ids.append(some)
        images.append(drawn)
        yield progress
    labels = np.array(order.model.manifest.labels)[np.concatenate(ids)]
    write_stack(order.out, np.concatenate(images), labels, json.dumps(order.made_by))


def write_bits(order: Order) -> Generator[Drawn, None, CaptureWritten]:
    """Draw flows, compile them and write a bit image of each."""
    drawn = yield from draw_flows(order)
    packets = compiled_flows(drawn, order)
    codec, length = BitsCodec(), order.config.most or order.model.manifest.codec.length
    made_by = order.made_by | {"capture": order.capture.model_dump()}
    card = ImageCard(codec=codec.to_json(length), labels=sorted(set(packets.labels)), made_by=made_by)
    write_bit_images(order.out, card, _images(codec, length, packets))
    return written({order.out: len(packets.segments)}, packets, drawn)


def _images(codec: BitsCodec, length: int, packets: Packets) -> Iterator[BitImage]:
    """An image of each compiled flow that has columns (ICMPv6 has none); transport checksums, of payload, are 0."""
    for place, rows, start_ns in flows_of(packets):
        if not any(codec.lost(rows)):
            yield BitImage(packets.labels[place], start_ns, padded(codec.encode(rows), length))
