"""Bit images: packets become a folder of them, and such a folder becomes a capture or a table again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from netdiffus import limits
from netdiffus.arrays import Ints
from netdiffus.errors import InputError
from netdiffus.imaging.bits import BITS, BitsCodec, PacketRows, padded, trimmed
from netdiffus.manifest import JsonObject
from netdiffus.steps.images.config import BitImageConfig
from netdiffus.steps.outputs.tables import FORMS as TABLES
from netdiffus.steps.outputs.tables import write_traces
from netdiffus.store.bitimages import BitImage, read_bit_images, write_bit_images
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.store.images import FORMS, IMAGES, ImageCard, kind_of_images
from netdiffus.store.publish import check_files, check_folder, publish_file
from netdiffus.text import as_text
from netdiffus.traffic.traces import conform
from netdiffus.version import __version__
from netdiffus.wire.files.writer import CAPTURE_FORMS, CaptureWriter
from netdiffus.wire.headers.fields import ICMP
from netdiffus.wire.headers.links import RAW
from netdiffus.wire.headers.packets import MAX_TIME_NS, PacketBlock

FIRST_NS = 1_000_000_000
"""Between the first packets of images that do not say when they began, as bare ones made elsewhere."""


@dataclass(frozen=True)
class BitImagesWritten:
    """How many images there are, their rows and columns, and flows that have none, by reason."""

    images: int
    length: int
    columns: int
    left_out: Counter[str]


def to_bit_images(dataset: Path, out: Path, config: BitImageConfig) -> BitImagesWritten:
    """Write an image of each flow of a dataset, with as many rows as the longest has packets, or `length`.

    A flow with a packet that has no columns is left out and counted.

    Raises:
        InputError: the dataset has no packets, or the headers are none that an image can have.
    """
    codec = BitsCodec.of(config.headers, bare=config.bare)
    check_folder(out, IMAGES, inputs=[dataset])
    card, traces = read_dataset(dataset)
    packets = read_packets(dataset)
    longest = int(packets["index"].max() or 0) + 1  # type: ignore[arg-type]
    length = config.length or min(longest, limits.LENGTH)
    left_out: Counter[str] = Counter()
    made_by: JsonObject = {"netdiffus": __version__, "dataset": card.hash, "config": config.model_dump()}
    labels = sorted(traces["label"].unique().to_list())
    head = ImageCard(codec=codec.to_json(length), labels=labels, made_by=made_by)
    kept = packets.filter(pl.col("index") < length)
    images = _images(codec, length, traces.select("trace_id", "label"), kept, left_out)
    n = write_bit_images(out, head, images, FORMS if config.form == "both" else (config.form,))
    return BitImagesWritten(n, length, codec.columns, left_out)


def _images(
    codec: BitsCodec, length: int, traces: pl.DataFrame, packets: pl.DataFrame, left_out: Counter[str]
) -> Iterator[BitImage]:
    labels = dict(traces.iter_rows())
    for flow in packets.partition_by("trace_id", maintain_order=True):
        rows = packet_rows(flow)
        why = [reason for reason in codec.lost(rows).tolist() if reason]
        if why:
            left_out[why[0]] += 1
            continue
        yield BitImage(labels[flow["trace_id"][0]], flow["time_ns"][0], padded(codec.encode(rows), length))


def packet_rows(flow: pl.DataFrame) -> PacketRows:
    """Packets of one flow as packets.parquet has them."""
    network, transport = (
        flow[name].bin.size().to_numpy().astype(np.int64) for name in ("network_header", "transport_header")
    )
    pairs = flow.select("network_header", "transport_header").iter_rows()
    data = np.frombuffer(b"".join(part for pair in pairs for part in pair), np.uint8)
    direction, size = (flow[name].to_numpy().astype(np.int64) for name in ("direction", "payload_bytes"))
    time_ns = flow["time_ns"].to_numpy()
    return PacketRows(data, network, transport, direction, size, np.diff(time_ns, prepend=time_ns[:1]))


def from_bit_images(folder: Path, out: Path) -> int:
    """Write the flows of a folder of bit images as a capture (payload zero) or as a table; returns how many.

    Raises:
        InputError: there are no images or other ones, or the suffix of `out` is unknown.
    """
    suffix = out.suffix.lower()
    if suffix not in TABLES and suffix not in CAPTURE_FORMS:
        raise InputError(
            f"--out with one of the suffixes {', '.join((*TABLES, *CAPTURE_FORMS))}", str(out), "name such a file"
        )
    check_files([out])
    labels = ImageCard.read(folder).labels if kind_of_images(folder) == BITS else []
    flows = [_flow(image, number) for number, image in enumerate(read_bit_images(folder, labels))]
    source = f"bit images of {as_text(folder.name)}"
    if suffix in TABLES:
        write_traces(out, _table(flows, source), source)
    else:
        _write_capture(out, suffix, flows)
    return len(flows)


def _flow(image: BitImage, number: int) -> tuple[BitImage, PacketRows]:
    codec = BitsCodec.of_width(image.values.shape[1])
    rows = codec.decode(trimmed(image.values))
    if codec.bare:
        start = image.start_ns or number * FIRST_NS
        return replace(image, start_ns=start), rows._replace(size=_payload_size(rows), direction=_direction(rows))
    return image, rows


def _payload_size(rows: PacketRows) -> Ints:
    """Payload bytes as the IP header's length says."""
    at, is_v4 = rows.begin, rows.data[rows.begin] >> 4 == 4
    place = at + np.where(is_v4, 2, 4)
    total = rows.data[place].astype(np.int64) << 8 | rows.data[place + 1]
    return np.asarray(np.maximum(total + np.where(is_v4, 0, rows.network) - rows.network - rows.transport, 0))


