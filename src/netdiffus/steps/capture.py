"""Captures out: flows' rows become a capture with labels beside it; what the rules of the wire changed is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from netdiffus.steps.config import Config
from netdiffus.store.atomic import atomic_file, write_json
from netdiffus.store.labelfolders import label_folders
from netdiffus.text import as_text
from netdiffus.traffic.csvcells import guarded
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
from netdiffus.traffic.sessions.endpoints import CLIENT_NETS, SERVER_NETS

CAPTURES = (".pcap", ".pcapng")
BEGIN_NS = 1_767_225_600_000_000_000
"""When the first flow begins: midnight of 1 January 2026, UTC; a clock would make the same seed another file."""


class CaptureConfig(Config):
    """What can be chosen for a capture."""

    client_net: list[str] = Field(list(CLIENT_NETS))
    server_net: list[str] = Field(list(SERVER_NETS))
    link: Literal["ethernet", "raw"] = "ethernet"
    payload: Literal["random", "zero"] = "random"
    rate: float | None = Field(None, gt=0)  # flows a second; None: as the dataset's flows arrive
    duration: float | None = Field(None, gt=0)  # seconds from the first flow's start to the last one's
    per_label: bool = False


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
    parts = {out: packets}
    if config.per_label:
        apart = by_label(packets)
        folders = label_folders(apart)
        parts = {out.with_name(f"{out.stem}.{folders[label]}{out.suffix}"): part for label, part in apart.items()}
    files = {path: write_compiled(path, part, config, seed, provenance) for path, part in parts.items()}
    written = CaptureWritten(files, len(np.unique(packets.owner)), packets.changes, dict(not_as_drawn))
    for path in files:
        write_json(_report_path(path), dict(provenance) | summary(written))
    return written


def placed(rows: FlowRows, gaps: NDArray[np.int64], config: CaptureConfig, rng: np.random.Generator) -> FlowRows:
    """The flows between fresh hosts, with fresh starts, labels mixed in time; arguments as of write_capture."""
    fresh = fresh_endpoints(rows, rng, client_nets=config.client_net, server_nets=config.server_net)
    starts = draw_starts(gaps, len(rows), rng, begin_ns=BEGIN_NS, rate=config.rate, duration_s=config.duration)
    fresh.flows["start_ns"] = rng.permutation(starts)
    return fresh


def write_compiled(
    path: Path, packets: Packets, config: CaptureConfig, seed: int, provenance: Mapping[str, Any]
) -> int:
    """Write one capture of compiled flows, and its labels beside it; arguments as of write_capture; returns packets."""
    made_by = f"netdiffus {provenance['netdiffus']}"
    comment = f"synthetic, {made_by}, model {provenance['model'][:16]}, seed {seed}"
    with atomic_file(path) as temporary, temporary.open("wb") as file:
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
    with atomic_file(labels_path(path)) as temporary, temporary.open("wb") as file:
        guarded(label_table(packets)).write_csv(file)
    return n


def _report_path(capture: Path) -> Path:
    return capture.with_name(capture.name + ".json")


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
