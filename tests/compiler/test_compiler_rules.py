"""Any rows at all become packets that a plain reader and tshark find clean, and each change is counted."""

import os
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.compiler import (
    FLOW,
    ROW,
    RULES,
    FlowRows,
    Packets,
    compile_rows,
    concatenate,
    draw_starts,
    fresh_endpoints,
    write_packets,
)
from netdiffus.compiler.fidelity import Fidelity
from netdiffus.compiler.tcp_options import CANONICAL
from netdiffus.wire.conformance.check import check_capture
from plain_judge import faults, ip
from real_sessions import recorded, rows_of_packets, seen

ODD_LAYOUTS = (
    bytes([2, 4, 0, 0, 1, 1, 4, 2]),  # MSS, padding, SACK-permitted
    bytes([8, 9, 0, 0]),  # a length that runs past the end
    bytes([1, 1, 1, 0]),
    bytes([34, 10, 7, 7, 7, 7, 7, 7, 7, 7, 1, 1]),  # a fast open cookie
    bytes([3, 3, 0, 0, 2]),  # not whole words
)


def wild_rows(rng: np.random.Generator, n: int, layouts: int) -> np.ndarray:
    """Rows of numbers that a bad model could draw: often plausible, sometimes at the end of their range."""

    def mostly(usual, odd):
        return np.where(rng.random(n) < 0.7, rng.choice(usual, n), rng.choice(odd, n))

    rows = np.zeros(n, ROW)
    rows["gap_ns"] = mostly([0, 1000, 10**6, 10**7, 10**8], [-1, -(2**63), 2**63 - 1, 10**15])
    rows["size"] = mostly([0, 0, 1, 100, 1448], [-5, 1460, 2000, 70_000, 2**31 - 1])
    rows["seq_offset"] = mostly([0], [-1, -1448, 1448, -100, 1, 2**31 - 1, -(2**31)])
    rows["seq_from"] = mostly([0], [1, 2, 3, 200])
    rows["ack_behind"] = mostly([0, 0, 1], [2, -3, 100, 2**31 - 1, -(2**31)])
    rows["ack_offset"] = mostly([0], [5, -5, 2**31 - 1, -(2**31)])
    rows["flags"] = mostly([2, 0x12, 0x10, 0x10, 0x18, 0x11], [4, 0x14, 0xFFF, 0, 1, 0x29, 0xFFFF])
    rows["window"] = mostly([65535, 501, 1000], [0, 1, 2, 100])
    rows["layout"] = rng.integers(0, layouts + 3, n)
    rows["direction"] = mostly([0, 1], [2, 255])
    rows["echo_behind"] = mostly([0], [1, 5, -1, 2**31 - 1])
    rows["id_step"] = mostly([0, 1], [-1, 65536, 70_000])
    rows["ttl_step"] = mostly([0], [-300, 300, 5])
    rows["icmp_type"] = rng.choice([0, 8, 3, 11, 128, 129, 1, 2, 250], n)
    for name in ("urgent", "mss", "tos", "wscale", "icmp_code", "dont_fragment", "no_checksum", "icmp_rest"):
        rows[name] = rng.integers(0, np.iinfo(ROW[name]).max, n)
    for name in ("ts_offset", "echo_offset", "label_step"):
        rows[name] = mostly([0], [7, -7, 2**31 - 1, -(2**31)])
    rows["sack_ahead"] = rng.integers(-3, 6, (n, 4, 2))
    rows["sack_offset"] = np.where(rng.random((n, 4, 2)) < 0.8, 0, rng.integers(-(10**4), 10**4, (n, 4, 2)))
    return rows


def wild(rng: np.random.Generator, flows: int, *, tcp_only: bool = False) -> FlowRows:
    """Flows of such rows."""
    counts = rng.integers(1, 24, flows)
    layouts = CANONICAL + ODD_LAYOUTS
    ends = np.zeros(flows, FLOW)
    ends["version"] = rng.choice([4, 6], flows)
    ends["protocol"] = 6 if tcp_only else rng.choice([6, 6, 6, 17, 1, 58, 99], flows)
    ends["port"] = rng.integers(0, 65536, (flows, 2))
    ends["ttl"] = rng.integers(0, 256, (flows, 2))
    ends["ts_mhz"] = rng.choice([1_000_000, 100_000, 0, 10**9], (flows, 2))
    ends["flow_label"] = 1
    rows = FlowRows(ends, wild_rows(rng, int(counts.sum()), len(layouts)), counts, layouts, ("wild",) * flows)
    starts = draw_starts(np.array([10**7]), flows, rng, begin_ns=1_700_000_000 * 10**9)
    rows.flows["start_ns"] = starts
    return fresh_endpoints(rows, rng)


