"""The application layer of what is generated is read again: clean as it is written, found where a byte is changed."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from netdiffus.api.verbs import check, prepare
from netdiffus.compiler.payload import Content
from netdiffus.compiler.streams import streams_of
from netdiffus.steps.outputs.capture import write_capture
from netdiffus.steps.outputs.capture_config import CaptureConfig
from netdiffus.steps.outputs.order import DrawnFlows
from netdiffus.store.cards import DatasetCard
from netdiffus.store.dataset import read_packets
from netdiffus.traffic.payload.judge import READERS, _is_whole, in_order, judge_payload
from netdiffus.traffic.payload.recognise import Opening
from netdiffus.wire.files.reader import Packet
from netdiffus.wire.files.writer import write_pcap
from payload_talks import FLOWS, built, said
from real_sessions import recorded
from small_packets import ethernet, ipv4, udp

PLACES = {"dns": 12, "http": 3, "ntp": 0, "quic": 24, "rtcp": 3, "stun": 3, "tls": 5, "tls12": 6, "webrtc": 3}


def openings(protocol: str, place: int | None = None) -> list[Opening]:
    talk = built(protocol)
    if place is not None:
        at = talk.messages[0].at + place
        talk.out[at] ^= {"dns": 0xC0, "ntp": 0x23}.get(protocol, 0x3F)
    return [Opening(each.side, said(talk, k)[:2048], each.size) for k, each in enumerate(talk.messages[:6])]


@pytest.mark.parametrize("protocol", sorted(READERS))
def test_what_is_built_is_well_formed(protocol: str) -> None:
    transport = "tcp" if FLOWS[protocol][0] in (22, 80, 443) and protocol != "quic" else "udp"
    assert _is_whole(READERS[protocol], openings(protocol), transport)


@pytest.mark.parametrize(("protocol", "place"), sorted(PLACES.items()))
def test_a_changed_byte_is_found(protocol: str, place: int) -> None:
    assert not _is_whole(READERS[protocol], openings(protocol, place), "udp")


def write(out: Path, monkeypatch: pytest.MonkeyPatch, *, broken: bool) -> None:
    rows = recorded("dns")[0]
    if broken:
        from netdiffus.compiler import payloads

        def content(self: object, packets: object, seed: int, known: object) -> Content:
            made = speak(packets, seed, known)
            firsts = streams_of(packets).messages[:, 1]
            made.data[firsts[:40] + 12] = 63  # the length of the name's first label
            return made

        speak = payloads.speak
        monkeypatch.setattr(payloads.Spoken, "content", content)
    made_by = {"netdiffus": "0", "model": "ab"}
    gaps = np.array([10**6], np.int64)
    write_capture(out, DrawnFlows(rows, {}), gaps, CaptureConfig.of(payload="protocol"), 0, made_by)


def test_check_reads_the_payload_of_what_was_generated(tmp_path, monkeypatch) -> None:
    write(tmp_path / "good.pcap", monkeypatch, broken=False)
    assert check(tmp_path / "good.pcap").clean
    read = judge_payload(tmp_path / "good.pcap")
    assert read.read["dns"] > 400
    assert read.malformed == Counter()
    write(tmp_path / "bad.pcap", monkeypatch, broken=True)
    found = check(tmp_path / "bad.pcap")
    assert [(finding.rule.name, finding.flows > 10) for finding in found.faults] == [("payload-malformed", True)]


def test_data_that_is_sent_again_and_a_line_in_two_packets_are_no_faults() -> None:
    hello, answer = openings("tls")[:2]
    half = hello.size // 2
    head, tail = Opening(0, hello.data[:half], half), Opening(0, hello.data[half:], hello.size - half)
    more = Opening(0, hello.data[half - 4 :], hello.size - half + 4)  # again, from 4 bytes earlier on
    start = 2**32 - 3  # numbers wrap inside the hello
    at = [start, (start + half) % 2**32, (start + half - 4) % 2**32, start, 77]
    said = in_order([head, tail, more, head, answer], at)
    assert said == [head, tail, answer]
    assert _is_whole(READERS["tls"], said, "tcp")
    assert in_order([tail, head, answer], [at[1], start, 77]) == said, "out of order"
    assert in_order([head, tail, answer], [start, at[1] + 1, 77]) == [head, answer], "nothing behind a hole"
    line = b"SSH-2.0-a " + b"b" * 240 + b"\r\n" + bytes(20)
    parts = [Opening(0, line[:41], 41), Opening(0, line[41:], len(line) - 41)]
    assert _is_whole(READERS["ssh"], parts, "tcp")
    endless = [Opening(0, b"SSH-2.0-" + b"b" * 300, 308)]
    assert not _is_whole(READERS["ssh"], endless, "tcp")


def test_prepare_learns_what_was_generated(tmp_path, monkeypatch) -> None:
    (tmp_path / "dns").mkdir()
    write(tmp_path / "dns" / "x.pcap", monkeypatch, broken=False)
    prepare([tmp_path / "dns" / "x.pcap"], out=tmp_path / "set", payload_shapes=True)
    known = DatasetCard.read(tmp_path / "set").payload
    assert known.least_flows == 20
    udp = next(each for each in known.speeches if each.transport == "udp" and each.port == 53)
    assert udp.protocols.keys() == {"dns"}
    assert not known.shapes
    prepare([tmp_path / "dns" / "x.pcap"], out=tmp_path / "without")
    assert DatasetCard.read(tmp_path / "without").payload is None
    assert "payload" not in read_packets(tmp_path / "set").columns


def test_captures_of_headers_alone_tell_nothing_of_payload(tmp_path) -> None:
    frames = [ethernet(ipv4(udp(bytes(9)), 17, source=f"192.0.2.{host}")) for host in range(1, 13)]
    packets = [Packet(k * 10**6, frame[:42], len(frame)) for k, frame in enumerate(frames * 2)]
    write_pcap(tmp_path / "x.pcap", packets)
    prepare([tmp_path / "x.pcap"], out=tmp_path / "set", payload_shapes=True)
    card = DatasetCard.read(tmp_path / "set")
    assert card.payload.speeches == []
    assert any("--payload-shapes found no payload" in note for note in card.notes)
