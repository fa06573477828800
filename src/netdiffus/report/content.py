"""What one report shows: the scores, what was compared, and whatever else there is to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netdiffus.arrays import Floats
from netdiffus.metrics import PacketSets, Score, Traces, WholeSets
from netdiffus.metrics.embedding import Embedding
from netdiffus.report.gallery import Images


@dataclass(frozen=True)
class Content:
    """The content of a report; pictures without data are omitted.

    Attributes:
        real: the real test part that the scores compare with.
        channels: names of the channels of both.
        provenance: shown as it is.
        images: label → (real, synthetic) images (C, H, W) in [-1, 1].
        image_channels: names of their channels; empty: `channels`.
        nearest: distances to the nearest training trace, of real test and of synthetic traces.
        embedding: points of both.
        packets: those of the three parts.
        whole: whole traffic of both sides.
        seed: of the flows that are drawn.
    """

    scores: Sequence[Score]
    real: Traces
    synthetic: Traces
    channels: Sequence[str]
    title: str = "Synthetic traffic compared with real"
    provenance: Mapping[str, str] = field(default_factory=dict)
    images: Images = field(default_factory=dict)
    image_channels: Sequence[str] = ()
    nearest: tuple[Floats, Floats] | None = None
    embedding: Embedding | None = None
    packets: PacketSets | None = None
    whole: WholeSets | None = None
    seed: int = 0
