"""What each protocol begins with, as its specification says, and that what is written is recognised again."""

import json

import numpy as np
import pytest

from netdiffus.traffic.payload.protocols import PROTOCOLS
from netdiffus.traffic.payload.recognise import Opening, recognise
from netdiffus.traffic.payload.talk import Misfit
from payload_talks import FLOWS, built, fill_of, said, talk_of

BEGINS = {
    "bittorrent": b"\x13BitTorrent protocol", "dhcp": b"\x01\x01\x06\x00", "dropbox": b'{"version": ', "ftp": b"220",
    "http2": b"PRI * HTTP/2.0", "imap": b"* OK", "pop3": b"+OK", "redis": b"*", "rtp": b"\x80", "rtcp": b"\x80\xc9",
    "smtp": b"220 ", "spotify": b"SpotUdp0", "ssh": b"SSH-2.0-", "tls": b"\x16\x03\x01",
    "tracker": b"GET /announce?info_hash=",
}  # fmt: skip


def test_every_protocol_has_a_flow_here() -> None:
    assert set(FLOWS) == set(PROTOCOLS)


@pytest.mark.parametrize("protocol", sorted(FLOWS))
def test_what_is_written_is_recognised(protocol: str) -> None:
    port, _ = FLOWS[protocol]
    for seed in range(5):
        talk = built(protocol, seed)
        assert said(talk, 0).startswith(BEGINS.get(protocol, b""))
        openings = [Opening(each.side, said(talk, k)[:128], each.size) for k, each in enumerate(talk.messages[:6])]
        assert recognise(talk.facts.transport, port, openings) == protocol
    assert recognise("tcp", port, [Opening(0, b"\x99" * 40, 40)]) == ""


@pytest.mark.parametrize("protocol", sorted(set(FLOWS) - {"http2", "rtcp", "sip", "tls", "tracker", "webrtc"}))
def test_eight_bytes_of_each_message_are_enough(protocol: str) -> None:
    """Captures may hold no more; TLS 1.3 looks like 1.2 then, and a tracker like any server of HTTP."""
    port, _ = FLOWS[protocol]
    talk = built(protocol)
    openings = [Opening(each.side, said(talk, k)[:8], each.size) for k, each in enumerate(talk.messages[:6])]
    assert recognise(talk.facts.transport, port, openings) == protocol


@pytest.mark.parametrize("protocol", sorted(set(FLOWS) - {"http2"}))  # its bodies are left as they are: random
def test_two_flows_share_constants_alone(protocol: str) -> None:
    one, two = (bytes(built(protocol, seed).out) for seed in (1, 2))
    assert one != two


def test_http_bodies_have_the_lengths_that_heads_say() -> None:
    for sizes in ([140, -900], [300, -60, -9000], [2500, -300], [90, -150_000]):
        talk = talk_of(sizes)
        PROTOCOLS["http"](talk, fill_of())
        stream = b"".join(said(talk, k) for k, each in enumerate(talk.messages) if each.side)
        head, _, body = stream.partition(b"\r\n\r\n")
        length = next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
        assert int(length.split(b": ")[1]) == len(body)
        assert b"Host: www.barolen.example.com\r\n" in said(talk, 0)


def test_ntp_answers_repeat_what_was_asked() -> None:
    talk = built("ntp")
    assert said(talk, 1)[24:32] == said(talk, 0)[40:48]
    assert said(talk, 0)[0] & 7 == 3
    assert said(talk, 1)[0] & 7 == 4


def test_stun_answers_have_the_number_and_the_address() -> None:
    talk = built("stun")
    assert said(talk, 1)[8:20] == said(talk, 0)[8:20]
    assert said(talk, 1)[:2] == b"\x01\x01"
    mapped = said(talk, 1)[20:32]
    assert bytes(a ^ b for a, b in zip(mapped[8:12], b"\x21\x12\xa4\x42", strict=True)) == talk.facts.client


def test_mqtt_packets_follow_each_other() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        talk = talk_of([40, -4, *(int(size) for size in rng.integers(2, 400, 10) * rng.choice([-1, 1], 10))])
        try:
            PROTOCOLS["mqtt"](talk, fill_of())
        except Misfit:
            pytest.fail("40 bytes are enough for CONNECT")
        stream, at = b"".join(said(talk, k) for k, each in enumerate(talk.messages) if not each.side), 0
        while at + 4 < len(stream):
            length, shift, place = 0, 0, at + 1
            while True:
                length |= (stream[place] & 0x7F) << shift
                place, shift = place + 1, shift + 7
                if not stream[place - 1] & 0x80:
                    break
            assert stream[at] >> 4 in (1, 3, 4, 9, 12, 13)
            at = place + length


def test_dropbox_announces_itself_in_json() -> None:
    talk = built("dropbox")
    told = json.loads(said(talk, 0))
    assert told["port"] == talk.facts.server_port
    assert len(str(told["host_int"])) == 38
