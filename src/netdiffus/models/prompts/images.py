"""The flows of a dataset as bit images between neutral hosts: what a model of prompts learns, packed in memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from netdiffus import limits
from netdiffus.arrays import Bytes, Ints, Levels
from netdiffus.compiler import Fidelity, FlowRows, compile_rows
from netdiffus.compiler.endpoints import neutral_endpoints
from netdiffus.compiler.features.codec import FEW_FLOWS
from netdiffus.compiler.features.option_templates import plain_layouts
from netdiffus.compiler.specs import SERVER
from netdiffus.compiler.tables import rows_of_tables
from netdiffus.imaging.bits import BitsCodec, PacketRows
from netdiffus.imaging.compiled import flows_of
from netdiffus.imaging.rgb import RgbCodec
from netdiffus.models.packet_codec import class_names
from netdiffus.models.prompts.facts import Facts
from netdiffus.models.whole_flows import check_rows
from netdiffus.store.dataset import read_packets
from netdiffus.wire.nprint.bits import unpack

CHECKSUM = "ipv4_cksum"
"""A field that follows from others and so is 0 in the images, like the transport's."""


@dataclass(frozen=True)
class FlowImages:
    """Images of N flows, as bits.

    Attributes:
        rgb: what pictures show of them.
        bits, present: one row a packet, all columns of the image, packed. first, counts: of each flow's rows, (N,).
        classes: LABEL/PROTOCOL of each. facts: what prompts say of each. layouts: of TCP options that occur.
        left_out: flows without an image, by reason.
    """

    rgb: RgbCodec
    bits: Bytes
    present: Bytes
    first: Ints
    counts: Ints
    classes: list[str]
    facts: list[Facts]
    layouts: tuple[bytes, ...]
    left_out: Counter[str]

    def __len__(self) -> int:
        return len(self.counts)

    def image(self, flow: int) -> Levels:
        """The bit image (packets, columns) of a flow, in -1, 0, 1."""
        some = slice(self.first[flow], self.first[flow] + self.counts[flow])
        return unpack(self.bits[some], self.present[some])

    def shown(self, index: Ints) -> Levels:
        """What the pictures of some flows show (B, rows, K), in -1, 0, 1."""
        rgb = self.rgb
        found = np.empty((len(index), rgb.rows, len(rgb.columns)), np.int8)
        for place, flow in enumerate(index.tolist()):
            found[place] = rgb.shown(self.image(flow))
        return found


def flow_images(dataset: Path, part: pl.DataFrame, length: int | None) -> FlowImages:
    """Images of the flows of a dataset's training part.

    Args:
        length: packets of an image; None: as many as the longest flow has.

    Raises:
        InputError: the dataset has no packets, or none of the flows has an image.
    """
    rows, left_out = rows_of_tables(part, read_packets(dataset))
    check_rows(len(rows), left_out)
    return images_of(rows, left_out, min(length or limits.LENGTH, limits.LENGTH))


def images_of(rows: FlowRows, left_out: Counter[str], length: int) -> FlowImages:
    """Images of at most `length` packets of flows; `left_out` are those that have no rows, by reason."""
    codec = BitsCodec()
    packets = compile_rows(neutral_endpoints(rows), mtu=None, fidelity=Fidelity.VERBATIM)
    names, ports = class_names(rows), rows.flows["port"][:, SERVER].tolist()
    parts: list[Levels] = []
    classes: list[str] = []
    facts: list[Facts] = []
    left = Counter(left_out)
    for place, flow, _ in flows_of(packets):
        why = [reason for reason in codec.lost(flow).tolist() if reason]
        if why:
            left[why[0]] += 1
            continue
        part = codec.encode(_beginning(flow, length))
        parts.append(part)
        classes.append(names[place])
        seconds = float(flow.gap_ns[: len(part)].sum()) / 1e9
        facts.append(Facts(len(part), int(flow.size[: len(part)].sum()), seconds, ports[place]))
    check_rows(len(parts), left)
    counts = np.array([len(part) for part in parts], np.int64)
    levels = np.concatenate(parts)
    span = codec.layout.fields[CHECKSUM]
    np.minimum(levels[:, span], 0, out=levels[:, span])
    rgb = RgbCodec.fit(codec, np.atleast_1d((levels >= 0).any(axis=0)), max(2, int(counts.max())))
    bits, there = np.packbits(levels == 1, axis=1), np.packbits(levels >= 0, axis=1)
    first, said = np.cumsum(counts) - counts, _shared_ports(facts)
    return FlowImages(rgb, bits, there, first, counts, classes, said, plain_layouts(rows), left)


def _shared_ports(facts: list[Facts]) -> list[Facts]:
    """The facts without server ports that only few flows have: those are chance, or could name a host."""
    flows = Counter(each.port for each in facts)
    return [each if flows[each.port] >= FEW_FLOWS else each._replace(port=0) for each in facts]


def _beginning(flow: PacketRows, length: int) -> PacketRows:
    size = int((flow.network + flow.transport)[:length].sum())
    return PacketRows(flow.data[:size], *(column[:length] for column in flow[1:]))
