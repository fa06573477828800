"""Your own captures: label flows by address, port and time, hide the addresses, and look at what is left.

    python examples/02_own_captures.py YOUR.pcap OTHER.pcapng.gz

Without an argument it reads two of the shipped recordings. A few seconds; writes into own-captures/.
"""

import json
import secrets
import sys
from pathlib import Path

import polars as pl

import netdiffus
from netdiffus import recordings

OUT = Path("own-captures")
OUT.mkdir(exist_ok=True)
captures = sys.argv[1:] or [recordings.captures()[label][0] for label in ("dns-over-tls", "quic")]

# Rows are rules: every cell that is filled in must match. Of the rules that match, the one that starts latest counts.
pl.DataFrame(
    {"protocol": ["tcp", "udp", None], "server_port": [853, 443, None], "label": ["dns-over-tls", "quic", "other"]}
).write_csv(OUT / "labels.csv")  # fmt: skip
(OUT / "key").write_bytes(secrets.token_bytes(32))  # keep it to map the next capture's addresses alike

dataset = netdiffus.prepare(
    captures, OUT / "dataset", labels=str(OUT / "labels.csv"), anonymise=str(OUT / "key"), packets=32, min_packets=2
)

traces = pl.read_parquet(dataset / "traces.parquet")
summary = traces.group_by("label").agg(
    flows=pl.len(),
    packets=pl.col("n_packets").sum(),
    first_sizes=pl.col("size").list.head(4).first(),
)
print(summary.sort("label"))

card = json.loads((dataset / "dataset.json").read_text())
print("addresses mapped:", card["anonymised"])
for source in card["sources"]:  # nothing is skipped in silence: every frame that is not in a trace has a reason
    print(source["file"], source["faults"])
