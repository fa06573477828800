"""The table of sessions: which client did what when, and how much traffic that was."""

from __future__ import annotations

import csv
import ipaddress
import json
from collections import Counter
from pathlib import Path as File
from typing import NamedTuple

from trim import Flow, Packet

COLUMNS = ["label", "session", "client", "start_ns", "end_ns", "flows", "packets"]


class Window(NamedTuple):
    """What one client did in one go: its address, and when it began and ended."""

    client: str
    began_ns: int
    ended_ns: int


def windows(name: File) -> list[Window]:
    """The sessions that the recorder noted, in order of time."""
    return sorted((Window(*one) for one in json.loads(name.read_text())), key=lambda one: one.began_ns)


def session_of_flows(packets: list[Packet], sessions: list[Window]) -> dict[Flow, int]:
    """The number of the session in which each flow began; those of a failed session are absent."""
    by_client: dict[bytes, list[tuple[int, Window]]] = {}
    for number, session in enumerate(sessions):
        by_client.setdefault(ipaddress.ip_address(session.client).packed, []).append((number, session))
    found: dict[Flow, int] = {}
    seen: set[Flow] = set()
    for packet in packets:
        if packet.flow in seen:
            continue
        seen.add(packet.flow)
        for end in packet.flow[1]:
            for number, session in by_client.get(end[:-2], []):
                if session.began_ns <= packet.time_ns <= session.ended_ns:
                    found[packet.flow] = number
    return found


def rows(label: str, packets: list[Packet], sessions: list[Window]) -> list[list[object]]:
    """A row for each session that has packets; times are those of its first and last packet."""
    owner = session_of_flows(packets, sessions)
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    count: Counter[int] = Counter()
    for packet in packets:
        if packet.flow in owner:
            number = owner[packet.flow]
            first.setdefault(number, packet.time_ns)
            last[number] = packet.time_ns
            count[number] += 1
    flows = Counter(owner.values())
    return [
        [label, f"{label}-{at:03}", sessions[number].client, first[number], last[number], flows[number], count[number]]
        for at, number in enumerate(sorted(first, key=first.__getitem__), 1)
    ]


def replace(name: File, label: str, new: list[list[object]]) -> None:
    """Put the rows of a label into the table in place of those that it has."""
    kept: list[list[object]] = []
    if name.exists():
        with name.open(newline="") as file:
            kept = [list(row) for row in list(csv.reader(file))[1:] if row[0] != label]
    with name.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *sorted([*kept, *new], key=lambda row: str(row[1]))])