def narrow(rng: np.random.Generator, flows: int) -> FlowRows:
    """Connections whose windows are some bytes wide, and of which many are reset while both sides still send."""
    counts = rng.integers(6, 20, flows)
    n, first = int(counts.sum()), np.cumsum(counts) - counts
    rows = np.zeros(n, ROW)
    rows["gap_ns"] = rng.choice([10**3, 10**6, 10**7, 10**8, 10**9], n)
    rows["window"] = rng.choice([1, 2, 3, 5, 8, 11, 100, 500], n)
    rows["size"] = rng.choice([0, 0, 1, 2, 3, 4, 6, 8, 10, 16, 22, 44, 100, 200, 500, 1000, 1408], n)
    rows["flags"] = rng.choice([0x10, 0x18, 0x11, 4, 0x14, 2], n, p=[0.5, 0.4, 0.03, 0.03, 0.03, 0.01])
    rows["direction"], rows["ack_behind"] = rng.integers(0, 2, n), rng.choice([0, 0, 0, 1, 2], n)
    rows["seq_from"], rows["wscale"], rows["mss"] = rng.choice([0, 0, 0, 1, 2], n), rng.choice([0, 1, 2, 7], n), 1460
    for k, (flags, side) in enumerate(((2, 0), (0x12, 1), (0x10, 0))):
        rows["flags"][first + k], rows["direction"][first + k], rows["size"][first + k] = flags, side, 0
    rows["layout"] = rng.integers(0, len(CANONICAL), n)
    ends = np.zeros(flows, FLOW)
    ends["version"], ends["protocol"], ends["ttl"], ends["port"] = 4, 6, 64, 443
    made = fresh_endpoints(FlowRows(ends, rows, counts, CANONICAL, ("narrow",) * flows), rng)
    made.flows["start_ns"] = draw_starts(np.array([10**7]), flows, rng, begin_ns=1_700_000_000 * 10**9)
    return made


def seconds_after_reset(packets: Packets) -> list[float]:
    """For each TCP flow with a reset: seconds from the first RST to the last packet of either side behind it."""
    found = []
    for flow in seen(packets):
        sent = [(packet.time_ns, packet.header[ip(packet.header)[1] + 13]) for packet in flow]
        resets = [time_ns for time_ns, flags in sent if flags & 4]
        if resets:
            found.append((sent[-1][0] - resets[0]) / 1e9)
            assert not any(flags & 2 for time_ns, flags in sent if time_ns > resets[0]), "no SYN follows"
    return found


def damaged(rng: np.random.Generator, labels: tuple[str, ...], *, but: str | None = None) -> FlowRows:
    """Real rows of which one field in a hundred is wild, except one that is named, and some stand in another place."""
    whole = concatenate([recorded(label)[0] for label in labels])
    rows, odd = whole.rows.copy(), wild_rows(rng, len(whole.rows), len(whole.layouts))
    for name in ROW.names:
        hit = rng.random(len(rows)) < 0.01 * (name != but)
        rows[name][hit] = odd[name][hit]
    moved = rng.integers(0, len(rows) - 1, len(rows) // 100)
    rows[moved] = rows[moved + 1]
    return fresh_endpoints(FlowRows(whole.flows, rows, whole.counts, whole.layouts, whole.labels), rng)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_rows_become_flows_without_a_fault(seed) -> None:
    rows = wild(np.random.default_rng(seed), 40, tcp_only=True)
    compiled = compile_rows(rows)
    for number, flow in enumerate(seen(compiled)):
        assert not faults(flow), f"flow {number}"
    assert len(compiled.segments) == compiled.changes.packets - compiled.changes.dropped
    assert set(compiled.changes.by_rule) <= set(RULES)


def test_damaged_rows_of_real_flows_become_flows_without_a_fault() -> None:
    for but in (None, "window"):
        rows = damaged(np.random.default_rng(0), ("web", "ssh", "attack-scan"), but=but)
        compiled = compile_rows(rows)
        tcp = rows.flows["protocol"] == 6
        for number, flow in enumerate(seen(compiled)):
            assert not tcp[number] or not faults(flow), f"flow {number}"
        assert len(compiled.changes.by_rule) > 10
    # a wide window binds all that follow, so the bound is of the damage that leaves windows alone
    assert compiled.changes.changed < 0.4 * compiled.changes.packets


def test_what_is_compiled_once_needs_no_change_again() -> None:
    """Rows read from compiled packets obey every rule."""
    compiled = compile_rows(wild(np.random.default_rng(1), 300, tcp_only=True))
    again = compile_rows(rows_of_packets(compiled))
    # Flows that were cut to the longest duration move by nanoseconds where packets were left out.
    others = sum(count for name, count in again.changes.by_rule.items() if name != "time")
    assert others <= 0.002 * len(compiled.segments), str(again.changes)
    assert again.changes.dropped == 0


def test_each_change_has_its_words() -> None:
    changes = compile_rows(wild(np.random.default_rng(2), 300)).changes
    lines = str(changes).splitlines()
    assert lines[0].startswith(f"the compiler changed {changes.changed:,} of {changes.packets:,} packets")
    assert len(lines) == 1 + len(changes.by_rule)
    assert all(count > 0 for count in changes.by_rule.values())
    assert {"handshake", "sequence", "options", "icmp", "protocol", "ttl"} <= set(changes.by_rule)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([wild, narrow]))
