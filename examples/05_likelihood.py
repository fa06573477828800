"""One model, three uses: it samples flows, continues them, and says how likely a flow is. About ten seconds.

A causal diffusion model has the exact likelihood of a trace given its label. By Bayes' rule the label under which a
trace is likeliest is a classifier, and what is unlikely under every label is an anomaly.
"""

from pathlib import Path

import numpy as np
import polars as pl

import netdiffus
from netdiffus import recordings

OUT = Path("likelihood")
LABELS = ["dns", "ntp", "redis"]

captures = [recordings.captures()[label][0] for label in LABELS]
netdiffus.prepare(captures, OUT / "dataset", packets=8)
model = netdiffus.TrafficModel(preset="tiny", steps=80).fit(OUT / "dataset")

test = pl.read_parquet(OUT / "dataset" / "traces.parquet").filter(split="test")
likelihood = np.stack([model.log_likelihood(test.with_columns(label=pl.lit(label))) for label in LABELS], axis=1)
predicted = np.array(LABELS)[likelihood.argmax(axis=1)]
print(f"classifier by Bayes' rule: accuracy {(predicted == test['label'].to_numpy()).mean():.2f}")

real = test.filter(label="redis")
swapped = real.with_columns(direction=pl.col("direction").list.eval(1 - pl.element()))  # the server speaks first
print(f"nats per flow: {model.log_likelihood(real).mean():.1f}, reversed {model.log_likelihood(swapped).mean():.1f}")

beginning = real.head(3).with_columns(pl.col("size", "direction", "gap_ns").list.head(4))
for before, after in zip(beginning["size"], model.continued(beginning, seed=0)["size"], strict=True):
    print(f"{before.to_list()} continues {after.to_list()[4:]}")
