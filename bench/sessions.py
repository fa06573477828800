"""Sessions: how many real flows come back bit by bit, packets per CPU-second from rows to a file, values per field."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.results import table, write_section
from netdiffus import recordings
from netdiffus.compiler import (
    FlowRows,
    compile_rows,
    concatenate,
    fresh_endpoints,
    rows_of_flows,
    write_packets,
)
from netdiffus.compiler.fidelity import Fidelity
from netdiffus.compiler.specs import ROW
from netdiffus.traffic.flows.reader import flows_of_capture
from netdiffus.wire.conformance.check import check_blocks
from netdiffus.wire.headers.links import RAW
from netdiffus.wire.headers.packets import PacketBlock

SHARED = Path(__file__).parents[2] / "shared" / "data" / "apps_pcap"
CHECKSUM_AT = {1: 2, 6: 16, 17: 6, 58: 2}
KEPT, REPEATS = 64, 5
LOST = "not representable"  # flows that packet rows cannot hold, by reason


def captures() -> Iterator[tuple[str, str, Path]]:
    """(collection, label, file) of the recordings and, where it is there, of the development data."""
    for label, paths in recordings.captures().items():
        for path in paths:
            yield "recordings", label, path
    for path in sorted(SHARED.rglob("*.pcap*")):
        yield "apps_pcap", path.parent.name, path


def blanked(data: bytes, version: int, protocol: int) -> bytes:
    """Headers with the transport checksum at 0: it depends on payload, which is not kept."""
    at = (20 if version == 4 else 40) + CHECKSUM_AT[protocol]
    return data[:at] + b"\0\0" + data[at + 2 :]


def identity(path: Path, label: str) -> tuple[Counter[str], Counter[str], FlowRows]:
    """Flows that come back by kind and way, the rules that changed the others, and the rows."""
    capture = flows_of_capture(path, packets=10**6)
    rows, left_out = rows_of_flows(capture.flows, capture.packets, label)
    found, rules = Counter({f"{LOST}: {reason}": count for reason, count in left_out.items()}), Counter[str]()
    originals = originals_of(rows, capture)
    clean = [
        check_blocks(label, [block(packets, segments)]).clean
        for packets, segments in zip(originals, np.split(rows.rows, rows.first[1:]), strict=True)
    ]
    for way, fidelity in {"as captured": Fidelity.VERBATIM, "by the rules": Fidelity.REAL}.items():
        compiled = compile_rows(rows, mtu=None, fidelity=fidelity)
        data, whole = compiled.headers.data.tobytes(), compiled.headers.network + compiled.headers.transport
        flows: list[list[bytes]] = [[] for _ in range(len(rows))]
        for owner, at, size in zip(compiled.owner, compiled.headers.offset, whole, strict=True):
            flows[owner].append(data[at : at + size])
        for flow, row, packets, first, valid in zip(rows.flows, originals, flows, rows.first, clean, strict=True):
            version, protocol = int(flow["version"]), int(flow["protocol"])
            begins = protocol == 6 and rows.rows["flags"][first] & 0x12 == 2
            kind = "TCP from SYN" if begins else {6: "TCP without SYN", 17: "UDP"}.get(protocol, "ICMP")
            found[f"{kind}, all"] += way == "as captured"
            same = [blanked(header, version, protocol) for header in row] == packets
            found[f"{kind}, {way}"] += same
            found[f"{kind}, clean, {way}"] += same and valid
            found[f"{kind}, clean"] += valid and way == "as captured"
        rules.update(compiled.changes.by_rule)
    return found, rules, rows


def block(headers: list[bytes], rows: np.ndarray) -> PacketBlock:
    """One flow's headers as a capture of raw IP."""
    captured = np.array([len(header) for header in headers], np.int32)
    times = 10**18 + np.cumsum(rows["gap_ns"])
    return PacketBlock(
        np.frombuffer(b"".join(headers), np.uint8),
        (np.cumsum(captured) - captured).astype(np.int64),
        captured,
        captured + rows["size"],
        times,
        np.full(len(headers), RAW, np.int32),
    )


