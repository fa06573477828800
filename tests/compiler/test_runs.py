"""Sorted runs on disk: whatever goes in comes out in order of time, with its payload."""

import resource
from pathlib import Path

import numpy as np
import pytest

from netdiffus.compiler import runs as module
from netdiffus.compiler.payload import Content
from netdiffus.compiler.runs import Mapped, Runs
from netdiffus.compiler.specs import SEGMENT


def at(segments: np.ndarray) -> np.ndarray:
    """Where the payload of each packet begins, one after the other."""
    size = segments["size"].astype(np.int64)
    return np.cumsum(size) - size


@pytest.mark.parametrize(("packets", "held"), [(0, 100), (1, 100), (3000, 250), (3000, 5000)])
@pytest.mark.parametrize("given", [False, True])
def test_packets_come_back_in_order(packets, held, given, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "RUN_PACKETS", held)
    monkeypatch.setattr(module, "MERGED_PACKETS", 64)
    monkeypatch.setattr(module, "FEWEST", 8)
    rng, runs = np.random.default_rng(0), Runs(tmp_path)
    segments = np.zeros(packets, SEGMENT)
    segments["time_ns"] = rng.integers(0, 500, packets) - 250  # many are equal, some before 1970
    segments["size"] = rng.integers(0, 4, packets)
    owner = np.arange(packets)
    content = np.repeat(owner % 251, segments["size"]).astype(np.uint8)
    for part in np.array_split(np.arange(packets), 40):
        end = segments["size"].cumsum()
        span = slice(end[part[0]] - segments["size"][part[0]], end[part[-1]]) if len(part) else slice(0, 0)
        runs.add(segments[part], owner[part], Content(content[span], at(segments[part])) if given else None)
    entries, payload = [], []
    for some, of_some in runs.merged():
        entries.append(some)
        if of_some is not None:
            spans = zip(of_some.at.tolist(), some["segment"]["size"].tolist(), strict=True)
            payload += [of_some.data[begin : begin + size] for begin, size in spans]
    found = np.concatenate(entries) if entries else np.zeros(0, module.ENTRY)
    assert np.array_equal(found["owner"], np.argsort(segments["time_ns"], kind="stable"))  # equal times as they came
    assert np.array_equal(found["segment"], segments[found["owner"]])
    if given and packets > 1:
        expected = np.repeat(found["owner"] % 251, found["segment"]["size"]).astype(np.uint8)
        assert np.array_equal(np.concatenate(payload), expected)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="/proc says how much of files is in memory")
def test_what_was_merged_does_not_stay_in_memory(tmp_path) -> None:
    values = np.arange(1 << 22)  # 32 MiB
    values.tofile(tmp_path / "run")
    mapped = Mapped(tmp_path / "run", values.dtype)
    assert np.array_equal(mapped.values, values)
    held = of_files()
    mapped.forget()
    assert held - of_files() > 24
    assert mapped.values[-1] == values[-1]


def of_files() -> float:
    """MiB of files in the memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[2]) * resource.getpagesize() / 2**20
