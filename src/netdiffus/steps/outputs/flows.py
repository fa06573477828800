"""Flows out: drawn flows are compiled and written as a capture, a table of traces, nPrint rows, or bit images."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.errors import InputError
from netdiffus.imaging.bits import BitsCodec, PacketRows, padded
from netdiffus.steps.bitimage import codec_json
from netdiffus.steps.nprint import NprintConfig, write_packets
from netdiffus.steps.outputs.capture import (
    CAPTURES,
    CaptureConfig,
    CaptureWritten,
    files_of,
    is_capture_name,
    per_label,
    placed,
    write_capture,
    write_compiled,
)
from netdiffus.steps.outputs.traces import FORMS, write_traces
from netdiffus.store.bitimages import BitImage, write_bit_images
from netdiffus.store.images import IMAGES, ImageCard
from netdiffus.store.place import followed
from netdiffus.store.publish import check_files, check_folder
from netdiffus.store.stage import scratch_folder
from netdiffus.traffic.ragged import list_column
from netdiffus.traffic.sessions import FlowRows, Packets, compile_rows
from netdiffus.traffic.traces import conform
from netdiffus.wire.nprint import PACKED_SUFFIX, TEXT_SUFFIXES, is_nprint_name

NPRINT_HEADERS = "ipv4,ipv6,tcp,udp,icmp"
KINDS = (*CAPTURES, *FORMS, *TEXT_SUFFIXES, PACKED_SUFFIX)
"""Suffixes of what flows can be written as; without one it is a folder of bit images."""


def check_out(out: Path) -> None:
    """Raise InputError if flows cannot be written to a path of this name."""
    if out.suffix and not out.name.lower().endswith(KINDS):
        raise InputError(f"--out with one of the suffixes {', '.join(KINDS)}", str(out), "name such a file")


def check_place(out: Path, model: Path, labels: Iterable[str] | None) -> None:
    """Raise InputError if what is drawn may not or cannot be written to `out`, in the form that its suffix names.

    Args:
        model: which is read.
        labels: those of --per-label, which has one capture for each; None: there is one.
    """
    if is_capture_name(out):
        named = followed(out)
        check_files(files_of([named] if labels is None else per_label(named, labels)))
    elif out.suffix:
        check_files([out])
    else:
        check_folder(out, IMAGES, inputs=[model])


def write_flows(
    out: Path,
    rows: FlowRows,
    gaps: NDArray[np.int64],
    config: CaptureConfig,
    seed: int,
    length: int,
    provenance: Mapping[str, Any],
    not_as_drawn: Mapping[str, int],
) -> CaptureWritten:
    """Compile flows and write them in the form that the suffix names; arguments as of write_capture.

    Args:
        length: rows of an image.
    """
    if is_capture_name(out):
        return write_capture(out, rows, gaps, config, seed, provenance, not_as_drawn)
    packets = compile_rows(placed(rows, gaps, config, np.random.default_rng(seed)))
    if is_nprint_name(out):
        with scratch_folder() as folder:
            capture = folder / "flows.pcap"
            write_compiled(capture, packets, config, seed, provenance)
            list(write_packets([capture], out, NprintConfig.of(headers=NPRINT_HEADERS)))
    elif out.suffix.lower() in FORMS:
        source = f"netdiffus {provenance['netdiffus']} model {provenance['model'][:16]} seed {seed}"
        write_traces(out, traces_of(packets, source), json.dumps(dict(provenance)))
    else:
        codec = BitsCodec()
        labels = sorted(set(packets.labels))
        card = ImageCard(codec=codec_json(codec, length), labels=labels, made_by=dict(provenance))
        write_bit_images(out, card, _images(codec, length, packets))
    return CaptureWritten({out: len(packets.segments)}, len(np.unique(packets.owner)), packets.changes, not_as_drawn)


def traces_of(packets: Packets, source: str) -> pl.DataFrame:
    """Compiled flows as a table with the columns of traces.parquet, split = "synthetic", in their order."""
    segments = packets.segments
    counts = np.bincount(packets.owner, minlength=len(packets.flows)).astype(np.int64)
    first = np.cumsum(counts) - counts
    gap_ns = np.diff(segments["time_ns"], prepend=0)
    kept = counts > 0
    gap_ns[first[kept]] = 0
    table = pl.DataFrame(
        {
            "label": [label for label, here in zip(packets.labels, kept.tolist(), strict=True) if here],
            "start_ns": segments["time_ns"][first[kept]],
            "size": list_column("size", segments["size"], counts[kept]),
            "direction": list_column("direction", segments["direction"], counts[kept]),
            "gap_ns": list_column("gap_ns", gap_ns, counts[kept]),
        }
    )
    return conform(table.with_columns(split=pl.lit("synthetic"), source=pl.lit(source)))


def _images(codec: BitsCodec, length: int, packets: Packets) -> Iterator[BitImage]:
    """An image of each compiled flow that has columns (ICMPv6 has none); transport checksums, of payload, are 0."""
    headers, segments = packets.headers, packets.segments
    at = np.append(headers.offset, len(headers.data))
    gaps = np.diff(segments["time_ns"], prepend=0)
    ends = np.append(np.flatnonzero(np.diff(packets.owner, prepend=-1)), len(segments))
    for begin, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        some = slice(begin, end)
        gap_ns = gaps[some].copy()
        gap_ns[0] = 0
        rows = PacketRows(
            headers.data[at[begin] : at[end]],
            headers.network[some],
            headers.transport[some],
            segments["direction"][some].astype(np.int64),
            segments["size"][some].astype(np.int64),
            gap_ns,
        )
        if not any(codec.lost(rows)):
            label, start_ns = packets.labels[packets.owner[begin]], int(segments["time_ns"][begin])
            yield BitImage(label, start_ns, padded(codec.encode(rows), length))
