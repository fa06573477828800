"""Real flows come back from rows bit by bit; what the rules change in one is a fault that a plain reader sees."""

import dataclasses

import numpy as np
import pytest

from netdiffus.compiler import Packets, compile_rows, concatenate
from netdiffus.compiler.fidelity import Fidelity
from netdiffus.wire.conformance.check import check_blocks
from netdiffus.wire.headers.links import RAW
from netdiffus.wire.headers.packets import PacketBlock
from plain_judge import Seen, faults
from real_sessions import begins_with_syn, real, recorded, same, seen
from shared_files import shared

FLOWS = 400
"""Of a recording, at most, that are judged one by one: each takes `check` some milliseconds."""
LABELS = ("attack-scan", "bittorrent", "dns", "mqtt", "quic", "ssh", "voice-call", "web")


@pytest.mark.parametrize("label", LABELS)
def test_rows_hold_all_header_bits_of_every_flow(label) -> None:
    rows, originals = recorded(label)
    compiled = compile_rows(rows, fidelity=Fidelity.VERBATIM)
    assert all(same(a, b) for a, b in zip(originals, seen(compiled), strict=True))
    assert str(compiled.changes) == f"the compiler changed 0 of {len(rows.rows):,} packets"


@pytest.mark.parametrize("label", LABELS)
def test_the_rules_change_nothing_in_a_valid_flow(label, record_property) -> None:
    rows, originals = recorded(label)
    compiled = compile_rows(rows, mtu=None, fidelity=Fidelity.REAL)
    syn = begins_with_syn(rows)
    equal = np.array([same(a, b) for a, b in zip(originals, seen(compiled), strict=True)])
    assert equal[rows.flows["protocol"] != 6].all(), "UDP comes back whole"
    clean = np.array([bool(is_syn) and not faults(flow) for is_syn, flow in zip(syn, originals, strict=True)])
    record_property("identical share of SYN flows", float(equal[syn].mean()) if syn.any() else 1.0)
    assert equal[clean].all(), f"flows {np.flatnonzero(clean & ~equal)[:5]}"
    if label in ("web", "mqtt", "ssh"):
        assert clean.mean() > 0.5, "the test means something"


@pytest.mark.parametrize("label", ["attack-scan", "redis", "bittorrent"])
def test_the_rules_change_nothing_in_a_flow_that_check_finds_clean(label) -> None:
    rows, originals = recorded(label)
    compiled = seen(compile_rows(rows, mtu=None, fidelity=Fidelity.REAL))
    step = 1 + len(originals) // FLOWS
    clean = [check_blocks(label, [block(flow)]).clean for flow in originals[::step]]
    changed = [not same(a, b) for a, b in zip(originals[::step], compiled[::step], strict=True)]
    assert not any(ok and other for ok, other in zip(clean, changed, strict=True))
    assert sum(clean) > 0.5 * len(clean)


def block(flow: list[Seen]) -> PacketBlock:
    """One flow's headers as a capture of raw IP."""
    captured = np.array([len(packet.header) for packet in flow], np.int32)
    return PacketBlock(
        np.frombuffer(b"".join(packet.header for packet in flow), np.uint8),
        (np.cumsum(captured) - captured).astype(np.int64),
        captured,
        captured + np.array([packet.size for packet in flow], np.int32),
        np.array([packet.time_ns for packet in flow], np.int64),
        np.full(len(flow), RAW, np.int32),
    )


@pytest.mark.parametrize("label", ["ssh", "attack-scan"])
def test_what_was_changed_is_counted(label) -> None:
    rows, originals = recorded(label)
    compiled = compile_rows(rows, mtu=None, fidelity=Fidelity.REAL)
    different = [not same(a, b) for a, b in zip(originals, seen(compiled), strict=True)]
    for flow in np.flatnonzero(different):
        one = rows.select(np.arange(len(rows)) == flow)
        assert compile_rows(one, mtu=None, fidelity=Fidelity.REAL).changes.by_rule, f"flow {flow} changed in silence"
    assert any(different)
    assert compiled.changes.changed == sum(
        compile_rows(rows.select(np.arange(len(rows)) == flow), mtu=None, fidelity=Fidelity.REAL).changes.changed
        for flow in range(len(rows))
    )


def test_parts_with_tables_of_their_own_become_one() -> None:
    parts = [recorded(label)[0] for label in ("dns", "attack-scan")]
    whole = compile_rows(concatenate(parts), fidelity=Fidelity.VERBATIM)
    alone = [packet for part in parts for packet in seen(compile_rows(part, fidelity=Fidelity.VERBATIM))]
    assert seen(whole) == alone
    assert whole.labels == parts[0].labels + parts[1].labels


@pytest.mark.parametrize(
    ("name", "kind"),
    [("netflix/netflix.pcap", "tcp"), ("iot_huebridge/Setup-A-1-STA.pcap", "icmp"), ("zoom/zoom.pcap", "udp")],
)
def test_other_peoples_captures(name, kind) -> None:
    rows, originals, left_out = real(shared(f"data/apps_pcap/{name}"))
    assert set(left_out) <= {
        "IPv4 options or IPv6 extension headers",
        "another protocol than TCP, UDP and ICMP",
        "ICMP messages other than echo and errors",
    }
    number = {"tcp": 6, "udp": 17, "icmp": 1}[kind]
    assert (rows.flows["protocol"] == number).any()
    equal = [same(a, b) for a, b in zip(originals, seen(compile_rows(rows, fidelity=Fidelity.VERBATIM)), strict=True)]
    assert all(equal)
    by_rules = seen(compile_rows(rows, mtu=None, fidelity=Fidelity.REAL))
    equal = [same(a, b) for a, b in zip(originals, by_rules, strict=True)]
    assert all(np.array(equal)[rows.flows["protocol"] != 6])


def test_a_change_of_one_bit_would_be_seen() -> None:
    rows, originals = recorded("dns")
    packets = seen(compile_rows(rows, fidelity=Fidelity.VERBATIM))
    assert same(originals[0], packets[0])
    wrong = packets[0][0]
    header = bytearray(wrong.header)
    header[8] ^= 1
    assert not same(originals[0], [wrong._replace(header=bytes(header)), *packets[0][1:]])
    assert dataclasses.is_dataclass(Packets)
