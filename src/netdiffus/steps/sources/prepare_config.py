"""What can be chosen in `prepare`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from netdiffus import limits
from netdiffus.config import Config, exclusive
from netdiffus.errors import InputError
from netdiffus.traffic.tables.limits import MOST_VALUES

TABLES = ("columns", "strip_padding", "sum", "window", "stride")
"""Options that have a meaning for tables alone."""
CAPTURES = ("flow_timeout", "inner")
"""Options that have a meaning for captures alone."""


class PrepareConfig(Config):
    """The options of `prepare`, resolved."""

    labels: str | None = None  # None: "folder" for captures, and tables need a column
    unlabelled: bool = False
    packets: int | None = Field(
        None, ge=1, le=limits.POSITIONS
    )  # None: DEFAULT_PACKETS of a capture's flow, all of a table's row
    min_packets: int = Field(1, ge=1, le=limits.POSITIONS)
    flow_timeout: float = Field(120.0, ge=limits.SECONDS[0], le=limits.SECONDS[1])
    inner: bool = False
    strict: bool = False
    test: Annotated[float, Field(ge=0, lt=1)] | str = 0.2  # a share, or the source that is the test part
    seed: int = Field(0, ge=0, le=limits.SEED)
    columns: str | None = None
    strip_padding: bool = False
    bins: float | None = Field(None, ge=limits.BIN_MS[0], le=limits.BIN_MS[1])  # milliseconds
    sum: int | None = Field(None, ge=2, le=limits.POSITIONS)
    window: int | None = Field(None, ge=2, le=limits.POSITIONS)
    stride: int | None = Field(None, ge=1, le=limits.POSITIONS)
    gasf: str | None = None
    anonymise: str | None = None
    time_format: str | None = None  # of --labels TABLE, as strptime has it; None: ISO 8601 or seconds
    utc_offset: str | None = None  # of times in --labels TABLE that have none, e.g. -03:00
    max_values: int = Field(MOST_VALUES, ge=1, le=limits.TABLE_VALUES)

    @model_validator(mode="after")
    def _can_be(self) -> PrepareConfig:
        exclusive(labels=self.labels is not None, unlabelled=self.unlabelled)
        for name in ("columns", "bins", "anonymise"):
            exclusive(gasf=self.gasf is not None, **{name: getattr(self, name) is not None})
        if self.bins is not None and self.packets is not None and self.packets > limits.BINS:
            raise InputError(f"--packets of at most {limits.BINS:,} bins", f"{self.packets:,}", "lower --packets")
        if self.stride is not None and self.window is None:
            raise InputError("--stride together with --window", "--stride alone", "add --window N")
        return self

    def check_sources(self, *, tables: bool, captures: bool) -> None:
        """Raise InputError for an option without a meaning for any source: whether some are tables, or captures."""
        for names, there, kind in ((TABLES, tables, "tables"), (CAPTURES, captures, "captures")):
            given = [name for name in names if getattr(self, name) != type(self).model_fields[name].default]
            if given and not there:
                option = f"--{given[0].replace('_', '-')}"
                raise InputError(f"{kind} for {option}", "none among the sources", f"leave {option} out")

    @property
    def bin_ns(self) -> int | None:
        """The width of a bin before any summing."""
        return None if self.bins is None else max(round(self.bins * 1e6), 1)

    @property
    def test_share(self) -> float:
        """The share of a label's traces that is kept for testing; 0 where a source of its own is."""
        return self.test if isinstance(self.test, float) else 0.0


def parse_test(text: str) -> float | str:
    """`--test 0.2` as a share, `--test test.parquet` as a source.

    Raises:
        InputError: a number that is no share.
    """
    try:
        share = float(text)
    except ValueError:
        return text
    if not 0 <= share < 1:
        raise InputError("--test with a share from 0 to below 1, or a source", text[:60], "correct --test")
    return share
