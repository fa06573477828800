"""Captures out: flows' rows become a capture with labels beside it; what the rules of the wire changed is counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from netdiffus import limits
from netdiffus.config import Config, exclusive
from netdiffus.errors import InputError
from netdiffus.store.account import names_of_result, write_accounts
from netdiffus.store.labelfolders import label_folders
from netdiffus.store.place import followed
from netdiffus.store.publish import publish_files
from netdiffus.text import as_text
from netdiffus.traffic.csvcells import guarded
from netdiffus.traffic.moments import moment_ns
from netdiffus.traffic.sessions import (
    RULES,
    Changes,
    FlowRows,
    Packets,
    by_label,
    compile_rows,
    draw_starts,
    fresh_endpoints,
    label_table,
    labels_path,
    write_packets,
)
from netdiffus.traffic.sessions.arrivals import LATEST_NS
from netdiffus.traffic.sessions.endpoints import CLIENT_NETS, SERVER_NETS
from netdiffus.wire.nprint import is_nprint_name
from netdiffus.wire.records import PCAP_END_NS

CAPTURES = (".pcap", ".pcapng")
OF_CAPTURES = {"link", "payload", "per_label"}
"""Options that have a meaning for captures alone."""
BEGIN_NS = 1_767_225_600_000_000_000
"""When the first flow begins: midnight of 1 January 2026, UTC; a clock would make the same seed another file."""


def _start(value: object) -> object:
    """What --start says, as nanoseconds; of other types pydantic tells."""
    return moment_ns(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else value


class CaptureConfig(Config):
    """What can be chosen for a capture."""

    client_net: list[str] = Field(list(CLIENT_NETS))
    server_net: list[str] = Field(list(SERVER_NETS))
    link: Literal["ethernet", "raw"] = "ethernet"
    payload: Literal["random", "zero"] = "random"
    rate: float | None = Field(
        None, ge=limits.RATE[0], le=limits.RATE[1]
    )  # flows a second; None: as the dataset's flows arrive
    duration: float | None = Field(
        None, ge=limits.SECONDS[0], le=limits.SECONDS[1]
    )  # seconds from the first flow's start to the last one's
    per_label: bool = False
    start: Annotated[int, BeforeValidator(_start)] = BEGIN_NS  # of the first flow; ISO 8601 or a number, as ns

    @model_validator(mode="after")
    def _can_be(self) -> CaptureConfig:
        exclusive(rate=self.rate is not None, duration=self.duration is not None)
        return self

    def check_form(self, out: Path, flows: int) -> None:
        """Raise InputError for options that have no meaning for a file of this name, or flows that would take too long.

        Args:
            flows: that are to be drawn.
        """
        given = sorted(self.model_fields_set & OF_CAPTURES)
        if given and not is_capture_name(out):
            option = f"--{given[0].replace('_', '-')}"
            raise InputError(f"a capture ({', '.join(CAPTURES)}) for {option}", out.name, f"leave {option} out")
        if self.rate is not None and flows / self.rate > limits.SECONDS[1]:
            raise InputError(
                f"flows that begin within {limits.SECONDS[1]:,.0f} seconds", f"{flows:,} at --rate {self.rate:g}",
                "raise --rate, or lower --count",
            )  # fmt: skip


@dataclass(frozen=True)
class CaptureWritten:
    """What was written: packets by file, flows, and what was changed of what was asked for."""

    files: Mapping[Path, int]
    flows: int
    changes: Changes
    not_as_drawn: Mapping[str, int]  # packets, by reason, that the model drew as no packet can be

    @property
    def packets(self) -> int:
        """Packets in all files."""
        return sum(self.files.values())


def is_capture_name(out: Path) -> bool:
    """Whether `generate` writes a capture to a path of this name."""
    return out.suffix.lower() in CAPTURES


def check_start(out: Path, config: CaptureConfig) -> None:
    """Raise InputError if a file of this name cannot hold times that begin at config.start."""
    pcap = out.suffix.lower() == ".pcap" or is_nprint_name(out)  # nPrint rows are made of a pcap
    if pcap or is_capture_name(out):
        lowest, end, held = 0, PCAP_END_NS if pcap else LATEST_NS, "from 1970 to 2105" if pcap else "from 1970 to 2261"
    else:
        lowest, end, held = -(1 << 63), LATEST_NS, "from 1678 to 2261"
    if not lowest <= config.start < end:
        raise InputError(f"--start {held} for {out.name}", f"{config.start} ns", "choose another time or form")


def write_capture(
    out: Path,
    rows: FlowRows,
    gaps: NDArray[np.int64],
    config: CaptureConfig,
    seed: int,
    provenance: Mapping[str, Any],
    not_as_drawn: Mapping[str, int],
) -> CaptureWritten:
    """Compile flows and write them, interleaved in time, with FILE.labels.csv and FILE.json beside each capture.

    Args:
        rows: what to send; addresses, ports and initial numbers are drawn here.
        gaps: between the starts of real flows, ns, to draw starts from.
        seed: of every draw.
        provenance: what the flows were made by; "model" and "netdiffus" are named in a pcapng.

    Raises:
        InputError: a network is wrong or too small, or both rate and duration are given.
    """
    packets = compile_rows(placed(rows, gaps, config, np.random.default_rng(seed)))
    named = followed(out)
    parts = {named: packets}
    if config.per_label:
        of_labels = by_label(packets)
        parts = dict(zip(per_label(named, of_labels), of_labels.values(), strict=True))
    with publish_files(files_of(list(parts))) as folder:
        staged = {folder / path.name: part for path, part in parts.items()}
        counts = [write_compiled(path, part, config, seed, provenance) for path, part in staged.items()]
        files = dict(zip(parts, counts, strict=True))
        written = CaptureWritten(files, len(np.unique(packets.owner)), packets.changes, dict(not_as_drawn))
        write_accounts(list(staged), dict(provenance) | summary(written))
    return written


def per_label(out: Path, labels: Iterable[str]) -> list[Path]:
    """The captures that --per-label makes of `out`, one for each label."""
    return [out.with_name(f"{out.stem}.{folder}{out.suffix}") for folder in label_folders(labels).values()]


def files_of(captures: list[Path]) -> list[Path]:
    """All files of a result of these captures."""
    return [captures[0].with_name(name) for name in names_of_result(captures)]


def placed(rows: FlowRows, gaps: NDArray[np.int64], config: CaptureConfig, rng: np.random.Generator) -> FlowRows:
    """The flows between fresh hosts, with fresh starts, labels mixed in time; arguments as of write_capture."""
    fresh = fresh_endpoints(rows, rng, client_nets=config.client_net, server_nets=config.server_net)
    starts = draw_starts(gaps, len(rows), rng, begin_ns=config.start, rate=config.rate, duration_s=config.duration)
    fresh.flows["start_ns"] = rng.permutation(starts)
    return fresh


def write_compiled(
    path: Path, packets: Packets, config: CaptureConfig, seed: int, provenance: Mapping[str, Any]
) -> int:
    """Write one capture of compiled flows, and its labels beside it; arguments as of write_capture; returns packets."""
    made_by = f"netdiffus {provenance['netdiffus']}"
    comment = f"synthetic, {made_by}, model {provenance['model'][:16]}, seed {seed}"
    with path.open("wb") as file:
        n = write_packets(
            file,
            packets,
            form=path.suffix.lower(),
            link=config.link,
            payload=config.payload,
            seed=seed,
            comment=comment,
            application=made_by,
        )
    with labels_path(path).open("wb") as file:
        guarded(label_table(packets)).write_csv(file)
    return n


def summary(written: CaptureWritten) -> dict[str, Any]:
    """What was written and changed, as plain values; the counts are those of all files together."""
    changes = written.changes
    return {
        "files": {as_text(path.name): packets for path, packets in written.files.items()},
        "flows": written.flows,
        "packets_asked": changes.packets,
        "packets_written": written.packets,
        "packets_changed": changes.changed,
        "packets_left_out": changes.dropped,
        "changed_by_rule": {
            name: {"packets": count, "rule": RULES[name].words, "source": RULES[name].source}
            for name, count in changes.by_rule.items()
        },
        "not_as_drawn": dict(written.not_as_drawn),
    }
