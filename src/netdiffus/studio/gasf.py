"""The GASF image of a trace beside its series, on the scale of a sample of its table, as a PNG."""

from __future__ import annotations

import threading
from collections import OrderedDict
from io import BytesIO
from pathlib import Path

import numpy as np

from netdiffus.arrays import Floats
from netdiffus.errors import InputError
from netdiffus.imaging.codec import GasfCodec
from netdiffus.studio.traces import TraceTable
from netdiffus.traffic.traces import series

SAMPLE, LONGEST, KNOWN = 500, 128, 8
"""Traces that the scale is fitted to, positions of an image, and tables whose scale is kept."""
ANCHORS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
"""Colours from -1 to 1, dark to light, told apart by the colour-blind."""


class Gasfs:
    """Images of traces, with the scales of the tables that pages look at."""

    def __init__(self) -> None:
        self._codecs: OrderedDict[tuple[Path, int], GasfCodec] = OrderedDict()
        self._lock = threading.Lock()

    def channels(self, table: TraceTable) -> list[str]:
        """The channels that have an image."""
        return list(self._codec(table).image_channels)

    def png(self, table: TraceTable, row: int, channel: str) -> bytes:
        """One channel of a trace as a picture, a pixel for each pair of positions.

        Raises:
            InputError: there is no such trace or channel, or the trace is empty.
        """
        codec = self._codec(table)
        if channel not in codec.image_channels:
            raise InputError(f"a channel among {', '.join(codec.image_channels)}", repr(channel[:40]), "choose one")
        data = series(table.rows([row]), codec.length, table.channels)
        length = int((~np.isnan(data[0, 0])).sum())
        if not length:
            raise InputError("a trace with positions", "an empty one", "choose another")
        image = codec.encode(data)[0][list(codec.image_channels).index(channel)]
        return _png(image[:length, :length])

    def _codec(self, table: TraceTable) -> GasfCodec:
        with self._lock:
            key = table.path, id(table)
            if key not in self._codecs:
                sample = table.spread(SAMPLE)
                longest = int(sample[table.channels[0]].list.len().max() or 0)  # type: ignore[arg-type]
                data = series(sample, max(2, min(longest, LONGEST)), table.channels)
                self._codecs[key] = GasfCodec.fit(data, table.channels)
                while len(self._codecs) > KNOWN:
                    self._codecs.popitem(last=False)
            return self._codecs[key]


def _png(image: Floats) -> bytes:
    from PIL import Image

    places = (np.clip(image, -1, 1) + 1) / 2 * (len(ANCHORS) - 1)
    below = np.minimum(places.astype(int), len(ANCHORS) - 2)
    share, anchors = (places - below)[..., None], np.array(ANCHORS, float)
    pixels = anchors[below] * (1 - share) + anchors[below + 1] * share
    buffer = BytesIO()
    Image.fromarray(pixels.round().astype(np.uint8), "RGB").save(buffer, "PNG")
    return buffer.getvalue()
