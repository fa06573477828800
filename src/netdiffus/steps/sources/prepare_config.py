"""What can be chosen in `prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from netdiffus import limits
from netdiffus.config import Config, Entry, Packets, Seed, exclusive, parse_packets
from netdiffus.errors import InputError
from netdiffus.traffic.tables.limits import MOST_VALUES

TABLES = ("columns", "strip_padding", "sum", "window", "stride")
"""Options that have a meaning for tables alone."""
CAPTURES = ("flow_timeout", "inner", "rotated", "payload_shapes")
"""Options that have a meaning for captures alone."""

Share = Annotated[float, Field(ge=0, lt=1)]


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


class PrepareConfig(Config):
    """The options of `prepare`, resolved."""

    labels: str | None = Field(
        None,
        description="Labels: 'folder' (parent folder; captures: the default), 'file' (file name), or a CSV table.",
    )
    unlabelled: bool = Field(False, description="Accept input without labels.")
    packets: Annotated[Packets | None, Entry("N|all", parse=parse_packets)] = Field(
        None,
        description="Keep the first N packets of a flow (or bins, up to 65,536), or 'all'; default 64, 1000 bins, "
        "of tables all.",
    )
    min_packets: int = Field(1, ge=1, le=limits.POSITIONS, description="Leave out flows with fewer packets.")
    flow_timeout: float = Field(
        120.0, ge=limits.SECONDS[0], le=limits.SECONDS[1], description="Seconds without a packet that end a flow."
    )
    inner: bool = Field(False, description="Look inside tunnels: IP in IP, GRE, VXLAN, Geneve, GTP-U.")
    rotated: bool = Field(
        False, description="The captures of a folder are files of one tap, in order of time: flows go on in the next."
    )
    payload_shapes: bool = Field(
        False, description="Keep what first payload bytes say of protocols, for 'generate --payload protocol'."
    )
    strict: bool = Field(False, description="Refuse files with faults (exit 2) instead of reporting them.")
    test: Annotated[Share | str, Entry("SHARE|SOURCE", shown="0.2", parse=parse_test)] = Field(
        0.2, description="Share of each label's traces kept for testing, from 0 to below 1, or their source."
    )
    seed: Seed = 0
    columns: str | None = Field(
        None, description="Columns of tables, e.g. size=PL,direction=DIR,gap_us=IAT,label=LABEL."
    )
    strip_padding: bool = Field(False, description="Drop the zeros at the tail of a table's series.")
    bins: Annotated[float | None, Entry("MS")] = Field(
        None, ge=limits.BIN_MS[0], le=limits.BIN_MS[1],
        description="Bytes up and down per bin of so many milliseconds (1e-6 to 86,400,000), not packets.",
    )  # fmt: skip
    sum: int | None = Field(
        None, ge=2, le=limits.POSITIONS, description="Add up every N neighbouring positions of a table's series."
    )
    window: int | None = Field(
        None, ge=2, le=limits.POSITIONS, description="Cut a table's series into windows of N positions."
    )
    stride: int | None = Field(
        None, ge=1, le=limits.POSITIONS, description="Begin a window every N positions; default: --window."
    )
    gasf: Annotated[str | None, Entry("LOW,HIGH")] = Field(
        None, description="Sources are npz files of GASF images, made from LOW to HIGH."
    )
    anonymise: Annotated[str | None, Entry("KEYFILE")] = Field(
        None, description="Map the addresses of captures, prefix-preserving."
    )
    time_format: str | None = Field(
        None,
        description="How --labels TABLE writes times, e.g. '%d/%m/%Y %H:%M'; default: ISO 8601 or seconds.",
    )
    utc_offset: Annotated[str | None, Entry("HH:MM")] = Field(
        None, description="Offset of its times from UTC, -14:00 to +14:00, e.g. -03:00; default: 0."
    )
    max_values: int = Field(
        MOST_VALUES, ge=1, le=limits.TABLE_VALUES, description="Values that a table may hold where its file is small."
    )

    @field_validator("labels", "test", "anonymise", mode="before")
    @classmethod
    def _path_as_text(cls, given: object) -> object:
        """A path as its text; one that reads like a word of --labels still names a file."""
        if not isinstance(given, Path):
            return given
        return f"./{given}" if str(given) in ("folder", "file") else str(given)

    @model_validator(mode="after")
    def _can_be(self) -> PrepareConfig:
        exclusive(labels=self.labels is not None, unlabelled=self.unlabelled)
        for name in ("columns", "bins", "anonymise"):
            exclusive(gasf=self.gasf is not None, **{name: getattr(self, name) is not None})
        exclusive(payload_shapes=self.payload_shapes, bins=self.bins is not None)
        if self.bins is not None and self.packets == "all":
            raise InputError("--packets N of bins", "all", "name their number, or leave --bins out")
        if self.bins is not None and self.first is not None and self.first > limits.BINS:
            raise InputError(f"--packets of at most {limits.BINS:,} bins", f"{self.first:,}", "lower --packets")
        if self.rotated and self.labels == "file":
            raise InputError(
                "--rotated with labels of folders or of a table",
                "--labels file",
                "put the files of each tap into a folder",
            )
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
    def first(self) -> int | None:
        """Positions of a trace that are kept, where a number was named."""
        return self.packets if isinstance(self.packets, int) else None

    @property
    def bin_ns(self) -> int | None:
        """The width of a bin before any summing."""
        return None if self.bins is None else max(round(self.bins * 1e6), 1)

    @property
    def test_share(self) -> float:
        """The share of a label's traces that is kept for testing; 0 where a source of its own is."""
        return self.test if isinstance(self.test, float) else 0.0
