"""QUIC: the keys of RFC 9001, and Initial packets that another implementation opens."""

import pytest

from netdiffus.traffic.payload.ja4 import ja4, read_hello
from netdiffus.traffic.payload.quic import build_quic, initial_keys
from netdiffus.traffic.payload.talk import CLIENT, SERVER, Misfit
from payload_talks import fill_of, said, talk_of


def test_keys_are_those_of_the_rfc() -> None:
    """RFC 9001 appendix A.1."""
    key, vector, header = initial_keys(bytes.fromhex("8394c8f03e515708"), CLIENT)
    assert key.hex() == "1f369613dd76d5467730efcbe3b1a22d"
    assert vector.hex() == "fa044b2f42a3fd3b46fb255c"
    assert header.hex() == "9f50449e04a0e810283a1e9933adedd2"
    assert initial_keys(bytes.fromhex("8394c8f03e515708"), SERVER)[0].hex() == "cf3a5331653c364c88f0f379b6067e37"


def test_another_implementation_opens_both_hellos() -> None:
    crypto = pytest.importorskip("aioquic.quic.crypto")
    talk = talk_of([1200, -1200, 1200, -900, 60, -40], transport="udp")
    build_quic(talk, fill_of())
    first = said(talk, 0)
    pair = crypto.CryptoPair()
    pair.setup_initial(first[6:14], is_client=False, version=1)
    _, frames, number = pair.decrypt_packet(first, 1 + 4 + 9 + 9 + 1 + 2, 0)
    assert number == 0
    assert frames[:1] == b"\x06"
    size = int.from_bytes(frames[3:5], "big") & 0x3FFF
    hello = read_hello(frames[5 : 5 + size])
    assert talk.drawn["ja4"] == ja4(hello, "q")
    assert ja4(hello, "q").startswith("q13d0308h3_")
    client = crypto.CryptoPair()
    client.setup_initial(first[6:14], is_client=True, version=1)
    answer = said(talk, 1)
    end = 26 + (int.from_bytes(answer[24:26], "big") & 0x3FFF)
    _, frames, _ = client.decrypt_packet(answer[:end], 26, 0)
    assert frames[5:6] == b"\x06"
    assert frames[10:11] == b"\x02"
    assert answer[end] & 0xF0 == 0xE0  # a Handshake packet is behind it


def test_what_is_no_initial_packet_is_refused() -> None:
    with pytest.raises(Misfit, match="no size of an Initial packet"):
        build_quic(talk_of([100, -1200], transport="udp"), fill_of())
