"""What other people's tools say of payload: nDPI's protocols by flow, tshark's complaints, and JA4 from the bytes."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import polars as pl

from netdiffus.traffic.flows.reader import FlowReader
from netdiffus.traffic.payload.ja4 import ja4, read_hello

BELOW = {"tcp", "udp", "ip", "ipv6", "eth", "frame", "icmp", "icmpv6", "data"}
"""Protocols up to the transport: what tshark says of these is not about payload."""
HELLO_BYTES = 4200
SILENT = re.compile(r"(?m)^.*\[proto: 0/Unknown\].*\[Goodput ratio: 0/0\].*$")
NAMED = re.compile(r"(?m)^\s+\d+\s+(?:TCP|UDP) .*?\[proto: [\d.]+/([^\].]+)")
"""Lines of ndpiReader: a flow without payload, and one that has a name."""


def ndpi(path: Path) -> Counter[str]:
    """Flows of TCP and UDP with payload by the protocol that ndpiReader names, from bytes alone (no guess by port).

    Of a name such as TLS.NetFlix it is the part before the dot: what follows is the application, whose host names
    tell it. Flows without payload are left out: there is nothing to be named.
    """
    command = ["ndpiReader", "-i", str(path), "-v", "2", "-d"]
    said = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stdout
    return Counter(NAMED.findall(SILENT.sub("", said)))


def complaints(path: Path) -> Counter[str]:
    """Malformed packets and expert errors of tshark above the transport, by protocol and words."""
    fields = ("_ws.col.Protocol", "_ws.expert.message")
    command = ["tshark", "-n", "-r", str(path), "-Y", "_ws.malformed || _ws.expert.severity==error", "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    said = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stdout
    found: Counter[str] = Counter()
    for line in said.splitlines():
        protocol, _, words = line.partition("\t")
        if protocol.lower() not in BELOW or "Malformed" in words:
            found[f"{protocol}: {words[:80]}"] += 1
    return found


def dissected(path: Path) -> Counter[str]:
    """Flows in which tshark finds a protocol above the transport, by its name."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-e", "tcp.stream", "-e", "udp.stream"]
    command += ["-e", "frame.protocols"]
    said = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stdout
    flows = {
        (tcp, udp, names.rpartition(":")[2]) for tcp, udp, names in (line.split("\t") for line in said.splitlines())
    }
    return Counter(name for _, _, name in flows)


def client_hellos(path: Path) -> list[tuple[tuple[str, int, str, int], str]]:
    """Ends of each flow of TCP whose client begins with a whole ClientHello, and the JA4 of its bytes."""
    found = []
    for batch in FlowReader(path, told=(4, HELLO_BYTES)):
        told = batch.packets.filter((pl.col("payload_bytes") > 0) & (pl.col("direction") == 0))
        starts = told.group_by("flow_id", maintain_order=True).agg(pl.col("payload"))
        ends = batch.flows.filter(pl.col("protocol") == "tcp").join(starts, on="flow_id")
        for row in ends.iter_rows(named=True):
            data = b"".join(row["payload"])
            if data[:2] != b"\x16\x03" or len(data) < 5 + int.from_bytes(data[3:5], "big"):
                continue
            key = row["client"], row["client_port"], row["server"], row["server_port"]
            found.append((key, ja4(read_hello(data[5:]))))
    return found
