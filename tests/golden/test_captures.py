"""Compiled captures stay equal byte for byte: hashes of what fixed seeds gave when these tests were written."""

import hashlib
import io

import numpy as np
import pytest

from netdiffus.compiler import (
    FLOW,
    ROW,
    FlowRows,
    compile_rows,
    concatenate,
    draw_starts,
    fresh_endpoints,
    label_table,
    write_packets,
)
from netdiffus.compiler.fidelity import Fidelity
from netdiffus.compiler.tcp_options import CANONICAL
from netdiffus.wire.files.writer import Origin
from real_sessions import recorded

LABELS = ("dns", "web", "quic", "ssh", "attack-scan")
ODD_LAYOUTS = (bytes([2, 4, 0, 0, 1, 1, 4, 2]), bytes([8, 9, 0, 0]), bytes([34, 10, 7, 7, 7, 7, 7, 7, 7, 7, 1, 1]))
WRITING = {
    "pcap": {"form": ".pcap"},
    "pcapng": {"form": ".pcapng", "origin": Origin("synthetic"), "link": "raw"},
    "zero": {"form": ".pcap", "payload": "zero"},
}


def arbitrary(seed: int, flows: int = 300) -> FlowRows:
    """Rows of uniform and of typical numbers: nearly every rule of the compiler changes some of them."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 30, flows)
    rows = np.zeros(int(counts.sum()), ROW)
    for name in ROW.names:
        base, shape = ROW[name].base, (len(rows), *ROW[name].shape)
        limits = np.iinfo(base)
        odd = rng.integers(limits.min, limits.max, shape, dtype=base, endpoint=True)
        rows[name] = np.where(rng.random(shape) < 0.05, odd, rng.integers(0, 3, shape))
    rows["flags"] = np.where(rng.random(len(rows)) < 0.9, rng.choice([2, 18, 16, 24, 17, 4], len(rows)), rows["flags"])
    rows["size"] = np.where(rng.random(len(rows)) < 0.9, rng.choice([0, 0, 1, 100, 1448], len(rows)), rows["size"])
    rows["gap_ns"] = np.where(rng.random(len(rows)) < 0.9, rng.choice([0, 10**3, 10**7], len(rows)), rows["gap_ns"])
    ends = np.zeros(flows, FLOW)
    for name in ("port", "ttl", "icmp_id"):
        ends[name] = rng.integers(0, 200, ends[name].shape)
    ends["version"], ends["protocol"] = rng.choice([4, 6], flows), rng.choice([6, 6, 6, 17, 1, 58], flows)
    ends["ts_mhz"] = rng.choice([1_000_000, 100_000, 0], (flows, 2))
    layouts = CANONICAL + ODD_LAYOUTS
    rows["layout"] = rng.integers(0, len(layouts) + 1, len(rows))
    made = FlowRows(ends, rows, counts, layouts, ("arbitrary",) * flows)
    starts = draw_starts(np.array([10**7]), flows, rng, begin_ns=1_700_000_000 * 10**9)
    made.flows["start_ns"] = starts
    return fresh_endpoints(made, rng)


def recordings_between_other_hosts(seed: int) -> FlowRows:
    return fresh_endpoints(concatenate([recorded(label)[0] for label in LABELS]), np.random.default_rng(seed))


SOURCES = {"real": recordings_between_other_hosts, "arbitrary": arbitrary}
MODES = {"generated": {}, "real": {"fidelity": Fidelity.REAL, "mtu": None}, "verbatim": {"fidelity": Fidelity.VERBATIM}}
GOLDEN = {
    "real generated 0": "08c62e3a08d870ccb66fce427e895c7e68cd330848351f68197b9779434e73da",
    "real generated 1": "a2671a4730bc5cc7ced20e25412f8bd44dd43d3d2348566f149266f5d67c3e05",
    "real generated 2": "1c528ff71dad3bae67a26abc787f618562e1016457bc5d4c4269ae0b2ecbdf17",
    "real real 0": "8551c193f263c90dc29a923b658a2c8deb3287f298b300460300ae0e45e878db",
    "real real 1": "1db7fafb82985e4353efe59c9767c23ab572c258e6be9dd08bd12b8a129b50f9",
    "real real 2": "f104566d0b5f73c94291d88f4dd60cb8f18ece56d623e0b6343c727a16928ce4",
    "real verbatim 0": "ec85f79d33c289892bff2a763bb41f9751ff676df081ea2ba692a68059d12970",
    "real verbatim 1": "e8dc00ad06e4271bba9b21622b380471df99d9835cfda56104909e7f4dcd2bcb",
    "real verbatim 2": "5a26d6e345fd72fe0fc59f175fc58008fa2ee05ca087f8ea663b08dbe8cbfe7a",
    "arbitrary generated 0": "546729a256568e790a2973d9670df29ad085f4d86ff2ad0e609597acdb6ac71b",
    "arbitrary generated 1": "42c5deb34c6b39882cf27262fc61e8560341454fcde71debb20424da0b61aeba",
    "arbitrary generated 2": "391efd0c50b072e8aecf30f8615dea2f36d630f0d1bf5b5b6d3fdd5cf44821b1",
    "arbitrary real 0": "db5915aa55bac78957b2c51e613d439763ed23091089a2ae9db6aed2ef40a574",
    "arbitrary real 1": "bea0f77940441310e0f2b98354142c527a8ce85a8aa01f88c928e9d91add643f",
    "arbitrary real 2": "665dea7b095cf9483b0ebf083369e4d45ec37876a5b2c8c3f8ca592ae5ba7d35",
}


def digest(source: str, mode: str, seed: int) -> str:
    packets = compile_rows(SOURCES[source](seed), **MODES[mode])
    changes = packets.changes
    counts = (changes.packets, changes.changed, changes.dropped, dict(changes.by_rule))
    hashed = hashlib.sha256(repr((counts, label_table(packets).rows())).encode())
    for options in WRITING.values():
        file = io.BytesIO()
        write_packets(file, packets, seed=seed, **options)
        hashed.update(file.getbuffer())
    return hashed.hexdigest()


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("source", "mode"),
    [("real", "generated"), ("real", "real"), ("real", "verbatim")]
    + [("arbitrary", "generated"), ("arbitrary", "real")],
)
def test_bytes_of_compiled_captures(source: str, mode: str, seed: int) -> None:
    assert digest(source, mode, seed) == GOLDEN[f"{source} {mode} {seed}"]
