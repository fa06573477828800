"""Recordings of whole flows: uncut, from the first packet to the last, and long."""

from collections import Counter
from functools import cache

import pytest

from netdiffus import recordings
from netdiffus.wire.conformance.check import check_capture
from shipped_records import ETHERNET_MTU, FlowKey, flow, headers, records, transport

LABELS = sorted(recordings.whole())
FEWEST_LABELS = 5
FEWEST_FLOWS = 12
LONGEST_FLOW = 20_000
# What loss between a server and a capture at the client looks like; and full windows, which no loss needs.
OF_THE_PATH = {"tcp-segment-missing", "tcp-out-of-order", "tcp-zero-window", "tcp-window-full"}
SYN, FIN, RST = 2, 1, 4


@cache
def flags_of_flows(label: str) -> dict[FlowKey, list[int]]:
    """The TCP flags (of UDP 0) of each packet of each flow, after a look at every packet."""
    (path,) = recordings.whole()[label]
    found: dict[FlowKey, list[int]] = {}
    before = 0
    for time_ns, length, frame in records(path):
        assert time_ns >= before, "packets in order of time"
        before = time_ns
        assert headers(frame) <= len(frame) <= min(length, headers(frame) + 8) <= ETHERNET_MTU
        protocol, at = transport(frame)
        found.setdefault(flow(frame), []).append(frame[at + 13] if protocol == 6 else 0)
    return found


def test_there_are_enough_labels_and_one_flow_is_very_long() -> None:
    assert len(LABELS) >= FEWEST_LABELS
    assert max(len(flags) for label in LABELS for flags in flags_of_flows(label).values()) > LONGEST_FLOW


@pytest.mark.parametrize("label", LABELS)
def test_flows_are_whole(label: str) -> None:
    flows = flags_of_flows(label)
    uncut = 0
    for (protocol, _), flags in flows.items():
        if protocol == 6:
            assert flags[0] & SYN, "begins with its first packet"
        uncut += protocol == 17 or any(one & (FIN | RST) for one in flags)
    assert uncut >= FEWEST_FLOWS
    assert uncut == len(flows), "ends with its last packet"


@pytest.mark.parametrize("label", LABELS)
def test_most_flows_are_longer_than_the_cut_of_the_other_recordings(label: str) -> None:
    longer = Counter(len(flags) > 400 for flags in flags_of_flows(label).values())
    assert longer[True] >= FEWEST_FLOWS


@pytest.mark.parametrize("label", LABELS)
def test_check_finds_nothing_but_loss(label: str) -> None:
    (path,) = recordings.whole()[label]
    assert {finding.rule.name for finding in check_capture(path).faults} <= OF_THE_PATH