def _direction(rows: PacketRows) -> Ints:
    """0 for packets from the host and port that sent the first one, else 1."""
    data, senders = rows.data.tobytes(), []
    for at, size in zip(rows.begin.tolist(), rows.network.tolist(), strict=True):
        source = slice(at + 12, at + 16) if data[at] >> 4 == 4 else slice(at + 8, at + 24)
        senders.append((data[source], data[at + size : at + size + 2] if data[at + 9] != ICMP else b""))
    return np.array([sender != senders[0] for sender in senders], np.int64)


def _table(flows: Sequence[tuple[BitImage, PacketRows]], source: str) -> pl.DataFrame:
    return conform(
        pl.DataFrame(
            {
                "label": [image.label for image, _ in flows],
                "start_ns": [image.start_ns for image, _ in flows],
                "size": [rows.size.tolist() for _, rows in flows],
                "direction": [rows.direction.tolist() for _, rows in flows],
                "gap_ns": [np.maximum(rows.gap_ns, 0).tolist() for _, rows in flows],
            }
        ).with_columns(source=pl.lit(source))
    )


def _write_capture(out: Path, suffix: str, flows: Sequence[tuple[BitImage, PacketRows]]) -> None:
    """Write the flows' packets in order of time; payload is zero."""
    block = _headers_of(flows)
    block = block.rows(np.argsort(block.time_ns, kind="stable"))
    with publish_file(out) as temporary, temporary.open("wb") as file:
        writer = CaptureWriter(file, suffix, link=RAW)
        for part in block.filled():
            writer.write(part)


def _headers_of(flows: Sequence[tuple[BitImage, PacketRows]]) -> PacketBlock:
    """The packets of all flows, flow after flow, of which the headers are captured."""
    every = [rows for _, rows in flows]
    captured = np.concatenate([rows.network + rows.transport for rows in every])
    times = [np.clip(image.start_ns + np.cumsum(rows.gap_ns), 0, MAX_TIME_NS) for image, rows in flows]
    return PacketBlock(
        np.concatenate([rows.data for rows in every]),
        np.cumsum(captured) - captured,
        captured.astype(np.int32),
        (captured + np.concatenate([rows.size for rows in every])).astype(np.int32),
        np.concatenate(times),
        np.full(len(captured), RAW, np.int32),
    )
