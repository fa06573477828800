"""Flows of whole captures against tshark and dpkt."""

import hashlib
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import polars as pl
import pytest

import netdiffus
from netdiffus.traffic.flows.reader import flows_of_capture
from netdiffus.traffic.labels.rules import is_capture_name
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.writer import write_pcap
from shared_files import shared
from sharkd import Sharkd, sharkd

CAPTURES = [
    "apps_pcap/zoom/zoom_p2p.pcapng",
    "apps_pcap/gnutella/gnutella.pcap",
    "apps_pcap/netflix/netflix.pcap",
    "anomaly/pcap/ssh_bruteforce/malicious-ssh-bruteforce.pcap",
]


def capture(name: str) -> Path:
    return shared(f"data/{name}")


@pytest.fixture(scope="module")
def shark() -> Iterator[Sharkd]:
    with sharkd() as running:
        yield running


def streams(shark: Sharkd, path: Path) -> tuple[int, list[int], list[int]]:
    """What Wireshark says: packets, and packets per TCP and UDP stream; the packet inside an ICMP error is in none."""
    rows = shark.columns(path, "tcp.stream", "udp.stream", "icmp.type", "icmpv6.type")
    tcp_rows = [row[0] for row in rows if row[0] and not row[2] and not row[3]]
    udp_rows = [row[1] for row in rows if row[1] and not row[2] and not row[3]]
    return len(rows), sorted(Counter(tcp_rows).values()), sorted(Counter(udp_rows).values())


def our_streams(path: Path) -> tuple[int, list[int], list[int]]:
    """The same from flows; tshark knows no idle timeout, so ours is set beyond every gap."""
    found = flows_of_capture(path, timeout_s=4e9)
    sizes = [sorted(found.flows.filter(protocol=name)["n_packets"].to_list()) for name in ("tcp", "udp")]
    return found.summary.packets, sizes[0], sizes[1]


@pytest.mark.parametrize("name", CAPTURES)
def test_packets_and_streams_are_those_of_tshark(name, shark):
    path = capture(name)
    assert our_streams(path) == streams(shark, path)


RECORDINGS = sorted((Path(netdiffus.__file__).parent / "recordings" / "data").rglob("*.pcap*"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.parent.name)
def test_recordings_have_the_streams_of_tshark(path, shark, tmp_path):
    beginning = tmp_path / "x.pcap"
    with closing(packet for block in read_capture(path) for packet in block.packets()) as packets:
        write_pcap(beginning, islice(packets, 4000))
    assert our_streams(beginning) == streams(shark, beginning)


def test_every_shared_capture_has_the_packets_of_tshark():
    paths = sorted(path for path in shared("data").rglob("*") if is_capture_name(path))
    capinfos = shutil.which("capinfos")
    if capinfos is None:
        pytest.skip("capinfos, which comes with tshark, is not installed")
    command = [capinfos, "-c", "-M", "-T", "-r", *map(str, paths)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    theirs = dict(line.rsplit("\t", 1) for line in lines)
    ours = {str(path): str(sum(len(block) for block in read_capture(path))) for path in paths}
    assert len(paths) > 100
    assert ours == theirs


@pytest.mark.parametrize("name", CAPTURES[1:])
def test_sizes_are_those_of_dpkt(name):
    path = capture(name)
    dpkt = pytest.importorskip("dpkt")
    sizes = 0
    with open(path, "rb") as file:
        for _, data in dpkt.pcap.Reader(file):
            if len(data) < 14:  # gnutella.pcap holds a record of 4 bytes, which dpkt cannot take
                continue
            inside = dpkt.ethernet.Ethernet(data).data
            if isinstance(inside, dpkt.ip.IP) and isinstance(inside.data, dpkt.tcp.TCP | dpkt.udp.UDP):
                sizes += inside.len - inside.hl * 4 - (inside.data.off * 4 if inside.p == 6 else 8)
    found = flows_of_capture(path, packets=10**9)
    v4 = found.flows.filter(pl.col("protocol").is_in(["tcp", "udp"]) & ~pl.col("client").str.contains(":"))
    assert v4["size"].explode(empty_as_null=False).sum() == sizes
    assert found.summary.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.summary.bytes == path.stat().st_size
