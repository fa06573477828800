"""Packets out: learn header fields, write a capture, and check it as strictly as Wireshark would. About 20 seconds.

Handshakes, sequence numbers and checksums are computed, not learned: even a hardly trained model writes a clean
capture.
"""

from collections import Counter
from pathlib import Path

import polars as pl

import netdiffus
from netdiffus import recordings

OUT = Path("packets")

captures = [recordings.captures()[label][0] for label in ("redis", "dns")]
netdiffus.prepare(captures, OUT / "dataset", packets=16)
netdiffus.train(OUT / "dataset", OUT / "model", image="fields", preset="tiny", steps=40)
netdiffus.generate(OUT / "model", OUT / "synthetic.pcapng", count=60, rate=20)

flows = pl.read_csv(OUT / "synthetic.pcapng.labels.csv")
print(flows.group_by("label", "protocol").agg(flows=pl.len(), packets=pl.col("packets").sum()).sort("label"))

result = netdiffus.check(OUT / "synthetic.pcapng")
found = Counter(finding.rule.severity for finding in result.findings)
print(f"{result.packets} packets: {found['error']} errors, {found['warning']} warnings")
