"""A synthetic capture in the report: whether it conforms, what was changed in it, and bit images of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netdiffus.arrays import Levels
from netdiffus.report.gallery import GalleryRow, Picture
from netdiffus.report.packets import bits_png
from netdiffus.report.svg import data_uri


@dataclass(frozen=True)
class Finding:
    """A rule of `netdiffus check` that packets of the capture meet: a fault, or worth a note."""

    rule: str
    severity: str
    packets: int
    says: str


@dataclass(frozen=True)
class PacketReport:
    """What is told of a synthetic capture.

    Attributes:
        name: of the file. packets, flows: in it.
        findings: what `netdiffus check` found, notes among it.
        asked, changed: packets that the model asked for, and how many of them the rules of the wire changed.
        rules: (rule in words, packets) of these changes.
        images: label → bit images (N, columns) of a real and of a synthetic flow, in -1, 0, 1.
    """

    name: str
    packets: int
    flows: int
    findings: Sequence[Finding]
    asked: int
    changed: int
    rules: Sequence[tuple[str, int]]
    images: Mapping[str, tuple[Levels, Levels]]

    @property
    def faults(self) -> int:
        """Packets with a fault."""
        return sum(finding.packets for finding in self.findings if finding.severity != "note")

    def rows(self) -> list[GalleryRow]:
        """The images as pictures."""
        return [
            GalleryRow(label, [bit_picture(real, f"real {label}")], [bit_picture(made, f"synthetic {label}")])
            for label, (real, made) in self.images.items()
        ]


def bit_picture(image: Levels, what: str) -> Picture:
    """A bit image as a picture of a pixel a bit."""
    return Picture(data_uri(bits_png(image)), f"Bits of the packets of a {what} flow")
