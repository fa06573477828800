"""Manifests of folders, one JSON file each; unknown keys and other formats are errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from netdiffus import limits
from netdiffus.errors import InputError
from netdiffus.manifest import (
    Count,
    JsonObject,
    Labels,
    Manifest,
    Text,
    Whole,
    check_size,
    parse_manifest,
    read_manifest,
    shown,
)
from netdiffus.privacy.ledger import Guarantee
from netdiffus.store.stage import check_whole
from netdiffus.traffic.payload.knowledge import PayloadKnowledge
from netdiffus.version import __version__

Faults = Labels[Count]
"""Whatever was skipped or unusual, as text, with counts."""


class Card(Manifest):
    """The common part of all cards. A subclass names its file and how messages call the folder."""

    FILE: ClassVar[str]
    KIND: ClassVar[str]
    MADE_BY: ClassVar[str]
    FORMAT: ClassVar[int] = 1
    OLDER: ClassVar[frozenset[int]] = frozenset()  # formats that can be read too

    format: int = 1
    netdiffus: Text = __version__

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The card of a folder.

        Raises:
            InputError: there is no such folder, it has no such card, or the card has another format version or
                impossible contents.
        """
        if not folder.exists():
            raise InputError(
                f"a {cls.KIND} folder", f"{folder}, which does not exist", f"make one with '{cls.MADE_BY}'"
            )
        check_whole(folder)
        path = folder / cls.FILE
        if not path.is_file():
            raise InputError(
                f"a {cls.KIND} folder (with {cls.FILE})", f"{folder}, which has none", f"make one with '{cls.MADE_BY}'"
            )
        return cls._of_values(read_manifest(path, f"make the {cls.KIND} again"), str(path))

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """The card in the bytes of its file.

        Raises:
            InputError: as in `read`.
        """
        return cls._of_values(parse_manifest(raw, cls.FILE, f"make the {cls.KIND} again"), cls.FILE)

    @classmethod
    def _of_values(cls, data: Any, name: str) -> Self:
        found = data.get("format") if isinstance(data, dict) else None
        if not isinstance(found, int) or found not in {cls.FORMAT, *cls.OLDER}:
            maker = data.get("netdiffus") if isinstance(data, dict) else None
            raise InputError(
                f"a {cls.KIND} of format {cls.FORMAT} (netdiffus {__version__})",
                f"{name} of format {shown(found)} (netdiffus {maker[:20] if isinstance(maker, str) else 'unknown'})",
                f"make it again with '{cls.MADE_BY}', or use the version that made it",
            )
        return cls.of(data, cls.FILE, f"make the {cls.KIND} again")

    def write(self, folder: Path) -> None:
        """Write the card into its folder: indented UTF-8 JSON.

        Raises:
            InputError: it is too large to be read again.
        """
        text = json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        check_size(text.encode(), self.FILE, "use fewer labels or sources")
        (folder / self.FILE).write_text(text, encoding="utf-8")


class Source(Manifest):
    """One source file of a dataset, and its contents."""

    file: Text
    sha256: Text  # of the stored file; "" if it could not be read
    bytes: Count = 0
    packets: Count
    first_ns: Whole | None = None  # earliest and latest time of a capture's packets
    last_ns: Whole | None = None
    flows: Count  # flows or rows that became traces
    short_flows: Count = 0  # fewer packets than --min-packets, skipped
    links: Faults = Field(default_factory=dict)  # packets of a capture by link layer
    faults: Faults  # whatever was skipped or unusual, with counts


class ChannelInfo(Manifest):
    """A channel in the card."""

    name: Text
    kind: Text
    unit: Text


class SplitInfo(Manifest):
    """The split of the traces."""

    rule: Text
    test: float = Field(ge=0, le=1)
    seed: Count


def _has_parts(counts: dict[str, int]) -> dict[str, int]:
    if not {"train", "test"} <= set(counts):
        raise ValueError("with the counts train and test")
    return counts


Parts = Annotated[dict[Text, Count], Field(max_length=8), AfterValidator(_has_parts)]
"""{"train": count, "test": count} of the traces of a label."""


class LeftOut(BaseModel):
    """`count` of the `of` units under a label did not become traces, for one reason."""

    model_config = Manifest.model_config

    unit: Text  # flows, rows, packets, files, rows of --labels
    count: Count
    of: Count
    reason: Text

    def __str__(self) -> str:
        return f"{self.count:,} of {self.of:,} {self.unit} left out: {self.reason}"


class DatasetCard(Card):
    """dataset.json: origin and preparation of the traces."""

    FILE: ClassVar[str] = "dataset.json"
    KIND: ClassVar[str] = "dataset"
    MADE_BY: ClassVar[str] = "netdiffus prepare SOURCE... --out DATASET"

    hash: Text  # sha256 of traces.parquet
    sources: list[Source] = Field(max_length=limits.SOURCES)
    labels: Labels[Parts]
    channels: list[ChannelInfo] = Field(max_length=limits.CHANNELS)
    bin_ns: Annotated[int, Field(ge=1, lt=limits.INTEGER)] | None
    packets: Annotated[int, Field(ge=1, lt=limits.INTEGER)] | Literal["all"] | None  # first ones kept per flow
    split: SplitInfo
    anonymised: bool
    left_out: dict[Text, list[LeftOut]] = Field(default_factory=dict)  # skipped units, most frequent first
    faults: Faults = Field(default_factory=dict)  # about no single source, e.g. rows of --labels that match nothing
    notes: list[Text] = Field(default_factory=list)  # how sources were read; nothing was lost
    warnings: list[Text] = Field(default_factory=list)  # problems for a model of this dataset; `train` repeats them
    payload: PayloadKnowledge | None = None  # what flows speak, with --payload-shapes
    test_duplicates: Count  # test traces that equal a training trace in every channel


class ModelCard(Card):
    """model.json: everything needed to generate except the weights, and provenance."""

    FILE: ClassVar[str] = "model.json"
    KIND: ClassVar[str] = "model"
    MADE_BY: ClassVar[str] = "netdiffus train DATASET --out MODEL"
    FORMAT: ClassVar[int] = 6
    OLDER: ClassVar[frozenset[int]] = frozenset({5})

    format: int = 6

    config: JsonObject  # the resolved options of the training: models/manifest.py reads them
    codec: JsonObject  # likewise
    labels: Labels[Annotated[int, Field(ge=1, lt=limits.INTEGER)]] = Field(min_length=1)  # in the order of label ids

    dataset: Text  # hash of the dataset
    warnings: list[Text] = Field(default_factory=list)  # of the dataset
    payload: PayloadKnowledge | None = None  # of the dataset

    steps: Count
    seconds: float = Field(ge=0)
    validation: dict[Text, float] | None = None  # loss and step of the best averaged weights, if traces were held out
    attack: dict[Text, float] | None = None  # AUC of a membership attack by likelihood, and traces of either side
    privacy: Guarantee | None = None  # of a private model; then `labels` are noisy counts and `dataset` names none
    held_out: list[Count] | None = None  # ids of the training traces held out for validation; None: not known
    seed: Count
    device: Text
    threads: Count | None = None  # CPU threads: their number determines the order of summation; None on a GPU
    versions: Annotated[dict[Text, Text], Field(max_length=64)]

    @model_validator(mode="after")
    def _has_best(self) -> ModelCard:
        if self.validation is not None and set(self.validation) != {"loss", "step"}:
            raise ValueError("with loss and step of the best weights")
        if self.attack is not None and set(self.attack) != {"auc", "traces"}:
            raise ValueError("with auc and traces of the attack")
        return self
