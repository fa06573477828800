"""Gates: what other people's tools say of a capture. Each function is None where its tool is not installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

LAYERS = (
    "frame", "eth", "eth_withoutfcs", "eth_maybefcs", "ethertype", "llc", "vlan", "ip", "ipv6", "tcp", "udp", "icmp",
    "icmpv6", "sll", "null", "raw", "ppp", "data",
)  # fmt: skip
"""Only these dissect in tshark: payload is random, and what is inside TLS or DNS is not ours to judge."""
WARNING = 0x600000
TCPDUMP_FAULTS = re.compile(r"incorrect|bad[ -](?:udp |hdr |ck)|\[bad|truncated-ip|bad hdr length")


@cache
def only_layers() -> dict[str, str]:
    """An environment in which Wireshark's programs know only LAYERS, and validate checksums."""
    folder = Path(tempfile.mkdtemp(prefix="wireshark-"))
    listed = _run("tshark", "-G", "protocols")
    names = [line.split("\t")[2] for line in listed.splitlines()]
    others = [name for name in names if name not in LAYERS and not name.startswith(("ipv6.", "ip.", "tcp.", "_ws."))]
    (folder / "disabled_protos").write_text("\n".join(others) + "\n")
    checks = [f"{name}.check_checksum: TRUE\n" for name in ("tcp", "ip", "udp")]
    (folder / "preferences").write_text("".join(checks))
    return os.environ | {"WIRESHARK_CONFIG_DIR": str(folder)}


def _run(*command: str | Path, environment: dict[str, str] | None = None) -> str:
    run = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, check=False)
    return run.stdout


def tshark(path: Path) -> dict[int, list[str]] | None:
    """{packet number: what Wireshark's expert says of it at warning or above}, checksums validated."""
    if not shutil.which("tshark"):
        return None
    command: list[str | Path] = ["tshark", "-n", "-r", path, "-Y", "_ws.expert", "-T", "fields", "-E", "aggregator=|"]
    for field in ("frame.number", "_ws.expert.severity", "_ws.expert.message"):
        command += ["-e", field]
    said = {}
    for line in _run(*command, environment=only_layers()).splitlines():
        number, grades, words = line.split("\t")
        grave = [w for g, w in zip(grades.split("|"), words.split("|"), strict=True) if int(g) >= WARNING]
        if grave:
            said[int(number)] = grave
    return said


def tcpdump(path: Path) -> list[str] | None:
    """The lines in which tcpdump -vv names a wrong checksum, length or header."""
    if not shutil.which("tcpdump"):
        return None
    return [line for line in _run("tcpdump", "-nn", "-vv", "-r", path).splitlines() if TCPDUMP_FAULTS.search(line)]


def in_order(path: Path) -> bool | None:
    """Whether capinfos finds the times in strict order."""
    if not shutil.which("capinfos"):
        return None
    return "True" in _run("capinfos", "-o", path)


def complete(path: Path) -> tuple[int, int] | None:
    """TCP connections that tcptrace calls complete, and all that it saw."""
    if not shutil.which("tcptrace"):
        return None
    lines = [line for line in _run("tcptrace", "-n", path).splitlines() if re.match(r"\s*\d+: .* - .*>", line)]
    return sum("(complete)" in line for line in lines), len(lines)


def ndpi_flows(path: Path) -> int | None:
    """Flows that nDPI's reader counts."""
    found = re.search(r"Unique flows:\s*(\d+)", _run("ndpiReader", "-i", path)) if shutil.which("ndpiReader") else None
    return int(found[1]) if found else None


def nfstream_flows(path: Path) -> int | None:
    """Flows that NFStream counts, without time-outs: a pause ends no flow of a labels.csv either.

    And without looking for tunnels: in one of some hundred thousand packets it takes random payload for one.
    """
    try:
        from nfstream import NFStreamer
    except ImportError:
        return None
    endless = 10**6
    streamer = NFStreamer(
        source=str(path),
        n_meters=1,
        n_dissections=0,
        idle_timeout=endless,
        active_timeout=endless,
        decode_tunnels=False,
    )
    return sum(1 for _ in streamer)
