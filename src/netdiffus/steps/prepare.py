"""prepare: captures, folders of captures and tables become a dataset folder."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from netdiffus.errors import InputError
from netdiffus.spread import Spread
from netdiffus.steps.sources.accounting import in_words, left_out, no_labels
from netdiffus.steps.sources.apart import read_all
from netdiffus.steps.sources.captures import DEFAULT_PACKETS
from netdiffus.steps.sources.choice import kind_of, read_source
from netdiffus.steps.sources.find import STANDARD_INPUT, SourceFile, distinct, find_files, folders_without_captures
from netdiffus.steps.sources.intake import Intake, Reading
from netdiffus.steps.sources.label_choice import check_label_of_standard_input, label_choice, label_notes, single_traces
from netdiffus.steps.sources.part import NOWHERE, PartFile
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.steps.sources.tables import tables_below
from netdiffus.steps.sources.taps import taps
from netdiffus.store.account import check_result
from netdiffus.store.cards import ChannelInfo, DatasetCard, Source, SplitInfo
from netdiffus.store.dataset import DATASET, DatasetWriter, dataset_writer, parted_writer
from netdiffus.store.objects import shown
from netdiffus.store.parted import PartedWriter
from netdiffus.store.publish import check_folder
from netdiffus.traffic import split as splitting
from netdiffus.traffic.anonymise.cryptopan import read_key
from netdiffus.traffic.flows.bins import DEFAULT_BINS
from netdiffus.traffic.labels.rules import FolderLabels, MapLabels
from netdiffus.traffic.payload.knowledge import PayloadKnowledge
from netdiffus.traffic.session_split import sessions_of_flows, why_none
from netdiffus.traffic.traces import CHANNELS
from netdiffus.wire.headers.fields import NO_IP
from netdiffus.wire.headers.tunnel_names import SEEN

WITHOUT_PAYLOAD = (
    "--payload-shapes found no payload in the training flows: the captures hold headers alone. "
    "generate --payload protocol goes by server ports."
)


@dataclass(frozen=True)
class FileRead:
    """One source file was read: how much was in it, and what was wrong with it."""

    file: str
    done: int
    total: int
    packets: int
    flows: int
    seconds: float
    faults: dict[str, int]

    @property
    def share(self) -> float:
        """The part of the files that is read."""
        return self.done / self.total

    @property
    def note(self) -> str:
        """Files read, of all."""
        return f"{self.done}/{self.total} files"


def prepare(
    sources: Sequence[Path], out: Path, config: PrepareConfig, spread: Spread | None = None
) -> Generator[FileRead, None, None]:
    """Read every source, split, and write the dataset folder `out`; yields a record per file.

    Memory grows with the number of traces, by some 50 bytes each, and with the flows that are open at one time.

    Args:
        spread: reads each source apart, and makes a dataset in parts (store/parted.py) with the same rows; None: they
            are read one after another.

    Raises:
        InputError: a source is missing, is no capture or table, or has no labels; or it has faults and config.strict
            is set. Nothing is written then.
    """
    key = None if config.anonymise is None else read_key(Path(config.anonymise))
    rule = label_choice(config)
    files, tests = _named(sources, config)
    own_test = isinstance(config.test, str)
    inputs = [*sources, *(path for file in [*files, *tests] for path in (file.path, *file.more)), *_tables_of(config)]
    check_folder(out, DATASET, inputs)
    for path in inputs:
        check_result(path)
    reading = Reading(config, rule, key, len(files) + len(tests) == 1)
    parts = [
        PartFile(file, number, ("train" if number < len(files) else "test") if own_test else None)
        for number, file in enumerate([*files, *tests])
    ]
    found: list[Source] = []
    writing = dataset_writer(out, inputs) if spread is None else parted_writer(out, inputs, spread)
    with writing as writer:
        intake = Intake(writer if isinstance(writer, DatasetWriter) else NOWHERE)
        intake.notes += label_notes(rule, config, [file.path for file in [*files, *tests]])
        for source, seconds in _read(parts, intake, reading, writer):
            if config.strict:
                _check_faults(parts[len(found)].path, source)
            found.append(source)
            yield FileRead(source.file, len(found), len(parts), source.packets, source.flows, seconds, source.faults)
        if key is not None and not writer.packets:
            raise InputError(
                "packets of captures for --anonymise", "only tables or bins, without addresses", "leave it out"
            )
        if isinstance(rule, MapLabels):
            intake.account.add(rule.left_out())
        bare = folders_without_captures(sources, files) if isinstance(rule, FolderLabels) else []
        _finish(intake, writer, found, config, rule.unused() if isinstance(rule, MapLabels) else no_labels(bare))


def _read(
    parts: Sequence[PartFile], intake: Intake, reading: Reading, writer: DatasetWriter | PartedWriter
) -> Iterator[tuple[Source, float]]:
    """Read every source, here or by the spread of the writer; yields what the card says of it, and the seconds."""
    if isinstance(writer, PartedWriter):
        yield from read_all(parts, intake, reading, writer)
        return
    for part in parts:
        began = time.perf_counter()
        intake.side = part.side
        intake.begin(part.number)
        source = read_source(intake, part.file, reading)
        yield source, time.perf_counter() - began


def _named(sources: Sequence[Path], config: PrepareConfig) -> tuple[list[SourceFile], list[SourceFile]]:
    """The files to train on, and those to test on where they come from a source of their own.

    Raises:
        InputError: an option does not fit them, or one of them is named as both.
    """
    files = _files(sources, config)
    tests = _files([Path(config.test)], config) if isinstance(config.test, str) else []
    tables = [kind_of(file.path, config) != "capture" for file in [*files, *tests]]
    config.check_sources(tables=any(tables), captures=not all(tables))
    both = _paths(files) & _paths(tests)
    if both:
        raise InputError(
            "other files for --test than for training", f"{min(both).name} as both", "name it once, with --test"
        )
    if any(file.path == STANDARD_INPUT for file in [*files, *tests]) and not config.unlabelled:
        check_label_of_standard_input(config.labels or "folder")
    return files, tests


def _paths(files: Sequence[SourceFile]) -> set[Path]:
    return {path.resolve() for file in files for path in (file.path, *file.more)}


def reads(sources: Sequence[Path], config: PrepareConfig) -> list[Path]:
    """The sources, and the one to test on: what whoever reads them must see."""
    return [*sources, *([Path(config.test)] if isinstance(config.test, str) else [])]


def _tables_of(config: PrepareConfig) -> list[Path]:
    """What is read beside the sources: the key, and the table of labels."""
    return [Path(name) for name in (config.anonymise, config.labels) if name not in (None, "folder", "file")]


def _files(sources: Sequence[Path], config: PrepareConfig) -> list[SourceFile]:
    if config.gasf is not None:  # a folder of images is one source
        return distinct((source, SourceFile(source, named=True)) for source in sources)
    files = find_files(tables_below(sources) if config.columns is not None else sources)
    if not config.rotated:
        return files
    captures, tables = ([file for file in files if kind_of(file.path, config) == kind] for kind in ("capture", "table"))
    return [*taps(captures), *tables]


def _check_faults(path: Path, source: Source) -> None:
    """Raise InputError if anything was left out or is odd, but frames of other protocols and tunnels as flows."""
    faults = [f"{reason}: {n:,}" for reason, n in source.faults.items() if not reason.startswith((NO_IP, SEEN))]
    if faults:
        said = "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")
        raise InputError("sources without faults (--strict)", f"{shown(path)}: {said}", "mend it, or leave it out")


def _finish(
    intake: Intake,
    writer: DatasetWriter | PartedWriter,
    sources: list[Source],
    config: PrepareConfig,
    unused: dict[str, int],
) -> None:
    rest = pl.concat(intake.rest) if intake.rest else pl.DataFrame()
    intake.rest.clear()
    if not len(rest):
        said = "; ".join(["none", *in_words(intake.account)])
        raise InputError("at least one flow in the sources", said, "check the captures with 'netdiffus info CAPTURE'")
    rng = np.random.default_rng(config.seed)
    is_given = rest["split"] != ""
    session, rest = _sessions(intake, rest, split_here=not is_given.any())
    drawn = splitting.split(rest["label"], rest["group"], config.test_share, rng)
    split = splitting.given(rest["split"], drawn)
    share = round(float(np.mean(split.to_numpy() == "test")), 4) if is_given.all() else config.test_share
    faults = dict(unused)
    untested = splitting.untested(rest["label"], split)
    if untested and config.test:
        faults["label has no test part, its traces are of one group or in one source"] = untested
    captures = any(source.links for source in sources)
    labels = _label_counts(rest["label"], split, intake.account.labels)
    card = DatasetCard(
        hash="",
        sources=sources,
        labels=labels,
        left_out=left_out(intake.account, labels),
        warnings=[*intake.zero_gaps.warnings(), *single_traces(labels)],
        channels=[
            ChannelInfo(name=name, kind=CHANNELS[name].kind, unit=CHANNELS[name].unit) for name in intake.channels
        ],
        bin_ns=None if config.bin_ns is None else config.bin_ns * (config.sum or 1),
        packets=config.packets or ((DEFAULT_BINS if config.bin_ns else DEFAULT_PACKETS) if captures else None),
        split=SplitInfo(rule=splitting.rule(is_given, config.window is not None), test=share, seed=config.seed),
        anonymised=config.anonymise is not None,
        payload=_payload(intake, split, config),
        faults=faults,
        notes=intake.notes,
        test_duplicates=int(splitting.duplicates(split, rest["key"]).sum()),
    )
    shared = rest["group"].n_unique() < len(rest)
    # as numbers: names may tell of hosts or people
    group = rest["group"].fill_null("").rank("dense").cast(pl.Int64) - 1 if shared else None
    del rest  # what follows needs room
    writer.finish(card, split, group, session)


def _sessions(intake: Intake, rest: pl.DataFrame, *, split_here: bool) -> tuple[pl.Series | None, pl.DataFrame]:
    """The session of each flow, where captures keep all packets and have enough, and `rest` with them as groups.

    A note says how many there are, or why there are none.

    Args:
        split_here: whether no source says which flows are for testing, so that sessions can be kept together.
    """
    if not split_here or sum(map(len, intake.ends)) != len(rest):
        return None, rest
    found = sessions_of_flows(intake.ends)
    intake.ends.clear()
    if why := why_none(rest["label"], found):
        intake.notes.append(f"sessions are not kept together: {why}")
        return None, rest
    intake.notes.append(f"{int(found.max()) + 1:,} sessions of clients; the flows of one stay together in the split")
    session = pl.Series("session", found, pl.Int64)
    return session, rest.with_columns(group=pl.lit("session ") + session.cast(pl.String))


def _payload(intake: Intake, split: pl.Series, config: PrepareConfig) -> PayloadKnowledge | None:
    """What the payload of the training part says, if that is wanted."""
    if not config.payload_shapes:
        return None
    rows = np.flatnonzero((split == "train").to_numpy()).tolist()
    known = intake.tally.knowledge(rows, anonymise=config.anonymise is not None)
    if not known.speeches:
        intake.notes.append(WITHOUT_PAYLOAD)
    return known


def _label_counts(labels: pl.Series, split: pl.Series, asked: Sequence[str]) -> dict[str, dict[str, int]]:
    """Traces by label and part of the split, also of labels that were asked for and have none."""
    counts = {label: {"train": 0, "test": 0} for label in sorted({*labels.unique().to_list(), *asked})}
    for label, part, count in pl.DataFrame([labels, split.alias("split")]).group_by("label", "split").len().iter_rows():
        counts[label][part] = count
    return counts
