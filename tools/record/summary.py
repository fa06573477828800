"""Tables of the shipped captures (flows, packets, families, round trips, bytes, sessions), put into their README."""

from __future__ import annotations

import csv
import lzma
import statistics
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path as File

from trim import Flow, parse

HEAD = "| label | flows | packets | per flow, median | most | TCP | IPv6 | seconds, median | first answer, ms | kB |"
SESSIONS_HEAD = "| label | sessions | clients | of them with several | flows | packets | seconds |"


def row(name: File) -> str:
    """One line of the table, in Markdown."""
    data = lzma.decompress(name.read_bytes())
    count: Counter[Flow] = Counter()
    six: set[Flow] = set()
    first: dict[Flow, int] = {}
    began: dict[Flow, tuple[bytes, int]] = {}
    answer: dict[Flow, int] = {}
    last: dict[Flow, int] = {}
    at = 24
    while at < len(data):
        seconds, nanoseconds, kept, length = struct.unpack_from("<IIII", data, at)
        packet = parse(seconds * 10**9 + nanoseconds, data[at + 16 : at + 16 + kept], length)
        at += 16 + kept
        assert packet, "trimmed captures hold TCP and UDP only"
        flow = packet.flow
        count[flow] += 1
        first.setdefault(flow, packet.time_ns)
        last[flow] = packet.time_ns
        if packet.frame[12:14] == b"\x86\xdd":
            six.add(flow)
        side, then = began.setdefault(flow, (packet.frame[6:12], packet.time_ns))
        if side != packet.frame[6:12]:
            answer.setdefault(flow, packet.time_ns - then)
    tcp = sum(flow[0] == 6 for flow in count)
    sizes, waits = sorted(count.values()), sorted(answer.values())
    seconds_median = statistics.median(last[flow] - first[flow] for flow in count) / 1e9
    ten, ninety = (waits[int(len(waits) * q)] / 1e6 for q in (0.1, 0.9))
    cells = [name.parent.name, len(count), sum(sizes), f"{statistics.median(sizes):.0f}", sizes[-1]]
    cells += [f"{100 * tcp / len(count):.0f} %", f"{100 * len(six) / len(count):.0f} %", f"{seconds_median:.1f}"]
    cells += [f"{ten:.0f} to {ninety:.0f}", f"{name.stat().st_size / 1000:.0f}"]
    return "| " + " | ".join(map(str, cells)) + " |"


def write(readme: File, part: str, table: str) -> None:
    """Put a table between the two comments that name its part."""
    begin, end = f"<!-- {part} -->", f"<!-- end of {part} -->"
    before, found, rest = readme.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{readme}: expected {begin} and {end}")
    readme.write_text(f"{before}{begin}\n{table}\n{end}{after}")


def session_rows(name: File) -> Iterator[str]:
    """A line for each label of the table of sessions, in Markdown."""
    with name.open(newline="") as file:
        every = list(csv.DictReader(file))
    for label in sorted({row["label"] for row in every}):
        rows = [row for row in every if row["label"] == label]
        of_client = Counter(row["client"] for row in rows)
        flows, packets = ([int(row[column]) for row in rows] for column in ("flows", "packets"))
        seconds = [(int(row["end_ns"]) - int(row["start_ns"])) / 1e9 for row in rows]
        cells = [label, len(rows), len(of_client), sum(count > 1 for count in of_client.values())]
        cells += [f"{min(flows)}, {statistics.median(flows):.0f}, {max(flows)}"]
        cells += [f"{min(packets)}, {statistics.median(packets):.0f}, {max(packets)}"]
        cells += [f"{min(seconds):.0f}, {statistics.median(seconds):.0f}, {max(seconds):.0f}"]
        yield "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    """Make the tables of the recordings, print them, and put them into the README there, if there is one."""
    recordings = File(sys.argv[1])
    readme = recordings / "README.md"
    tables = {}
    for part in ("data", "whole", "sessions"):
        lines = [row(name) for name in sorted((recordings / part).glob("*/*.pcap.xz"))]
        tables[part] = "\n".join([HEAD, "|---" * 10 + "|", *lines])
    table = recordings / "sessions.csv"
    if table.exists():
        tables["clients"] = "\n".join([SESSIONS_HEAD, "|---" * 7 + "|", *session_rows(table)])
    for part, lines_of_part in tables.items():
        print(lines_of_part)
        if readme.exists():
            write(readme, part, lines_of_part)


if __name__ == "__main__":
    main()
