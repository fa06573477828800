"""What generated payload gives away of the training payload, and what a classifier learns of it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from netdiffus.traffic.flows.reader import FlowReader
from netdiffus.traffic.payload.shapes import LEAST_FLOWS, LEAST_PAIRS

RUN = 6
"""Bytes of a run that may identify something."""
CONSTANT = 4
"""Bytes in a row that captures of several seeds share: constants of a protocol, and lengths."""
NAME = re.compile(rb"(?:[a-z0-9-]{2,63}\.){1,5}(?:com|net|org|io|local|cn|de|tv|example|test|lan|home)\b")
FIRST = 64


def payloads(paths: Iterable[Path], packets: int = 6, size: int = 256) -> list[bytes]:
    """The first payload bytes of flows' first packets."""
    found = []
    for path in paths:
        for batch in FlowReader(path, told=(packets, size)):
            found += [data for data in batch.packets["payload"].to_list() if data]
    return found


def runs(datas: Iterable[bytes], length: int = RUN, most: int = 4_000_000) -> NDArray[np.uint64]:
    """The distinct runs of so many bytes in payload, as numbers."""
    parts, n = [], 0
    for data in datas:
        if len(data) < length or n > most:
            continue
        values = np.frombuffer(data, np.uint8).astype(np.uint64)
        number = np.zeros(len(values) - length + 1, np.uint64)
        for k in range(length):
            number = number << np.uint64(8) | values[k : len(values) - length + 1 + k]
        parts.append(number)
        n += len(number)
    return np.unique(np.concatenate(parts))


def without_constants(found: NDArray[np.uint64], others: Iterable[bytes]) -> NDArray[np.uint64]:
    """Runs of RUN bytes without those of which CONSTANT bytes in a row stand in other payload of the same protocols.

    What is left of such a run is RUN - CONSTANT bytes, say beside the header of a record, which agree by chance.
    """
    known = runs(others, CONSTANT)
    shifts = [np.uint64(8 * k) for k in range(RUN - CONSTANT + 1)]
    mask = np.uint64((1 << 8 * CONSTANT) - 1)
    constant: NDArray[np.bool_] = np.any([np.isin(found >> shift & mask, known) for shift in shifts], axis=0)
    free: NDArray[np.uint64] = found[~constant]
    return free


def names(datas: Iterable[bytes]) -> set[bytes]:
    """Host names in payload, in text and as DNS writes them."""
    found: set[bytes] = set()
    for data in datas:
        dotted = re.sub(rb"(?<=[a-z0-9])[\x01-\x3f](?=[a-z0-9])", b".", data)
        found |= set(NAME.findall(data)) | set(NAME.findall(dotted))
    return found


def beginnings(path: Path, label_of: dict[tuple[str, int, str, int], str]) -> list[Beginning]:
    """The first FIRST payload bytes of each flow that has payload and a label."""
    found = []
    for batch in FlowReader(path, told=(1, FIRST)):
        told = batch.packets.filter(batch.packets["payload"].bin.size() > 0).select("flow_id", "payload")
        for row in batch.flows.join(told, on="flow_id").iter_rows(named=True):
            ends = row["client"], row["client_port"], row["server"], row["server_port"]
            label = label_of.get(ends)
            if label is not None:
                found.append(Beginning(label, row["protocol"], (row["client"], row["server"]), row["payload"]))
    return found


def by_label(flows: Iterable[Beginning]) -> dict[str, list[bytes]]:
    """The bytes alone, by label."""
    found: dict[str, list[bytes]] = defaultdict(list)
    for flow in flows:
        found[flow.label].append(flow.data)
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


class Beginning(NamedTuple):
    """The first payload bytes of a real flow, its label and transport, and its pair of hosts."""

    label: str
    transport: str
    pair: tuple[str, str]
    data: bytes


def permitted(flows: Sequence[Beginning], seed: int = 0) -> dict[str, list[bytes]]:
    """Real first bytes as far as the rule of shapes lets them be kept, by label: what a generator may know at most.

    A byte stays if enough flows of enough pairs of hosts of its label and transport have it at its place; all others
    are drawn anew. Lengths stay.
    """
    rng = np.random.default_rng(seed)
    values = features(flow.data for flow in flows)
    pairs = np.unique([" ".join(flow.pair) for flow in flows], return_inverse=True)[1]
    groups = np.unique([f"{flow.label} {flow.transport}" for flow in flows], return_inverse=True)[1]
    found = np.where(values < 0, values, rng.integers(0, 256, values.shape))
    for group in range(int(groups.max()) + 1):
        here = np.flatnonzero(groups == group)
        for place in range(FIRST):
            column = values[here, place]
            for value in np.unique(column[column >= 0]).tolist():
                who = here[column == value]
                if len(who) >= LEAST_FLOWS and len(np.unique(pairs[who])) >= LEAST_PAIRS:
                    found[who, place] = value
    kept: dict[str, list[bytes]] = defaultdict(list)
    for flow, row in zip(flows, found, strict=True):
        kept[flow.label].append(bytes(row[row >= 0].astype(np.uint8)))
    return kept
