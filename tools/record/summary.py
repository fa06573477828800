"""A table of the shipped captures (flows, packets, families, round trips, bytes), written into their README."""

from __future__ import annotations

import lzma
import statistics
import struct
import sys
from collections import Counter
from pathlib import Path as File

from trim import Flow, parse

BEGIN, END = "<!-- counts -->", "<!-- end of counts -->"


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


def main() -> None:
    """Make the table of a data folder, print it, and put it into the README beside the folder, if there is one."""
    data = File(sys.argv[1])
    head = (
        "| label | flows | packets | per flow, median | most | TCP | IPv6 | seconds, median | first answer, ms | kB |"
    )
    table = "\n".join([head, "|---" * 10 + "|", *(row(name) for name in sorted(data.glob("*/*.pcap.xz")))])
    print(table)
    readme = data.parent / "README.md"
    if readme.exists():
        before, _, rest = readme.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        readme.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


if __name__ == "__main__":
    main()
