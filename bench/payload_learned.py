"""What generated payload gives away of the training payload, and what a classifier learns of it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from netdiffus.traffic.flows.reader import FlowReader

RUN = 6
"""Bytes of a run that may identify something."""
NAME = re.compile(rb"(?:[a-z0-9-]{2,63}\.){1,5}(?:com|net|org|io|local|cn|de|tv|example|test|lan|home)\b")
FIRST = 64


def payloads(paths: Iterable[Path], packets: int = 6, size: int = 256) -> list[bytes]:
    """The first payload bytes of flows' first packets."""
    found = []
    for path in paths:
        for batch in FlowReader(path, told=(packets, size)):
            found += [data for data in batch.packets["payload"].to_list() if data]
    return found


def runs(datas: Iterable[bytes], most: int = 4_000_000) -> NDArray[np.uint64]:
    """The distinct runs of RUN bytes in payload, as numbers."""
    parts, n = [], 0
    for data in datas:
        if len(data) < RUN or n > most:
            continue
        values = np.frombuffer(data, np.uint8).astype(np.uint64)
        number = np.zeros(len(values) - RUN + 1, np.uint64)
        for k in range(RUN):
            number = number << np.uint64(8) | values[k : len(values) - RUN + 1 + k]
        parts.append(number)
        n += len(number)
    return np.unique(np.concatenate(parts))


def names(datas: Iterable[bytes]) -> set[bytes]:
    """Host names in payload, in text and as DNS writes them."""
    found: set[bytes] = set()
    for data in datas:
        dotted = re.sub(rb"(?<=[a-z0-9])[\x01-\x3f](?=[a-z0-9])", b".", data)
        found |= set(NAME.findall(data)) | set(NAME.findall(dotted))
    return found


def first_bytes(path: Path, label_of: dict[tuple[str, int, str, int], str] | str) -> dict[str, list[bytes]]:
    """The first FIRST payload bytes of each flow that has payload, by label."""
    found: dict[str, list[bytes]] = defaultdict(list)
    for batch in FlowReader(path, told=(1, FIRST)):
        told = batch.packets.filter(batch.packets["payload"].bin.size() > 0).select("flow_id", "payload")
        for row in batch.flows.join(told, on="flow_id").iter_rows(named=True):
            ends = row["client"], row["client_port"], row["server"], row["server_port"]
            label = label_of if isinstance(label_of, str) else label_of.get(ends)
            if label is not None:
                found[label].append(row["payload"])
    return found


def features(datas: Iterable[bytes]) -> NDArray[np.int16]:
    """Byte values, -1 past the end."""
    rows = [np.frombuffer(data[:FIRST], np.uint8).astype(np.int16) for data in datas]
    return np.stack([np.pad(row, (0, FIRST - len(row)), constant_values=-1) for row in rows])


def accuracy(train: dict[str, list[bytes]], test: dict[str, list[bytes]]) -> float:
    """Of a random forest on the first payload bytes."""
    (known, known_labels), (asked, asked_labels) = (
        (features(chain.from_iterable(part.values())), np.repeat(list(part), [len(each) for each in part.values()]))
        for part in (train, test)
    )
    model = RandomForestClassifier(200, random_state=0, n_jobs=1).fit(known, known_labels)
    return float((model.predict(asked) == asked_labels).mean())
