"""The sets: where each lies in the development data, how it is prepared, how long is trained and what is wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from netdiffus import recordings
from netdiffus.api.verbs import prepare

DATA = Path(__file__).parents[3] / "shared" / "data"
FEWEST_SESSIONS = 30
BENIGN = ("Audio", "Video")


@dataclass(frozen=True)
class TrafficSet:
    """One set.

    Attributes:
        source: file below DATA, None for the shipped recordings; `options` are those of prepare.
        rows: what is done to the source's table before, where prepare has no option for it.
        minutes: of training; `ratio`: what TSTR / TRTR is wanted to be.
        strict: whether copies, detection and divergences have wanted figures too.
        benign: the label that a one-class detector learns.
        note: what was chosen, in a sentence.
    """

    title: str
    source: str | None
    minutes: float
    ratio: float
    note: str
    options: dict[str, Any] = field(default_factory=dict)
    rows: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    strict: bool = False
    benign: str | None = None

    def prepare(self, folder: Path, **others: Any) -> Path:
        """The dataset folder, made below `folder`, with some options other than the set's.

        Raises:
            SystemExit: the development data are not here.
        """
        options = self.options | others
        if self.source is None:
            return prepare([recordings.folder()], folder / "dataset", **options)
        source = DATA / self.source
        if not source.is_file():
            raise SystemExit(f"expected the development data; got no file {source}; put it there")
        if "test" in options:
            options["test"] = str(DATA / options["test"])
        if self.rows is not None:
            table = self.rows(pl.read_parquet(source))
            source = folder / source.name
            table.write_parquet(source)
        return prepare(source, folder / "dataset", **options)


def common_qualities(table: pl.DataFrame) -> pl.DataFrame:
    """Sessions whose start quality is known and has FEWEST_SESSIONS or more."""
    enough = pl.len().over("initial_quality") >= FEWEST_SESSIONS
    return table.filter(enough & (pl.col("initial_quality") != ""))


def benign_or_attack(table: pl.DataFrame) -> pl.DataFrame:
    """Two labels of five."""
    known = pl.when(pl.col("LABEL").is_in(BENIGN)).then(pl.lit("benign")).otherwise(pl.lit("attack"))
    return table.with_columns(known.alias("LABEL"))


_MIRAGE = "mirage_appxact/train.parquet"
_SPLIT = {"test": "mirage_appxact/test.parquet", "strip_padding": True}

SETS: dict[str, TrafficSet] = {
    "mirage": TrafficSet(
        "MIRAGE, size × direction, first 10",
        _MIRAGE,
        minutes=5,
        ratio=0.98,
        note="the source's own split; padding dropped, so that short flows end",
        options=_SPLIT | {"columns": "size=PL,direction=DIR,label=LABEL"},
        strict=True,
    ),
    "mirage-gap": TrafficSet(
        "MIRAGE with gap",
        _MIRAGE,
        minutes=8,
        ratio=0.98,
        note="the same with the gaps",
        options=_SPLIT | {"columns": "size=PL,direction=DIR,gap_us=IAT,label=LABEL"},
    ),
    "fgnet": TrafficSet(
        "fgnet flows, 24 apps, first 30 packets",
        "fgnet_d1/flows.parquet",
        minutes=15,
        ratio=0.95,
        note="size × direction (gaps do not help a forest trained on real flows: .871 with, .872 without); all flows "
        "of one 30 s capture on one side of the split",
        options={"columns": "size=PL,direction=DIR,label=LABEL,group=session", "packets": 30},
    ),
    "vqflow": TrafficSet(
        "vqflow, 20 titles, bytes in 128 windows",
        "vqflow_titles/traces.parquet",
        minutes=5,
        ratio=0.915,
        note="the first 4,096 lengths of a trace in 128 windows of 32 packets: the source has no times",
        options={"columns": "size=LEN,label=LABEL", "sum": 32},
    ),
    "video": TrafficSet(
        "video platform, 50 ms bins, 600 steps",
        "video_platform/sessions_50ms.parquet",
        minutes=5,
        ratio=0.99,
        note="bytes up and down",
        options={"columns": "up_bytes=UP,down_bytes=DOWN,label=LABEL", "bins": 50.0},
    ),
    "youtube": TrafficSet(
        "YouTube, 100 ms bins, 4 start qualities",
        "youtube_100ms/sessions.parquet",
        minutes=10,
        ratio=0.95,
        note=f"qualities that {FEWEST_SESSIONS} sessions or more asked for; windows of 300 bins (30 s, several "
        "segments of video), all of one session on one side of the split: windows of 600 or 1,000 bins are fewer and "
        "tell a forest trained on real windows less",
        options={
            "columns": "up_bytes=UP,down_bytes=DOWN,label=initial_quality,group=session",
            "bins": 100.0,
            "window": 300,
        },
        rows=common_qualities,
    ),
    "tiissrc23": TrafficSet(
        "tiissrc23, benign / attack, first 30 packets",
        "anomaly/tiissrc23_flows.parquet",
        minutes=3,
        ratio=0.975,
        note="size × direction × gap, because without gaps one-class detectors that saw real traces are hardly better "
        "than chance (AUC .60); every flow has 30 packets or more; the source's own split, trained on its part 'valid'",
        options={"columns": "size=PL,direction=DIR,gap_us=IAT,label=LABEL,split=split", "packets": 30},
        rows=benign_or_attack,
        benign="benign",
    ),
    "recordings": TrafficSet(
        "recordings, first 32 packets",
        None,
        minutes=20,
        ratio=0.985,
        note="all labels of the package's own captures",
        options={"packets": 32},
    ),
    "recordings-2": TrafficSet(
        "recordings, first 32 packets, 2 minutes",
        None,
        minutes=2,
        ratio=0.97,
        note="as the demo",
        options={"packets": 32},
    ),
}
