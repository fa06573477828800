"""From captures to a report: prepare, train, generate, evaluate. About half a minute; writes into first-report/.

The captures are three of the shipped recordings. The model is tiny and hardly trained, so the report finds much to
criticise; `make demo` runs the same four steps at full size.
"""

import shutil
from pathlib import Path

import netdiffus
from netdiffus import recordings

OUT = Path("first-report")
LABELS = ("dns", "web", "ssh")

for label in LABELS:  # one folder per label, as you would lay out your own captures
    shutil.copytree(recordings.folder() / label, OUT / "captures" / label, dirs_exist_ok=True)

netdiffus.prepare(OUT / "captures", OUT / "dataset", packets=16)
netdiffus.train(OUT / "dataset", OUT / "model", preset="tiny", steps=60)
netdiffus.generate(OUT / "model", OUT / "synthetic.parquet", count=300, balance=True)
scores = netdiffus.evaluate(OUT / "dataset", OUT / "synthetic.parquet", OUT / "report", baselines=False)

ratio = scores["utility.ratio"]  # accuracy of a classifier trained on synthetic flows, relative to one trained on real
print(f"TSTR / TRTR {ratio.value:.2f}, where real flows get {ratio.ceiling:.2f}")
print(f"exact copies {scores['copies.exact'].value:.1%}")
print(f"open {OUT / 'report' / 'report.html'}")