def test_nothing_follows_a_reset_but_what_was_under_way(seed, kind) -> None:
    rng = np.random.default_rng(seed)
    compiled = compile_rows(wild(rng, 60, tcp_only=True) if kind is wild else narrow(rng, 60))
    found = seconds_after_reset(compiled)
    assert found
    assert max(found) <= 0.8, "a trip of 0.4 seconds, and the RST that answers"
    assert compiled.changes.by_rule["reset"]


def test_a_round_trip_of_the_handshake_bounds_what_is_under_way() -> None:
    """Client and server are 20 ms apart; data 10 ms after the server's RST was under way, data 30 ms after was not."""
    rows = np.zeros(6, ROW)
    rows["flags"] = [2, 0x12, 0x10, 0x14, 0x18, 0x18]
    rows["direction"], rows["gap_ns"] = [0, 1, 0, 1, 0, 0], np.array([0, 20, 0, 50, 10, 20]) * 10**6 + 1
    rows["window"], rows["size"], rows["mss"] = 500, [0, 0, 0, 0, 10, 10], 1460
    flow = np.zeros(1, FLOW)
    flow["version"], flow["protocol"], flow["ttl"], flow["port"] = 4, 6, 64, 443
    compiled = compile_rows(FlowRows(flow, rows, np.array([6]), CANONICAL, ("",)))
    assert compiled.segments["size"].tolist() == [0, 0, 0, 0, 10]
    assert (compiled.changes.dropped, compiled.changes.by_rule["reset"]) == (1, 1)
    captured = compile_rows(FlowRows(flow, rows, np.array([6]), CANONICAL, ("",)), mtu=None, fidelity=Fidelity.REAL)
    assert len(captured.segments) == 6, "what was captured stays"


@pytest.mark.parametrize("seed", range(4))
def test_a_window_is_never_filled(seed, tmp_path) -> None:
    with open(tmp_path / "made.pcap", "wb") as file:
        write_packets(file, compile_rows(narrow(np.random.default_rng(seed), 1500)))
    found = check_capture(tmp_path / "made.pcap")
    assert found.clean, [fault.to_dict() for fault in found.faults]


@pytest.mark.parametrize("kind", ["real", "wild", "damaged"])
def test_check_finds_nothing(kind, tmp_path) -> None:
    rng = np.random.default_rng(4)
    labels = ("web", "ssh", "attack-scan", "dns", "bittorrent", "ntp")
    rows = {
        "real": lambda: fresh_endpoints(concatenate([recorded(label)[0] for label in labels]), rng),
        "wild": lambda: wild(rng, 1000),
        "damaged": lambda: damaged(rng, ("mqtt", "attack-scan", "quic")),
    }[kind]()
    with open(tmp_path / "made.pcap", "wb") as file:
        write_packets(file, compile_rows(rows))
    found = check_capture(tmp_path / "made.pcap")
    assert found.clean, [fault.to_dict() for fault in found.faults]
    assert found.flows == found.clean_flows
    assert found.packets > 1000


@pytest.mark.parametrize("kind", ["wild", "damaged"])
def test_tshark_finds_nothing(kind, tmp_path) -> None:
    tshark = shutil.which("tshark")
    if not tshark:
        pytest.skip("tshark is not installed")
    rng = np.random.default_rng(3)
    rows = wild(rng, 1000) if kind == "wild" else damaged(rng, ("mqtt", "attack-scan", "quic"))
    compiled = compile_rows(rows)
    with open(tmp_path / "made.pcapng", "wb") as file:
        write_packets(file, compiled, form=".pcapng", seed=5)
    transport = {"frame", "eth", "ethertype", "ip", "ipv6", "tcp", "udp", "icmp", "icmpv6", "data"}
    names = subprocess.run([tshark, "-G", "protocols"], capture_output=True, text=True, check=True).stdout
    others = [line.split("\t")[2] for line in names.splitlines() if line.count("\t") >= 2]
    others = [name for name in others if name.split(".")[0] not in transport and not name.startswith("_ws")]
    (tmp_path / "disabled_protos").write_text("\n".join(others) + "\n")
    checks = [part for name in ("ip", "tcp", "udp") for part in ("-o", f"{name}.check_checksum:TRUE")]
    ended = subprocess.run(
        [tshark, "-n", "-r", str(tmp_path / "made.pcapng"), *checks, "-q", "-z", "expert,warn"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"WIRESHARK_CONFIG_DIR": str(tmp_path)},
    )
    found = [line for line in ended.stdout.splitlines() if line.strip()[:1].isdigit()]
    assert [line for line in found if "Connection reset (RST)" not in line] == []
    assert found, "a reset is a warning there, so the analysis was on"
