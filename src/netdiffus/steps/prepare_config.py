"""What can be chosen in `prepare`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from netdiffus.steps.config import Config
from netdiffus.traffic.tablelimits import MOST_VALUES


class PrepareConfig(Config):
    """The options of `prepare`, resolved."""

    labels: str | None = None  # None: "folder" for captures, and tables need a column
    unlabelled: bool = False
    packets: int | None = Field(None, ge=1)  # None: DEFAULT_PACKETS of a capture's flow, all of a table's row
    min_packets: int = Field(1, ge=1)
    flow_timeout: float = Field(120.0, gt=0)
    inner: bool = False
    strict: bool = False
    test: Annotated[float, Field(ge=0, lt=1)] | str = 0.2  # a share, or the source that is the test part
    seed: int = Field(0, ge=0)
    columns: str | None = None
    strip_padding: bool = False
    bins: float | None = Field(None, gt=0, le=86_400_000)  # milliseconds
    sum: int | None = Field(None, ge=2)
    window: int | None = Field(None, ge=2)
    stride: int | None = Field(None, ge=1)
    gasf: str | None = None
    anonymise: str | None = None
    time_format: str | None = None  # of --labels TABLE, as strptime has it; None: ISO 8601 or seconds
    utc_offset: str | None = None  # of times in --labels TABLE that have none, e.g. -03:00
    max_values: int = Field(MOST_VALUES, ge=1)

    @property
    def bin_ns(self) -> int | None:
        """The width of a bin before any summing."""
        return None if self.bins is None else max(round(self.bins * 1e6), 1)

    @property
    def test_share(self) -> float:
        """The share of a label's traces that is kept for testing; 0 where a source of its own is."""
        return self.test if isinstance(self.test, float) else 0.0


def parse_test(text: str) -> float | str:
    """`--test 0.2` as a share, `--test test.parquet` as a source."""
    try:
        return float(text)
    except ValueError:
        return text
