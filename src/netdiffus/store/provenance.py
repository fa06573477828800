"""What a generated file or a report says of its making: from which model, from which dataset, of which set."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from netdiffus.store.account import account_path
from netdiffus.store.report import MARKDOWN

SOURCE = re.compile(r"netdiffus \S+ model ([0-9a-f]{16})\b")
"""The column `source` of drawn traces (steps/outputs/order.py)."""
REAL = re.compile(r"^\* (real|synthetic): (.*) \(sha256 ([0-9a-f]{16}), [\d,]+ traces\)$", re.MULTILINE)
ACCOUNT_BYTES = 1 << 22


@dataclass(frozen=True)
class Origin:
    """What a result was made from: hashes, or the first 16 digits of them; "" where nothing is said."""

    model: str = ""
    dataset: str = ""
    synthetic: str = ""


def origin_of(path: Path) -> Origin | None:
    """The origin of a table or a capture; None: it does not say that netdiffus drew it."""
    try:
        match path.suffix.lower():
            case ".parquet":
                with path.open("rb") as file:
                    return _said(pl.read_parquet_metadata(file).get("netdiffus", ""))
            case ".csv":
                with path.open("rb") as file:
                    row = pl.read_csv(file, n_rows=1, infer_schema=False)
                return _of_source(row["source"][0] or "") if "source" in row.columns and len(row) else None
            case ".npz":
                with zipfile.ZipFile(path) as archive, archive.open("provenance.npy") as array:
                    return _said(str(np.lib.format.read_array(array, allow_pickle=False)))
            case ".pcap" | ".pcapng":
                account = account_path(path)
                if account.is_file() and account.stat().st_size <= ACCOUNT_BYTES:
                    return _said(account.read_text(encoding="utf-8"))
    except (OSError, ValueError, LookupError, RecursionError, pl.exceptions.PolarsError, zipfile.BadZipFile):
        return None
    return None


def origin_of_report(folder: Path) -> Origin:
    """What a report compared: the dataset, the set, and the model that drew it."""
    try:
        text = (folder / MARKDOWN).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return Origin()
    parts = {name: (called, digest) for name, called, digest in REAL.findall(text)}
    drawn = SOURCE.search(text)
    return Origin(
        drawn[1] if drawn else "", parts["real"][1] if "real" in parts else "",
        parts["synthetic"][0] if "synthetic" in parts else "",
    )  # fmt: skip


def _said(text: str) -> Origin | None:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or "netdiffus" not in said:
        return None
    return Origin(str(said.get("model", "")), str(said.get("dataset", "")))


def _of_source(text: str) -> Origin | None:
    found = SOURCE.match(text)
    return Origin(found[1]) if found else None
