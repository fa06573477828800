"""What `prepare` writes down of each label: flows, packets and files of captures that became no trace, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import polars as pl

from netdiffus.store.cards import LeftOut
from netdiffus.traffic.flows.reader import CaptureSummary
from netdiffus.traffic.labels.account import FILES, FLOWS, PACKETS, LabelAccount
from netdiffus.wire.headers.fields import leaves_out

TOO_SHORT = "fewer packets than --min-packets"
MOST_SAID = 3


def account_for_file(
    account: LabelAccount, label: str | None, faults: Mapping[str, int], read: CaptureSummary | None = None
) -> None:
    """Count a capture under the label of all that is in it (None: it has none); `read` is None if it is no capture."""
    if label is None:
        return
    packets = read.packets if read else 0
    account.came(label, FILES, 1)
    if not packets:
        account.leave_out(label, FILES, {next(iter(faults)): 1})
    if read is not None:
        account.came(label, PACKETS, packets)
        account.leave_out(label, PACKETS, {words: n for words, n in faults.items() if leaves_out(words)})
        account.came(label, FLOWS, read.short_flows)  # the others were counted as they came
        account.leave_out(label, FLOWS, {TOO_SHORT: read.short_flows})


def account_for_flows(account: LabelAccount, flows: pl.DataFrame, labels: pl.Series, least: int) -> int:
    """Count flows under their labels; returns how many have a label, and fewer than `least` packets."""
    counted = pl.DataFrame({"label": labels, "short": flows["n_packets"] < least}).drop_nulls()
    for label, count, short in counted.group_by("label").agg(pl.len(), pl.col("short").sum()).iter_rows():
        account.came(label, FLOWS, count)
        account.leave_out(label, FLOWS, {TOO_SHORT: short})
    return int(counted["short"].sum())


def left_out(account: LabelAccount, labels: Mapping[str, Mapping[str, int]]) -> dict[str, list[LeftOut]]:
    """For the card: by label what was left out; `labels` are its counts of traces."""
    found = account.left_out({label: sum(counts.values()) for label, counts in labels.items()})
    return {label: [LeftOut(**asdict(each)) for each in lines] for label, lines in found.items()}


def in_words(account: LabelAccount) -> list[str]:
    """What was left out where nothing is left, for an error."""
    lost = [f"{label}: {line}" for label, lines in left_out(account, {}).items() for line in lines]
    return [*lost[:MOST_SAID], *([f"and {len(lost) - MOST_SAID:,} more"] if lost[MOST_SAID:] else [])]


def no_labels(folders: Sequence[str]) -> dict[str, int]:
    """The fault that some folders hold no capture, of which labels could be made."""
    if not folders:
        return {}
    named = ", ".join(folders[:MOST_SAID]) + (", ..." if folders[MOST_SAID:] else "")
    return {f"folder holds no capture, no label is made of it ({named})": len(folders)}
