"""Recordings of sessions: what many clients do in one go, and the table that tells whose flow is whose."""

import csv
import ipaddress
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

import netdiffus
from netdiffus import recordings
from netdiffus.wire.conformance.check import check_capture
from shipped_records import ETHERNET_MTU, FlowKey, flow, headers, records, transport

LABELS = ["attack", "boot", "browse", "mail"]
FEWEST_SESSIONS = 100
PAYLOAD_BYTES, PAYLOAD_PACKETS = 96, 4
SILENCE_NS = 60 * 10**9  # at least so long between two sessions of a client
OF_THE_PATH = {"tcp-segment-missing", "tcp-out-of-order"}
DNS, NTP, TLS_MQTT = 53, 123, 8883
SYN = 2
PORTS = {  # (server port: share of the sessions that use it, at least)
    "attack": {22: 1.0, 21: 1.0},
    "boot": {DNS: 1.0, NTP: 0.95, TLS_MQTT: 0.95},
    "browse": {DNS: 1.0, 443: 1.0},
    "mail": {DNS: 1.0, 25: 0.4},
}


class Flow(NamedTuple):
    """A flow as the capture has it."""

    start_ns: int
    end_ns: int
    packets: int
    client: str
    server: str
    server_port: int


@cache
def rows(label: str) -> list[dict[str, str]]:
    with recordings.session_table().open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["label"] == label]


@cache
def flows(label: str) -> list[Flow]:
    """All flows of a label; the client is the sender of the first packet."""
    (path,) = recordings.sessions()[label]
    first: dict[FlowKey, tuple[int, str, str, int]] = {}
    last: dict[FlowKey, int] = {}
    count: Counter[FlowKey] = Counter()
    kept: Counter[FlowKey] = Counter()
    for time_ns, length, frame in records(path):
        key, payload = flow(frame), len(frame) - headers(frame)
        assert 0 <= payload <= PAYLOAD_BYTES
        assert len(frame) <= length <= ETHERNET_MTU
        kept[key] += payload > 0
        count[key] += 1
        last[key] = time_ns
        if key not in first:
            _, at = transport(frame)
            client, server = (frame[26:30], frame[30:34]) if at < 54 else (frame[22:38], frame[38:54])
            port = int.from_bytes(frame[at + 2 : at + 4])
            first[key] = time_ns, str(ipaddress.ip_address(client)), str(ipaddress.ip_address(server)), port
    assert max(kept.values()) <= PAYLOAD_PACKETS
    return [Flow(start, last[key], count[key], *ends) for key, (start, *ends) in first.items()]


@cache
def flows_of_sessions(label: str) -> dict[str, list[Flow]]:
    """The flows by name of the session in which they begin; every flow begins in one."""
    windows = defaultdict(list)
    for row in rows(label):
        windows[row["client"]].append((int(row["start_ns"]), int(row["end_ns"]), row["session"]))
    found = defaultdict(list)
    for one in flows(label):
        (session,) = [name for start, end, name in windows[one.client] if start <= one.start_ns <= end]
        found[session].append(one)
    return found


def test_the_labels_are_those_of_the_folder_and_of_the_table() -> None:
    assert sorted(recordings.sessions()) == LABELS == recordings.labels("sessions")
    with recordings.session_table().open(newline="") as file:
        assert sorted({row["label"] for row in csv.DictReader(file)}) == LABELS


@pytest.mark.parametrize("label", LABELS)
def test_there_are_enough_sessions_and_some_clients_have_several(label: str) -> None:
    clients = Counter(row["client"] for row in rows(label))
    assert len(rows(label)) == len({row["session"] for row in rows(label)}) >= FEWEST_SESSIONS
    assert sum(count > 1 for count in clients.values()) >= 10
    assert min(Counter(":" in client for client in clients).values()) >= 0.2 * len(clients), "both families"


@pytest.mark.parametrize("label", LABELS)
def test_the_table_counts_what_the_capture_has(label: str) -> None:
    found = flows_of_sessions(label)
    for row in rows(label):
        inside = found[row["session"]]
        assert len(inside) == int(row["flows"]) >= 2
        assert sum(one.packets for one in inside) == int(row["packets"])
        assert min(one.start_ns for one in inside) == int(row["start_ns"])
        assert max(one.end_ns for one in inside) == int(row["end_ns"])


@pytest.mark.parametrize("label", LABELS)
def test_sessions_of_a_client_lie_apart_and_clients_overlap(label: str) -> None:
    spans = [(row["client"], int(row["start_ns"]), int(row["end_ns"])) for row in rows(label)]
    for (before, _, ended), (client, began, _) in pairwise(sorted(spans)):
        assert before != client or began - ended > SILENCE_NS
    in_time = sorted(spans, key=lambda span: span[1])
    overlaps = sum(began < ended for (_, _, ended), (_, began, _) in pairwise(in_time))
    assert overlaps > 0.5 * len(spans)


@pytest.mark.parametrize("label", LABELS)
def test_sessions_are_what_the_readme_says(label: str) -> None:
    found = flows_of_sessions(label)
    for port, least in PORTS[label].items():
        using = sum(any(one.server_port == port for one in inside) for inside in found.values())
        assert using >= least * len(found), port


@pytest.mark.parametrize("label", ["boot", "browse", "mail"])
def test_connections_follow_an_answer_that_the_kept_payload_shows(label: str) -> None:
    (path,) = recordings.sessions()[label]
    answers: dict[bytes, bytes] = defaultdict(bytes)
    following = Counter[bool]()
    for _, _, frame in records(path):
        protocol, at = transport(frame)
        source, target = (frame[26:30], frame[30:34]) if at < 54 else (frame[22:38], frame[38:54])
        if protocol == 17 and int.from_bytes(frame[at : at + 2]) == DNS:
            answers[target] += frame[at + 8 :]
        elif protocol == 6 and frame[at + 13] == SYN:
            following[target in answers[source]] += 1
    assert following[True] >= 0.99 * following.total() >= 200


def test_a_browser_looks_up_then_connects_to_several_servers_at_once() -> None:
    several = parallel = 0
    for inside in flows_of_sessions("browse").values():
        web = [one for one in inside if one.server_port == 443]
        assert min(inside).server_port == DNS
        several += len({one.server for one in web}) > 1
        parallel += any(a.start_ns < b.start_ns < a.end_ns for a in web for b in web)
    assert min(several, parallel) > 0.9 * len(rows("browse"))


def test_an_attacker_scans_before_the_last_log_in() -> None:
    for inside in flows_of_sessions("attack").values():
        attack = sorted(one for one in inside if one.server_port != DNS)
        ports = {one.server_port for one in attack}
        assert len(ports) > 5
        assert attack[-1].server_port in (21, 22) or attack[-1].server_port > 1023, "ftp, ssh, or data of ftp"


@pytest.mark.parametrize("label", LABELS)
def test_check_finds_nothing_but_loss(label: str) -> None:
    (path,) = recordings.sessions()[label]
    assert {finding.rule.name for finding in check_capture(path).faults} <= OF_THE_PATH


def test_prepare_takes_the_table_for_labels(tmp_path: Path) -> None:
    table, (path,) = recordings.session_table(), recordings.sessions()["boot"]
    dataset = netdiffus.prepare(path, tmp_path / "dataset", labels=str(table))
    traces = pl.read_parquet(dataset / "traces.parquet", columns=["label"])
    assert traces["label"].value_counts().rows() == [("boot", len(flows("boot")))]
