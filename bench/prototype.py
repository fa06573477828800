"""netdiffus beside a plain causal transformer that a script outside of this project trains: as long, on the same rows.

PROTOTYPE=FILE names the script, called as `FILE DATASET OUT.parquet MINUTES THREADS`; it prints "attack AUC" and may
import netdiffus as of commit OF, which is taken from this repository. PROTOTYPE_SETS=mirage,vqflow chooses the sets.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from statistics import fmean

import polars as pl

from bench.results import table, write_section
from bench.sets.collection import SETS
from bench.sets.measures import Parts, arrays, judged, membership
from netdiffus import generate, train
from netdiffus.models.backends import load_model
from netdiffus.store.cards import DatasetCard
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.traces import channel_names

ROOT = Path(__file__).parents[1]
OF = "8b85496"
SINCE = ("left_out", "notes", "warnings", "payload")
"""What dataset.json holds since then."""
CHOSEN = {"mirage": {}, "vqflow": {"PRE": "8", "G": "1"}, "tiissrc23": {"PRE": "5"}}
"""What the script's environment is for each set: what measured best with it when it was written."""
SHOWN = ("ratio", "detection", "jsd", "jsd_floor", "copies", "test_copies", "membership")
DRAWS = 3


def tree(folder: Path) -> Path:
    """The package's source as of commit OF."""
    packed = subprocess.run(["git", "archive", OF, "src"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "src"


def as_then(dataset: Path, folder: Path) -> Path:
    """A copy of a dataset whose dataset.json has only what the package knew as of commit OF."""
    older = folder / "older"
    shutil.copytree(dataset, older)
    card = json.loads((older / DatasetCard.FILE).read_text())
    kept = {key: value for key, value in card.items() if key not in SINCE}
    (older / DatasetCard.FILE).write_text(json.dumps(kept))
    return older


def figures(made: Path, parts: Parts, seed: int) -> dict[str, float]:
    """Of synthetic traces."""
    return judged(parts, arrays(pl.read_parquet(made), parts.channels, parts.train.series.shape[-1]), None, seed)


def theirs(script: Path, dataset: Path, parts: Parts, name: str, folder: Path) -> dict[str, float]:
    """The figures of what the script makes."""
    made, threads = folder / "theirs.parquet", os.environ.get("OMP_NUM_THREADS", str(os.cpu_count()))
    environment = os.environ | {"PYTHONPATH": str(tree(folder)), "SMT": "0", "ATT": "1"} | CHOSEN[name]
    older = as_then(dataset, folder)
    command = [sys.executable, str(script), str(older), str(made), str(SETS[name].minutes), threads]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"{script.name} failed on {name}:\n{run.stderr}")
    attack = re.search(r"attack AUC ([\d.]+)", run.stdout)
    return figures(made, parts, 0) | {"membership": float(attack[1]) if attack else float("nan")}


def ours(dataset: Path, parts: Parts, name: str, folder: Path) -> dict[str, float]:
    """The same of netdiffus, the mean of DRAWS draws."""
    model, found = folder / "model", []
    train(dataset, model, minutes=SETS[name].minutes)
    for seed in range(DRAWS):
        made = folder / f"ours-{seed}.parquet"
        generate(model, made, count=parts.counts(), seed=seed)
        found.append(
            judged(parts, arrays(pl.read_parquet(made), parts.channels, parts.train.series.shape[-1]), None, 0)
        )
    return {key: fmean(one[key] for one in found) for key in found[0]} | {
        "membership": membership(load_model(model), parts)
    }


def main() -> None:
    """Write the section."""
    script = Path(os.environ.get("PROTOTYPE", ""))
    if not script.is_file():
        sys.exit("PROTOTYPE=FILE names the script that netdiffus is compared with; nothing was measured")
    lines = []
    for name in os.environ.get("PROTOTYPE_SETS", ",".join(CHOSEN)).split(","):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            SETS[name].prepare(folder)
            _, traces = read_dataset(folder / "dataset")
            parts = Parts.of(traces, channel_names(traces))
            for who, found in (
                ("netdiffus", ours(folder / "dataset", parts, name, folder)),
                ("plain transformer", theirs(script.resolve(), folder / "dataset", parts, name, folder)),
            ):
                lines.append([f"{name}, {SETS[name].minutes:g} minutes", who, *(f"{found[key]:.3f}" for key in SHOWN)])
                print(lines[-1], flush=True)
    head = ["set", "model", "TSTR / TRTR", "detection AUC", "JSD", "of real", "copies", "of test", "membership AUC"]
    text = f"Each trained as long, one after the other in one run; netdiffus is the mean of {DRAWS} draws.\n\n"
    write_section("prototype", "Beside a plain causal transformer", text + table(head, lines))


if __name__ == "__main__":
    main()
