"""Cards: the JSON file at the head of a folder that says what is in it; unknown keys and other formats are errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from netdiffus import __version__
from netdiffus.errors import InputError
from netdiffus.store.atomic import write_json


class Card(BaseModel):
    """What every card has. A subclass names its file and what the folder is called in messages."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    FILE: ClassVar[str]
    KIND: ClassVar[str]
    MADE_BY: ClassVar[str]
    FORMAT: ClassVar[int] = 1

    format: int = 1
    netdiffus: str = __version__

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The card of a folder.

        Raises:
            InputError: there is no such folder, it has no such card, or the card is of another format version.
        """
        if not folder.exists():
            raise InputError(
                f"a {cls.KIND} folder", f"{folder}, which does not exist", f"make one with '{cls.MADE_BY}'"
            )
        path = folder / cls.FILE
        if not path.is_file():
            raise InputError(
                f"a {cls.KIND} folder (with {cls.FILE})", f"{folder}, which has none", f"make one with '{cls.MADE_BY}'"
            )
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise InputError(f"JSON in {path}", str(error), f"make the {cls.KIND} again") from None
        found = data.get("format") if isinstance(data, dict) else None
        if found != cls.FORMAT:
            maker = data.get("netdiffus", "unknown") if isinstance(data, dict) else "unknown"
            raise InputError(
                f"a {cls.KIND} of format {cls.FORMAT} (netdiffus {__version__})",
                f"{path} of format {found} (netdiffus {maker})",
                f"make it again with '{cls.MADE_BY}', or use the version that made it",
            )
        try:
            return cls.model_validate_json(json.dumps(data))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"a valid {cls.FILE}", f"{where}: {first['msg']}", f"make the {cls.KIND} again") from None

    def write(self, folder: Path) -> None:
        """Write the card into its folder, whole or not at all."""
        write_json(folder / self.FILE, self.model_dump(mode="json"))


class Source(BaseModel):
    """One file that a dataset was made from, and what was found in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    file: str
    sha256: str  # of the file as it is stored; "" if it could not be read
    bytes: int = 0
    packets: int
    first_ns: int | None = None  # earliest and latest time of a capture's packets
    last_ns: int | None = None
    flows: int  # flows or rows that became traces
    short_flows: int = 0  # had fewer packets than --min-packets, left out
    links: dict[str, int] = {}  # packets of a capture by link layer
    faults: dict[str, int]  # what was left out or odd, in plain words, and how often


class ChannelInfo(BaseModel):
    """A channel as the card names it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    kind: str
    unit: str


class SplitInfo(BaseModel):
    """How the traces were split."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rule: str
    test: float
    seed: int


class DatasetCard(Card):
    """dataset.json: where the traces come from and how they were made."""

    FILE: ClassVar[str] = "dataset.json"
    KIND: ClassVar[str] = "dataset"
    MADE_BY: ClassVar[str] = "netdiffus prepare SOURCE... --out DATASET"

    hash: str  # sha256 of traces.parquet
    sources: list[Source]
    labels: dict[str, dict[str, int]]  # label → {"train": count, "test": count}
    channels: list[ChannelInfo]
    bin_ns: int | None
    packets: int | None  # the first so many packets of a flow were kept
    split: SplitInfo
    anonymised: bool
    faults: dict[str, int] = {}  # what concerns no single source, e.g. rows of --labels that name nothing
    test_duplicates: int  # test traces that equal a training trace in every channel


class ModelCard(Card):
    """model.json: everything that generating needs but the weights, and where the model comes from."""

    FILE: ClassVar[str] = "model.json"
    KIND: ClassVar[str] = "model"
    MADE_BY: ClassVar[str] = "netdiffus train DATASET --out MODEL"
    FORMAT: ClassVar[int] = 5

    format: int = 5

    config: dict[str, Any]  # the training's resolved configuration
    codec: dict[str, Any]
    labels: dict[str, int]  # label → training traces, in the order of the label ids
    dataset: str  # hash of the dataset
    steps: int
    seconds: float
    validation: dict[str, float] | None = (
        None  # loss and step of the best averaged weights, where traces were held back
    )
    seed: int
    device: str
    versions: dict[str, str]
