"""Payload of compiled flows: streams that retransmissions repeat, names and addresses that agree, other tools."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench import payload_oracles
from netdiffus.compiler import Packets, compile_rows, concatenate, fresh_endpoints, write_packets
from netdiffus.compiler.application import Acquaintances, packed_addresses, speak
from netdiffus.compiler.payload import Content
from netdiffus.compiler.specs import SERVER
from netdiffus.compiler.streams import streams_of
from netdiffus.traffic.flows.reader import FlowReader
from netdiffus.traffic.payload.knowledge import LabelShapes, PayloadKnowledge, Speech
from netdiffus.traffic.payload.shapes import Shape
from netdiffus.wire.conformance.check import check_capture
from real_sessions import recorded

LABELS = ("dns", "web", "ssh", "mail", "redis", "quic", "mqtt", "postgres", "ntp", "download")
START_NS = 1_767_225_600 * 10**9


def packets_of(names: tuple[str, ...] = LABELS, each: int = 12, clients: int | None = None) -> Packets:
    parts = [recorded(label)[0] for label in names]
    rows = concatenate([part.select(np.arange(len(part)) < each) for part in parts])
    fresh = fresh_endpoints(rows, np.random.default_rng(0), clients=clients)
    fresh.flows["start_ns"] = START_NS + np.arange(len(rows)) * 10**8
    return compile_rows(fresh)


def save(path: Path, packets: Packets, content: Content) -> Path:
    with path.open("wb") as file:
        write_packets(file, packets, payload=content)
    return path


def test_sizes_stay_and_a_seed_gives_the_same_bytes() -> None:
    packets = packets_of()
    one, again, other = (speak(packets, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.data, again.data)
    assert not np.array_equal(one.data, other.data)
    assert sum(one.written.values()) > 0.9 * len(packets.flows)
    size = packets.segments["size"]
    assert ((one.at >= 0) == (size > 0)).all()
    assert int((one.at + size).max()) <= len(one.data)


def test_data_that_is_sent_again_is_the_same_bytes() -> None:
    packets = packets_of(("download",), 160)
    streams = streams_of(packets)
    segments, tcp = packets.segments, packets.segments["size"] > 0
    keys = np.stack([packets.owner, segments["direction"], segments["position"]], axis=1)[tcp]
    _, place, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    assert (counts > 1).any()
    at = streams.at[tcp]
    for again in np.flatnonzero(counts > 1)[:20].tolist():
        assert len(set(at[place.reshape(-1) == again].tolist())) == 1
    assert streams.messages[:, 2].sum() == streams.size


def test_names_and_addresses_agree(tmp_path) -> None:
    """What a lookup of a client returns is where it goes next, under that name."""
    packets = packets_of(("dns", "web"), 30, clients=1)
    dns = np.flatnonzero(np.array(packets.labels) == "dns").tolist()
    web = np.flatnonzero(np.array(packets.labels) == "web").tolist()
    lookups, servers = [[] for _ in packets.labels], packed_addresses(packets.flows, SERVER)
    for asks, goes in zip(dns, web, strict=True):
        lookups[asks] = [servers[goes]]
    content = speak(packets, 0, None, Acquaintances(lookups))
    path, agreed = save(tmp_path / "x.pcap", packets, content), 0
    said: dict[int, bytes] = {}
    for batch in FlowReader(path, told=(6, 2000)):
        told = batch.packets.group_by("flow_id", maintain_order=True).agg(pl.col("payload"))
        for row in batch.flows.join(told, on="flow_id").iter_rows(named=True):
            said[row["start_ns"]] = b"".join(row["payload"])
    starts = packets.flows["start_ns"].tolist()
    for asks, goes in zip(dns, web, strict=True):
        if starts[asks] not in said or starts[goes] not in said or b"\x16\x03" not in said[starts[goes]][:2]:
            continue
        address = packets.flows["address"][goes, 1]
        packed = int(address[1]).to_bytes(8, "big")[-4:]
        name = content_name(said[starts[goes]])
        labels = b"".join(bytes([len(part)]) + part for part in name.split(b"."))
        agreed += packed in said[starts[asks]] and labels in said[starts[asks]]
    assert agreed >= 5


def content_name(stream: bytes) -> bytes:
    """The server name of a ClientHello."""
    at = stream.index(b"\x00\x00\x00")  # type of the extension and the first byte of its length
    while not stream[at + 9 : at + 12].isalpha():
        at = stream.index(b"\x00\x00\x00", at + 1)
    size = int.from_bytes(stream[at + 7 : at + 9], "big")
    return stream[at + 9 : at + 9 + size]


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_tshark_reads_it_without_complaint(tmp_path) -> None:
    packets = packets_of(each=25)
    path = save(tmp_path / "x.pcap", packets, speak(packets, 3))
    assert payload_oracles.complaints(path) == {}
    assert check_capture(path).clean
    found = payload_oracles.dissected(path)
    for name in ("dns", "tls", "ssh", "smtp", "resp", "quic", "mqtt", "pgsql", "ntp", "http"):
        assert found[name] > 0, name


@pytest.mark.skipif(not shutil.which("ndpiReader"), reason="ndpiReader is not installed")
def test_ndpi_names_the_protocols(tmp_path) -> None:
    packets = packets_of(("dns", "ssh", "mail", "quic", "ntp"), 20)
    path = save(tmp_path / "x.pcap", packets, speak(packets, 3))
    found = payload_oracles.ndpi(path)
    assert found.keys() >= {"DNS", "SSH", "SMTP", "QUIC", "NTP"}
    assert found["Unknown"] <= 0.05 * found.total()


def test_ja4_of_the_bytes_is_the_one_that_was_drawn(tmp_path) -> None:
    packets = packets_of(("web", "dns-over-tls"), 40)
    content = speak(packets, 5)
    read = [text for _, text in payload_oracles.client_hellos(save(tmp_path / "x.pcap", packets, content))]
    assert len(read) > 60
    assert sorted(read) == sorted(content.ja4.values())


def test_what_no_protocol_fits_is_random_and_counted() -> None:
    packets = packets_of(("redis",), 10)
    wrong = Speech(label="redis", transport="tcp", port=None, protocols={"quic": 10})
    content = speak(packets, 0, PayloadKnowledge(least_flows=20, least_pairs=5, speeches=[wrong], shapes=[]))
    reason = "QUIC: the client's first datagram has no size of an Initial packet with a hello"
    large = content.written.get("quic", 0)  # a value of Redis may be as large as an Initial packet
    assert content.misfits == {reason: int((streams_of(packets).counts > 0).sum()) - large}
    assert large <= 1
    segments = packets.segments.copy()
    segments["position"] *= 50
    content = speak(replace(packets, segments=segments), 0)
    assert content.misfits["the stream has holes"] > 5


def test_a_label_speaks_what_its_training_traffic_spoke() -> None:
    packets = packets_of(("redis",), 30)
    shape = Shape(side=0, number=0, flows=40, places=["fe:40 ", "ed:40 "])
    known = PayloadKnowledge(
        least_flows=20, least_pairs=5,
        speeches=[Speech(label="redis", transport="tcp", port=None, protocols={"": 10, "ssh": 0})],
        shapes=[LabelShapes(label="redis", transport="tcp", shapes=[shape])],
    )  # fmt: skip
    content = speak(packets, 0, known)
    assert content.written == {"shapes": 30}
    streams = streams_of(packets)
    firsts = streams.messages[np.cumsum(streams.counts) - streams.counts]
    for side, at, size in firsts.tolist():
        assert side or size < 2 or content.data[at : at + 2].tobytes() == b"\xfe\xed"
