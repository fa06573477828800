"""The report's packet section: tables of header fields and of conformance, and flows as pictures of nPrint bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netdiffus.metrics import Score
from netdiffus.metrics.bits import columns
from netdiffus.metrics.packets import Packets, PacketSets
from netdiffus.report.gallery import GalleryRow, Picture
from netdiffus.report.headlines import Reading, figure
from netdiffus.report.svg import data_uri

ROWS = 32  # packets of a flow
COLOURS = np.array([[158, 163, 172], [22, 130, 76], [190, 45, 38]], np.uint8)  # absent, 0, 1: grey, green, red
FIELDS = "fields."


@dataclass(frozen=True)
class FieldRow:
    """One header field, mean over the labels, and the label that is farthest from real."""

    name: str
    measure: str
    value: str
    real: str
    reading: str
    worst: str


def field_rows(scores: Sequence[Score]) -> list[FieldRow]:
    """One row per field of `metrics/fields.py`."""
    rows = []
    for score in scores:
        if not score.name.startswith(FIELDS) or score.label is not None:
            continue
        _, name, measure = score.name.split(".")
        rows.append(
            FieldRow(
                name.replace("_", " "),
                {"ks": "Kolmogorov-Smirnov", "tvd": "total variation"}[measure],
                **vars(Reading.of(score, scores)),
            )
        )
    return rows


@dataclass(frozen=True)
class FindingRow:
    """A rule of `netdiffus check`, and the shares of packets that break it or are worth a note."""

    rule: str
    severity: str
    synthetic: str
    real: str
    meaning: str


def finding_rows(packets: PacketSets | None) -> list[FindingRow]:
    """One row per rule that packets of either side meet, those of the synthetic side first; commonest first.

    Of whole captures where both sides were given as captures, else of flows one by one.
    """
    if packets is None or packets.checked is None:
        return []
    real, synthetic = packets.captures if all(packets.captures) else packets.checked
    if real is None or synthetic is None:
        return []
    shares = [
        {finding.rule: finding.packets / max(1, part.packets) for finding in part.findings}
        for part in (synthetic, real)
    ]
    kinds = {finding.rule: finding for part in (real, synthetic) for finding in part.findings}
    order = sorted(kinds, key=lambda rule: (rule not in shares[0], [-share.get(rule, 0.0) for share in shares]))
    rows = []
    for rule in order:
        synthetic_share, real_share = (figure(share.get(rule, 0.0), "share") for share in shares)
        rows.append(FindingRow(rule, kinds[rule].severity, synthetic_share, real_share, kinds[rule].meaning))
    return rows


def packet_gallery(packets: PacketSets | None) -> list[GalleryRow]:
    """For each label that both sides have, the bits of one real test flow and of one synthetic flow.

    Columns absent from all packets, such as most of the options, are not shown.
    """
    if packets is None:
        return []
    chosen = columns(packets.parts)
    shown = [part.columns.present for part in (packets.test, packets.synthetic)]
    there = np.unpackbits(np.bitwise_or.reduce([np.bitwise_or.reduce(present, axis=0) for present in shown]))
    chosen = chosen[there[chosen] == 1]
    rows = []
    for label in map(str, np.intersect1d(packets.test.labels, packets.synthetic.labels)):
        real, synthetic = (
            [Picture(data_uri(bits_png(flow_bits(part, label, chosen))), f"nPrint bits of a {side} {label} flow")]
            for side, part in (("real", packets.test), ("synthetic", packets.synthetic))
        )
        rows.append(GalleryRow(label, real, synthetic))
    return rows


def flow_bits(part: Packets, label: str, chosen: NDArray[np.intp]) -> NDArray[np.int8]:
    """The chosen columns of the first 32 packets of a label's flow, (32, C): -1 absent, 0 or 1.

    It is the one with the middle number of packets: neither the shortest nor the longest.
    """
    flows = np.flatnonzero(part.labels == label)
    flow = flows[np.argsort(part.counts[flows], kind="stable")[len(flows) // 2]]
    rows = slice(int(part.first[flow]), int(part.first[flow] + min(ROWS, part.counts[flow])))
    there, ones = (
        np.unpackbits(packed[rows], axis=1)[:, chosen].view(np.int8)
        for packed in (part.columns.present, part.columns.bits)
    )
    found = np.full((ROWS, len(chosen)), -1, np.int8)
    found[: len(there)] = there + ones - 1
    return found


def bits_png(bits: NDArray[np.int8]) -> bytes:
    """Rows of bits as a PNG of as many pixels, red, green and grey as in the nPrint paper."""
    buffer = BytesIO()
    Image.fromarray(COLOURS[bits + 1]).quantize(len(COLOURS)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