def originals_of(rows: FlowRows, capture: object) -> list[list[bytes]]:
    """Headers of the flows that have rows, in their order."""
    frames = capture.packets, capture.flows  # type: ignore[attr-defined]
    by_id: dict[int, list[bytes]] = {}
    keys: dict[tuple[int, int, int], list[int]] = {}
    for flow_id, network, transport in frames[0].select("flow_id", "network_header", "transport_header").iter_rows():
        by_id.setdefault(flow_id, []).append(network + transport)
    for row in frames[1].iter_rows(named=True):
        key = (row["start_ns"], row["client_port"], row["server_port"])
        keys.setdefault(key, []).append(row["flow_id"])
    found = []
    for flow in rows.flows:
        client_port, server_port = flow["port"].tolist()
        found.append(by_id[keys[int(flow["start_ns"]), client_port, server_port].pop(0)])
    return found


def speed(rows: FlowRows) -> tuple[int, float, float]:
    """Packets, and the medians of packets per CPU-second to compile and to compile and write."""
    fresh = fresh_endpoints(rows, np.random.default_rng(0))
    compiled, both = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(REPEATS + 1):
            before = time.process_time()
            packets = compile_rows(fresh)
            middle = time.process_time()
            with open(Path(folder) / "x.pcap", "wb") as file:
                n = write_packets(file, packets)
            compiled.append(n / (middle - before))
            both.append(n / (time.process_time() - before))
    return n, float(np.median(compiled[1:])), float(np.median(both[1:]))


def cardinalities(rows: FlowRows) -> list[tuple[str, int, str, str]]:
    """Per field of a row: distinct values, the share of the most frequent one, and of the ten most frequent ones."""
    found = []
    for name in ROW.names or ():
        values = rows.rows[name].reshape(len(rows.rows), -1)
        _, counts = np.unique(values, axis=0, return_counts=True)
        shares = np.sort(counts)[::-1] / counts.sum()
        found.append((name, len(counts), f"{shares[0]:.3f}", f"{shares[:10].sum():.3f}"))
    return found


def identities(shares: dict[str, Counter[str]]) -> str:
    """A row for each collection and kind of flow: how many come back identical."""
    kinds = ("TCP from SYN", "TCP without SYN", "UDP", "ICMP")
    lines = [
        (
            collection,
            kind,
            found[f"{kind}, all"],
            found[f"{kind}, as captured"],
            found[f"{kind}, by the rules"],
            found[f"{kind}, clean"],
            found[f"{kind}, clean, by the rules"],
        )
        for collection, found in shares.items()
        for kind in kinds
        if found[f"{kind}, all"]
    ]
    head = (
        "collection",
        "flows",
        "all",
        "identical, no rule applied",
        "identical, rules applied",
        "clean",
        "identical among the clean",
    )
    return table(head, lines)


def main() -> None:
    """Write the section."""
    shares: dict[str, Counter[str]] = {}
    rules: dict[str, Counter[str]] = {}
    parts = []
    for collection, label, path in captures():
        found, changed, rows = identity(path, label)
        shares.setdefault(collection, Counter()).update(found)
        rules.setdefault(collection, Counter()).update(changed)
        if collection == "recordings":
            capture = flows_of_capture(path, packets=KEPT)
            parts.append(rows_of_flows(capture.flows, capture.packets, label)[0])
        print(f"{collection} {label} {path.name}: {len(rows):,} flows", flush=True)
    whole = concatenate(parts)
    n, compiled, both = speed(whole)
    text = identities(shares)
    for collection, counts in rules.items():
        changed_by = ", ".join(f"{name} {count:,}" for name, count in counts.most_common()) or "nothing"
        reasons = ", ".join(f"{k} {v:,}" for k, v in sorted(shares[collection].items()) if k.startswith(LOST))
        text += f"\n\n{collection}: packets changed by {changed_by}. {reasons}".rstrip()
    text += f"\n\n{n:,} packets of the recordings with random payload: {compiled:,.0f} packets per CPU-second from "
    text += f"packet rows to headers, **{both:,.0f} to a pcap file** (median of {REPEATS}).\n\n"
    text += f"Fields of {len(whole.rows):,} packet rows (the first {KEPT} packets of each flow), "
    text += f"{len(whole.layouts)} TCP option layouts:\n\n"
    text += table(
        ("field", "distinct values", "share of the most frequent", "of the ten most frequent"), cardinalities(whole)
    )
    write_section("sessions", "Compiler: identity and speed", text)


if __name__ == "__main__":
    main()
